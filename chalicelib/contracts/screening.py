"""Screening: what is looked for in texts and pictures, what was found, and what is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Base64Bytes, Field

from chalicelib.contracts.base import Contract, HttpInput

Category = Literal[
    "personal-data",
    "injection",
    "harassment",
    "threat",
    "hate",
    "self-harm",
    "sexual",
    "violence",
]
Origin = Literal["instructions", "input", "untrusted", "output"]
"""Who wrote a text: the caller its instructions, a user the input, somebody else what was retrieved
or given back by a tool, a model the output."""

Action = Literal["off", "flag", "mask", "refuse"]
Side = Literal["input", "output"]

MAX_TEXTS = 512
MAX_CHARACTERS = 1_000_000
"""Of all texts of one screening together."""
MAX_FINDINGS = 10_000
"""Of one screening; more would be more than a function can answer."""
MAX_PICTURE_BYTES = 4 * 1024 * 1024
"""The size limit of an invocation of a function, 6 MB, as base64."""
DEFAULT_THRESHOLD = 0.5


class CategoryPolicy(Contract):
    """Actions on findings of one category whose score is `threshold` or more.

    `input` is for all that a model is to read, `output` for what it wrote. Only personal data and
    injections can be masked.
    """

    input: Action = "off"
    output: Action = "off"
    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0, le=1)


class ScreeningPolicy(Contract):
    """The screening policy of a tenant or a stage; a missing category is off."""

    categories: Mapping[Category, CategoryPolicy] = Field(default_factory=dict)


class OriginText(Contract):
    """A text with who wrote it."""

    text: str
    origin: Origin = "input"


class Finding(Contract):
    """A finding of a rule or a model.

    `text` is the place of the text, or of the picture, among those that were given. Characters
    `start` to `end` of the text are it; both are 0 for a picture. `score` is from 0 to 1, how sure
    the rule is. `words` say what was found, never the text itself.
    """

    rule: str
    category: Category
    text: int = Field(ge=0)
    start: int = Field(default=0, ge=0)
    end: int = Field(default=0, ge=0)
    score: float = Field(ge=0, le=1)
    words: str


class ScreenTextRequest(Contract):
    """The input of `screen_text`; without categories all are looked for.

    Findings with less than the score `least` are not told.
    """

    texts: tuple[OriginText, ...] = Field(min_length=1, max_length=MAX_TEXTS)
    categories: tuple[Category, ...] = ()
    least: float = Field(default=0.0, ge=0, le=1)
    correlation_id: str = ""


class ScreenTextResult(Contract):
    """The output of `screen_text`, in order of texts and places."""

    findings: tuple[Finding, ...]
    seconds: float = Field(ge=0)


class ScreenImageRequest(Contract):
    """The input of `screen_image`: one picture, by its bytes."""

    data: Base64Bytes
    correlation_id: str = ""


class ScreenImageResult(Contract):
    """The output of `screen_image`: how likely the picture is pornographic, from 0 to 1."""

    score: float = Field(ge=0, le=1)
    model: str
    seconds: float = Field(ge=0)


class CreateScreeningRequest(HttpInput):
    """`POST /v1/screenings`: what is in these texts that should not be.

    `origin` says who wrote them: orders to a model are looked for in what is `untrusted`, and the
    plainest of them in `input`. Without `categories` all are looked for. `mask` are the categories
    whose findings are masked in what comes back.
    """

    texts: tuple[Annotated[str, Field(min_length=1, max_length=MAX_CHARACTERS)], ...] = Field(
        min_length=1, max_length=MAX_TEXTS
    )
    origin: Origin = "input"
    categories: tuple[Category, ...] = Field(default=(), max_length=8)
    mask: tuple[Category, ...] = Field(default=(), max_length=8)
    threshold: float = Field(default=DEFAULT_THRESHOLD, ge=0, le=1)
    """Findings whose score is less are not told."""


class Screening(Contract):
    """Findings, in order of texts and positions, and the texts with the requested masks.

    `languages` are those that the rules of a category know words of; `*` is any language.
    """

    findings: tuple[Finding, ...]
    texts: tuple[str, ...]
    languages: Mapping[Category, tuple[str, ...]]
