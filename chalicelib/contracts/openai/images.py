"""Pictures.

https://platform.openai.com/docs/api-reference/images
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.generations import MAX_GUIDANCE, MAX_IMAGES, MAX_STEPS
from chalicelib.contracts.openai.base import ModelCallInput, Receipted


class ImageRequest(ModelCallInput):
    """`POST /v1/images/generations`. `negative_prompt`, `seed`, `to_seed`, `steps` and `guidance`
    are ours.
    """

    model: str = "auto"
    prompt: str = Field(min_length=1, max_length=32_000)
    n: int | None = Field(default=None, ge=1, le=MAX_IMAGES)
    size: str | None = None
    response_format: Literal["b64_json", "url"] | None = None
    output_format: str | None = None
    background: str | None = None
    stream: bool | None = None
    negative_prompt: str = ""
    seed: int | None = None
    to_seed: int | None = None
    """Walk from the picture of `seed` to that of this one, both included."""
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    guidance: float | None = Field(default=None, ge=0, le=MAX_GUIDANCE)


class Image(Contract):
    """One picture, PNG as base64."""

    b64_json: str


class ImageList(Contract):
    """The pictures."""

    created: int
    data: tuple[Image, ...]
    headrace: Receipted
