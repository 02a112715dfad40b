"""The log of answers and searches, which ratings refer to.

If an answer cannot be logged, the answer is given all the same: it then has no id to rate it by,
and a notice says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.answer_log import LoggedAnswer, LoggedKind, PageSpan, QuotedSpan
from chalicelib.errors import HeadraceError
from chalicelib.retrieval.search.feedback_boost import pack_vector

if TYPE_CHECKING:
    from chalicelib.contracts.search import Hit
    from chalicelib.retrieval.search.query import Query, SearchResult


@dataclass(frozen=True, slots=True)
class EmbeddedAnswer:
    """A logged answer with the vector of its question, packed by `pack_vector`."""

    answer: LoggedAnswer
    vector: bytes


class LoggedAnswers(Protocol):
    """The store of logged answers."""

    def put_answer(self, tenant: str, logged: EmbeddedAnswer) -> None:
        """Store an answer for `ASKED_DAYS` under its id."""


class UnloggedAnswers:
    """A store that keeps nothing: of questions that are asked again, whose answers nobody sees."""

    def put_answer(self, tenant: str, logged: EmbeddedAnswer) -> None:
        """Keep nothing."""


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """Where a rating is stored, and which answer it is about.

    `ulid` is the one in the ids of the rated answer and of the rating; `key` is the S3 key of the
    training row; `versions` are pairs of a document id and a version.
    """

    ulid: str
    key: str
    versions: tuple[tuple[str, str], ...]


MAX_SHOWN = 5
"""Passages logged beside the cited ones: training also uses passages that nobody cited."""
ID_PREFIXES: dict[LoggedKind, str] = {"answer": "ans_", "search": "srch_"}
NOT_LOGGED = "It could not be kept, and so it cannot be rated."


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A question or search and its outcome; `asked_as` is the text that was searched for."""

    kind: LoggedKind
    question: str
    asked_as: str
    answer: str = ""
    tier: str = ""
    outcome: str = ""
    cited: tuple[QuotedSpan, ...] = ()
    nearest: tuple[QuotedSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerLog:
    """Logs answers and searches; calls `on_error` with the error if a write fails."""

    records: LoggedAnswers
    utcnow: Callable[[], datetime]
    new_ulid: Callable[[datetime], str]
    on_error: Callable[[HeadraceError], None]

    def record(self, query: Query, record: AnswerRecord, found: SearchResult) -> str:
        """Store a record with what its query found; return its id, "" if the write failed."""
        now = self.utcnow()
        answer = LoggedAnswer(
            id=ID_PREFIXES[record.kind] + self.new_ulid(now),
            kind=record.kind,
            question=record.question,
            asked_as=record.asked_as,
            answer=record.answer,
            tier=record.tier,
            outcome=record.outcome,
            cited=record.cited,
            nearest=record.nearest,
            shown=tuple(map(_span, found.passages[:MAX_SHOWN])),
            model=found.embedding.model,
            asked_at=now,
            rollout_id=query.rollout_id,
            arm=query.arm,
        )
        try:
            self.records.put_answer(query.tenant, EmbeddedAnswer(answer, pack_vector(found.vector)))
        except HeadraceError as error:
            self.on_error(error)
            return ""
        return answer.id


def first_passage_span(passages: Iterable[Hit]) -> tuple[QuotedSpan, ...]:
    """Return the span that a rating of a search refers to: its first passage, without text."""
    return tuple(QuotedSpan(**_span(hit).model_dump(), path=hit.path) for hit in passages)[:1]


def _span(hit: Hit) -> PageSpan:
    return PageSpan(
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        start=hit.start,
        end=hit.end,
    )
