"""What was asked and what it got, kept so that it can be rated.

That it cannot be kept is no reason to fail an answer: there is no id to rate it by then, and a
notice says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.contracts.asked import Asked, AskedKind, Place, Quoted
from chalicelib.errors import HeadraceError
from chalicelib.query_ports import AskedRecords, KeptAsked
from chalicelib.retrieval.search.feedback_boost import packed

if TYPE_CHECKING:
    from chalicelib.contracts.searching import Hit
    from chalicelib.retrieval.search.query import Found

SHOWN = 5
"""Passages that are kept beside what was cited: training takes those that nobody cited, too."""
PREFIXES: dict[AskedKind, str] = {"answer": "ans_", "search": "srch_"}
NOT_KEPT = "It could not be kept, and so it cannot be rated."


@dataclass(frozen=True, slots=True)
class Told:
    """A question and what it got; `asked_as` is what was searched for in its place."""

    kind: AskedKind
    question: str
    asked_as: str
    answer: str = ""
    tier: str = ""
    cited: tuple[Quoted, ...] = ()


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps what was asked; `log` hears of what could not be kept."""

    records: AskedRecords
    now: Callable[[], datetime]
    new_id: Callable[[datetime], str]
    log: Callable[[HeadraceError], None]

    def keep(self, tenant: str, told: Told, found: Found) -> str:
        """Return the id under which it is kept, "" where it could not be."""
        now = self.now()
        asked = Asked(
            id=PREFIXES[told.kind] + self.new_id(now),
            kind=told.kind,
            question=told.question,
            asked_as=told.asked_as,
            answer=told.answer,
            tier=told.tier,
            cited=told.cited,
            shown=tuple(map(_place, found.passages[:SHOWN])),
            model=found.embedding.model,
            asked_at=now,
        )
        try:
            self.records.keep_asked(tenant, KeptAsked(asked, packed(found.vector)))
        except HeadraceError as error:
            self.log(error)
            return ""
        return asked.id


def first_of(passages: Iterable[Hit]) -> tuple[Quoted, ...]:
    """Return what a search is rated by: its first passage, without its text."""
    return tuple(Quoted(**_place(hit).model_dump(), path=hit.path) for hit in passages)[:1]


def _place(hit: Hit) -> Place:
    return Place(
        document_id=hit.document_id,
        version=hit.version,
        page=hit.page,
        start=hit.start,
        end=hit.end,
    )
