"""Input and output of the function `generate_image`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Base64Bytes, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.generations import MAX_GUIDANCE, MAX_IMAGES, MAX_SIDE, MAX_STEPS
from chalicelib.contracts.serving import ServedModelRequest

MAX_SEED = 2**32 - 1

Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]


class GenerateImageRequest(ServedModelRequest):
    """Pictures of the model that the stage serves as `model`.

    They are drawn from `seed`, each from a stream of its own, or from a seed by chance. With
    `to_seed` they walk from the first of `seed` to the first of `to_seed`, both included. `steps`
    and `guidance` are the model's own where they are left out. Each pixel of the model becomes a
    square of as many as fit into `width` by `height`.
    """

    prompt: str = ""
    negative_prompt: str = ""
    count: int = Field(default=1, ge=1, le=MAX_IMAGES)
    width: int = Field(ge=1, le=MAX_SIDE)
    height: int = Field(ge=1, le=MAX_SIDE)
    seed: Seed | None = None
    to_seed: Seed | None = None
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    guidance: float | None = Field(default=None, ge=0, le=MAX_GUIDANCE)


class GenerateImageResult(Contract):
    """Pictures as PNG, the version that drew them, and how many seconds that took."""

    images: tuple[Base64Bytes, ...]
    version: str
    seconds: float = Field(ge=0)
