"""Input and output of `check_support`: whether sources support claims."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from chalicelib.contracts.base import Contract

MAX_CLAIMS = 64
MAX_SOURCES = 64
MAX_TEXT = 8_000
"""Characters of one claim or one source."""


class Doubt(StrEnum):
    """Why a claim is not held up by a source."""

    NUMBER_MISSING = "number_missing"
    DATE_MISSING = "date_missing"
    NAME_MISSING = "name_missing"
    NEGATION = "negation"
    RELATION_CHANGED = "relation_changed"
    OVERSTATED = "overstated"
    HALF_SUPPORTED = "half_supported"
    NOT_COVERED = "not_covered"


class CheckSource(Contract):
    """A text that a claim may rest on; `id` is the caller's, and comes back in a verdict."""

    id: int
    text: str = Field(min_length=1, max_length=MAX_TEXT)


class CheckRequest(Contract):
    """The input of `check_support`. `question` is what the claims answer, or empty."""

    question: str = Field(default="", max_length=MAX_TEXT)
    claims: tuple[str, ...] = Field(min_length=1, max_length=MAX_CLAIMS)
    sources: tuple[CheckSource, ...] = Field(min_length=1, max_length=MAX_SOURCES)
    correlation_id: str = ""


class ClaimVerdict(Contract):
    """Whether a source holds up a claim.

    `source` is the id of the source that holds it up, or comes nearest to; None where no source
    is near. The claim rests on the characters `start` to `end` of its text, which begin and end
    with a sentence. `score` is from 0 to 1. `reasons` is empty where `supported` is true.
    """

    supported: bool
    source: int | None
    score: float = Field(ge=0, le=1)
    start: int = Field(default=0, ge=0)
    end: int = Field(default=0, ge=0)
    reasons: tuple[Doubt, ...] = ()


class CheckResult(Contract):
    """The output of `check_support`: one verdict a claim, in order, and what that took."""

    verdicts: tuple[ClaimVerdict, ...]
    model: str
    tokens: int = Field(ge=0)
    seconds: float = Field(ge=0)
