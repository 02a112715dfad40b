"""`POST /v1/feedback`, what an answer is kept as to be rated, and what a rating is stored as."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.events import BusEvent

MAX_CORRECTION_CHARACTERS = 4_000
MAX_COMMENT_CHARACTERS = 2_000
Rating = Literal["up", "down"]
AskedKind = Literal["answer", "search"]


class Place(Contract):
    """Characters `start` to `end` of a page of a version."""

    document_id: str
    version: str
    page: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)


class Quoted(Place):
    """What a citation quoted, and the path of its document."""

    path: str
    quote: str


class Asked(Contract):
    """A question or a query with what it got, kept for 30 days to be rated.

    `cited` is what an answer rests on; of a search it is its first passage. `shown` are the first
    passages that were found. `vector` is the question's, by `model`: a byte a dimension.
    """

    id: str
    kind: AskedKind
    question: str
    asked_as: str
    answer: str = ""
    tier: str = ""
    cited: tuple[Quoted, ...] = ()
    shown: tuple[Place, ...] = ()
    model: str = ""
    vector: bytes = b""
    asked_at: AwareDatetime


class Mark(Place):
    """A passage that was rated: 1 for what answers, -1 for what does not."""

    mark: Literal[1, -1]


class Vote(Contract):
    """What a rating says for questions like the one that was rated, whose vector this is."""

    model: str
    vector: bytes
    marks: tuple[Mark, ...]


class BetterPassage(HttpInput):
    """Where the answer stands; without `version`, in the one that answers now."""

    document_id: str = Field(min_length=1, max_length=64)
    version: str | None = Field(default=None, min_length=1, max_length=64)
    page: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)

    @model_validator(mode="after")
    def _ends_behind_its_start(self) -> Self:
        if self.end <= self.start:
            raise PydanticCustomError("range", "end must be greater than start")
        return self


class FeedbackRequest(HttpInput):
    """`POST /v1/feedback`: a rating of an answer or of a search, by its id.

    `correction` is what the answer should have said.
    """

    answer_id: str | None = Field(default=None, min_length=1, max_length=64)
    search_id: str | None = Field(default=None, min_length=1, max_length=64)
    rating: Rating
    correction: str | None = Field(default=None, min_length=1, max_length=MAX_CORRECTION_CHARACTERS)
    better_passage: BetterPassage | None = None
    comment: str | None = Field(default=None, min_length=1, max_length=MAX_COMMENT_CHARACTERS)

    @model_validator(mode="after")
    def _names_one(self) -> Self:
        if (self.answer_id is None) == (self.search_id is None):
            raise PydanticCustomError("rated", "name either answer_id or search_id")
        return self

    @property
    def rated(self) -> str:
        """Return the id of what is rated."""
        return self.answer_id or self.search_id or ""


class FeedbackResponse(Contract):
    """The rating is kept; rating the same answer again takes its place."""

    feedback_id: str
    ranks: bool
    """Whether it moves passages for questions alike: it names a passage of a current version."""


class FeedbackRow(Contract):
    """One rating as it is stored for training: `asked.answer` against `correction` is a pair."""

    feedback_id: str
    rating: Rating
    correction: str = ""
    better_passage: Place | None = None
    comment: str = ""
    asked: Asked
    received_at: AwareDatetime


class FeedbackReceived(BusEvent):
    """Somebody rated an answer or a search."""

    detail_type: ClassVar[str] = "feedback.received"

    tenant: str
    feedback_id: str
    rated: str
    kind: AskedKind
    rating: Rating
    corrected: bool
    ranks: bool
    correlation_id: str
    time: AwareDatetime
