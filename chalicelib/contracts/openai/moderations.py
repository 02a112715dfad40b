"""The bodies of `POST /v1/moderations`.

https://platform.openai.com/docs/api-reference/moderations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.openai.base import OpenAIInput
from chalicelib.contracts.screening import MAX_CHARACTERS

MAX_INPUTS = 128

_Text = Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)]


class TextInput(OpenAIInput):
    """A text among what is to be looked at."""

    type: Literal["text"]
    text: _Text


class PictureUrl(OpenAIInput):
    """A picture, as a `data:` URL."""

    url: Annotated[str, Field(min_length=1, max_length=6_000_000)]


class PictureInput(OpenAIInput):
    """A picture among what is to be looked at."""

    type: Literal["image_url"]
    image_url: PictureUrl


class ModerationRequest(OpenAIInput):
    """`POST /v1/moderations`: classify harmful content in texts and pictures.

    A list of texts gets a result for each; a list of parts gets one for all of them together, as
    OpenAI does it. Pictures are given as `data:` URLs: addresses are not fetched.
    """

    input: (
        _Text
        | Annotated[tuple[_Text, ...], Field(min_length=1, max_length=MAX_INPUTS)]
        | Annotated[
            tuple[Annotated[TextInput | PictureInput, Field(discriminator="type")], ...],
            Field(min_length=1, max_length=MAX_INPUTS),
        ]
    )
    model: str = Field(default="headrace-moderation", max_length=256)
    """Taken and given back; there is one screen."""


class ModerationResult(Contract):
    """Findings in one input, by OpenAI's categories.

    `category_applied_input_types` names for each category what was looked at: a category with an
    empty list is one that nothing here looks for, so that its false says nothing.
    """

    flagged: bool
    categories: Mapping[str, bool]
    category_scores: Mapping[str, float]
    category_applied_input_types: Mapping[str, tuple[Literal["text", "image"], ...]]
    rules: tuple[str, ...] = ()
    """The rules that found something, which we add to OpenAI's body."""


class ModerationResponse(Contract):
    """A result for each input."""

    id: str
    model: str
    results: tuple[ModerationResult, ...]
