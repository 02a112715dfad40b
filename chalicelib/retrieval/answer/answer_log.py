"""What was asked and what it got, kept so that it can be rated.

That it cannot be kept is no reason to fail an answer: there is no id to rate it by then, and a
notice says so.
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
    from chalicelib.retrieval.search.query import SearchResult


@dataclass(frozen=True, slots=True)
class EmbeddedAnswer:
    """A question with what it got, and its vector as `votes.packed` gives it."""

    asked: LoggedAnswer
    vector: bytes


class LoggedAnswers(Protocol):
    """Where questions are kept with what they got, to be rated."""

    def keep_asked(self, tenant: str, kept: EmbeddedAnswer) -> None:
        """Keep it for `ASKED_DAYS` under its id."""


@dataclass(frozen=True, slots=True)
class RatedAnswer:
    """A rating: the ULID in the ids of what was rated and of the rating, the key of its row in
    S3, and the documents with the versions that it has to do with.
    """

    ulid: str
    key: str
    versions: tuple[tuple[str, str], ...]


MAX_SHOWN = 5
"""Passages that are kept beside what was cited: training takes those that nobody cited, too."""
ID_PREFIXES: dict[LoggedKind, str] = {"answer": "ans_", "search": "srch_"}
NOT_LOGGED = "It could not be kept, and so it cannot be rated."


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """A question and what it got; `asked_as` is what was searched for in its place."""

    kind: LoggedKind
    question: str
    asked_as: str
    answer: str = ""
    tier: str = ""
    cited: tuple[QuotedSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerLog:
    """Keeps what was asked; `log` hears of what could not be kept."""

    records: LoggedAnswers
    now: Callable[[], datetime]
    new_id: Callable[[datetime], str]
    log: Callable[[HeadraceError], None]

    def keep(self, tenant: str, told: AnswerRecord, found: SearchResult) -> str:
        """Return the id under which it is kept, "" where it could not be."""
        now = self.now()
        asked = LoggedAnswer(
            id=ID_PREFIXES[told.kind] + self.new_id(now),
            kind=told.kind,
            question=told.question,
            asked_as=told.asked_as,
            answer=told.answer,
            tier=told.tier,
            cited=told.cited,
            shown=tuple(map(_place, found.passages[:MAX_SHOWN])),
            model=found.embedding.model,
            asked_at=now,
        )
        try:
            self.records.keep_asked(tenant, EmbeddedAnswer(asked, pack_vector(found.vector)))
        except HeadraceError as error:
            self.log(error)
            return ""
        return asked.id


def first_passage_span(passages: Iterable[Hit]) -> tuple[QuotedSpan, ...]:
    """Return what a search is rated by: its first passage, without its text."""
    return tuple(QuotedSpan(**_place(hit).model_dump(), path=hit.path) for hit in passages)[:1]


def _place(hit: Hit) -> PageSpan:
    return PageSpan(
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        start=hit.start,
        end=hit.end,
    )
