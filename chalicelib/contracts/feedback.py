"""`POST /v1/feedback`, and what a rating is stored as."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import (
    AwareDatetime,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chalicelib.contracts.answer_log import LoggedAnswer, LoggedKind, QuotedSpan, RatedSpan, Rating
from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.events import BusEvent

MAX_CORRECTION_CHARACTERS = 4_000
MAX_COMMENT_CHARACTERS = 2_000
MAX_PASSAGE_CHARACTERS = 8_000


class BetterPassage(HttpInput):
    """The characters of a page that answer; without `version`, of the one that answers now."""

    document_id: str = Field(min_length=1, max_length=64)
    version: str | None = Field(default=None, min_length=1, max_length=64)
    page: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)

    @field_validator("end")
    @classmethod
    def _ends_behind_its_start(cls, end: int, given: ValidationInfo) -> int:
        start = given.data.get("start", 0)
        if end <= start:
            raise PydanticCustomError("range", "end must be greater than start")
        if end - start > MAX_PASSAGE_CHARACTERS:
            raise PydanticCustomError(
                "range",
                "a passage has {max_length} characters at most",
                {"max_length": MAX_PASSAGE_CHARACTERS},
            )
        return end


class FeedbackRequest(HttpInput):
    """`POST /v1/feedback`: a rating of an answer or of a search, by its id.

    A search is rated by its first passage. `correction` is what the answer should have said.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"properties": {name: {"type": "string"}}, "required": [name]}
                for name in ("answer_id", "search_id")
            ]
        }
    )

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
    def kind(self) -> LoggedKind:
        """Return what is rated."""
        return "answer" if self.answer_id is not None else "search"

    @property
    def field(self) -> str:
        """Return the name of the field that says what is rated."""
        return f"{self.kind}_id"

    @property
    def rated(self) -> str:
        """Return the id of what is rated."""
        return self.answer_id or self.search_id or ""


class FeedbackResponse(Contract):
    """The rating is kept; rating the same answer again takes its place.

    `ranks` says whether it moves passages for questions alike: it does where it is about a passage
    of a version that answers now.
    """

    feedback_id: str
    ranks: bool


class FeedbackRow(Contract):
    """One rating as it is stored for training: one line of JSON.

    `asked.answer` against `correction` is a pair to write by; `better_passage` against
    `asked.cited` and `asked.shown` is one to retrieve by. `marks` are the passages that move.
    """

    feedback_id: str
    rating: Rating
    correction: str = ""
    better_passage: QuotedSpan | None = None
    comment: str = ""
    asked: LoggedAnswer
    marks: tuple[RatedSpan, ...] = ()
    received_at: AwareDatetime


class FeedbackReceived(BusEvent):
    """Somebody rated an answer or a search."""

    detail_type: ClassVar[str] = "feedback.received"

    tenant: str
    feedback_id: str
    rated: str
    kind: LoggedKind
    rating: Rating
    corrected: bool
    ranks: bool
    correlation_id: str
    time: AwareDatetime
