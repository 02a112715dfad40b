"""Ratings in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from chalicelib.contracts.answer_log import RatedSpan, Rating
from chalicelib.contracts.feedback import FeedbackRow
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.retrieval.answer.answer_log import AnswerLog, EmbeddedAnswer, RatedAnswer
from chalicelib.retrieval.search.feedback_boost import Vote, unpack_vector

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass
class FakeRatings:
    """What was asked and voted, by tenant; keeping fails with `fails`."""

    kept: dict[tuple[str, str], EmbeddedAnswer] = field(default_factory=dict)
    voted: dict[tuple[str, str], Vote] = field(default_factory=dict)
    rated: list[RatedAnswer] = field(default_factory=list)
    fails: HeadraceError | None = None
    is_removed: bool = False
    """Whether what is rated is removed with its documents at once."""

    def put_answer(self, tenant: str, kept: EmbeddedAnswer) -> None:
        if self.fails is not None:
            raise self.fails
        self.kept[tenant, kept.answer.id] = kept

    def get_answer(self, tenant: str, asked_id: str) -> EmbeddedAnswer | None:
        return self.kept.get((tenant, asked_id))

    def rate(
        self,
        tenant: str,
        rated: RatedAnswer,
        kept: EmbeddedAnswer,
        marks: Sequence[RatedSpan],
        rating: Rating,
    ) -> None:
        self.rated.append(rated)
        self.voted.pop((tenant, rated.ulid), None)
        if marks:
            vote = Vote(kept.answer.model, unpack_vector(kept.vector), tuple(marks))
            self.voted[tenant, rated.ulid] = vote

    def stands(self, tenant: str, rated: RatedAnswer) -> bool:
        return not self.is_removed

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        return [vote for (owner, _), vote in self.voted.items() if owner == tenant]


@dataclass
class FakeRows:
    """Rows by key, and pages by document, version and number."""

    pages: dict[tuple[str, str, str, int], str] = field(default_factory=dict)
    written: dict[str, FeedbackRow] = field(default_factory=dict)

    def page_text(self, tenant: str, document_id: str, version: str, page: int) -> str:
        try:
            return self.pages[tenant, document_id, version, page]
        except KeyError:
            raise NotFound("no such page") from None

    def write_row(self, key: str, row: FeedbackRow) -> None:
        self.written[key] = row

    def remove_row(self, key: str) -> None:
        del self.written[key]


def answer_log(ratings: FakeRatings, logged: list[HeadraceError] | None = None) -> AnswerLog:
    """Return a answer_log whose ids count from 1."""
    numbers = iter(range(1, 10_000))
    log = [] if logged is None else logged
    return AnswerLog(ratings, lambda: NOW, lambda now: f"{next(numbers):026}", log.append)
