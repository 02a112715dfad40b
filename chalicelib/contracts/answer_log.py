"""Logged answers and searches that can be rated, and the passages that a rating marks."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract, is_none
from chalicelib.contracts.page_times import Milliseconds

ASKED_DAYS = 30
"""How long an answer or a search can be rated."""
Rating = Literal["up", "down"]
LoggedKind = Literal["answer", "search"]
ArmName = Literal["", "live", "candidate"]
"""An arm of a rollout, "" for none."""


class PageSpan(Contract):
    """Characters `start` to `end` of a page of a version."""

    document_id: str
    version: str
    page: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)

    @property
    def bare_span(self) -> PageSpan:
        """Return the place without what a kind of place adds to it."""
        return PageSpan(
            document_id=self.document_id,
            version=self.version,
            page=self.page,
            start=self.start,
            end=self.end,
        )


class QuotedSpan(PageSpan):
    """A cited passage: the path of its document, and its text, "" if it is not kept.

    `start_ms` to `end_ms` is its time in a recording, and `speaker` who says it.
    """

    path: str
    quote: str = ""
    start_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    end_ms: Milliseconds | None = Field(default=None, exclude_if=is_none)
    speaker: int | None = Field(default=None, ge=1, exclude_if=is_none)


class LoggedAnswer(Contract):
    """A question or a query with what it got, kept for `ASKED_DAYS` to be rated.

    `asked_as` is the question as it was searched for, which stands alone. `outcome` is that of a
    question, "" of a search. `cited` is what the claims of an answer cite; of a search it is its
    first passage, without its text. `nearest` are the passages that were shown as the nearest ones,
    numbered on from `cited`. `shown` are the first passages that were found. `model` is the one
    that embedded the question. `arm` is the arm of the rollout `rollout_id` that
    answered, if a rollout serves end users.
    """

    id: str
    kind: LoggedKind
    question: str
    asked_as: str
    answer: str = ""
    tier: str = ""
    outcome: str = ""
    cited: tuple[QuotedSpan, ...] = ()
    nearest: tuple[QuotedSpan, ...] = ()
    shown: tuple[PageSpan, ...] = ()
    model: str
    asked_at: AwareDatetime
    rollout_id: str = ""
    arm: ArmName = ""

    @property
    def numbered(self) -> tuple[QuotedSpan, ...]:
        """Return what can be opened by its number, from 1."""
        return (*self.cited, *self.nearest)

    @property
    def rated(self) -> tuple[QuotedSpan, ...]:
        """Return what a rating is about: the claims' sources, or without claims the passages."""
        return self.cited or self.nearest


class RatedSpan(PageSpan):
    """A passage that was rated: 1 for what answers, -1 for what does not."""

    mark: Literal[1, -1]
