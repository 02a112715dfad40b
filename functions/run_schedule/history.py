"""History of the documents that runs of a schedule answered, or are to try again.

    schedules/{tenant}/{schedule_id}/{run_id}/documents.jsonl

The first line is a `HistoryHead`, the others are `VersionMark`s. A schedule selects a version that
became ready since its watermark less an overlap, for a record may show minutes after the time that
it bears. What was decided within the overlap is therefore kept by name, so that each version is
answered once. What failed is kept until it was tried often enough.

One run takes as many documents as a batch has room for. While some are left, the next run begins
behind the last of them, and the watermark stays.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jsonl import dump_lines, whole_lines
from chalicelib.errors import Conflict

OVERLAP = timedelta(minutes=15)
"""The retries of a state that makes a version answer take less."""
MAX_TRIES = 3


class HistoryHead(Contract):
    """The history up to a time: documents answered lately, and those to be tried again.

    Attributes:
        since: Versions that became ready before are decided; None before the first run.
        begun: When the listing began that is not at its end yet.
        after: The last document of that listing which was selected, or "".
    """

    since: AwareDatetime | None = None
    begun: AwareDatetime | None = None
    after: str = ""


class VersionMark(Contract):
    """A version that was decided at `tries` of 0, or else failed so often."""

    document_id: str
    version: str
    ready_at: AwareDatetime
    tries: int = Field(default=0, ge=0)


class SelectedDocument(Contract):
    """A version that a run asks about, and how often it failed before."""

    document_id: str
    version: str
    collection: str
    path: str
    ready_at: AwareDatetime
    tries: int = Field(default=0, ge=0)
    correlation_id: str = ""

    @property
    def pair(self) -> VersionPair:
        """Return the document's id and the version."""
        return self.document_id, self.version


VersionPair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Listing:
    """The part of the documents that a run listed: begun at `begun`, so far up to `last`."""

    begun: datetime
    last: str = ""

    @property
    def is_complete(self) -> bool:
        """Tell whether every document was looked at."""
        return not self.last


@dataclass(frozen=True, slots=True)
class DocumentHistory:
    """The versions that earlier runs decided, by when they became ready, and those that failed."""

    head: HistoryHead = field(default_factory=HistoryHead)
    decided: dict[VersionPair, datetime] = field(default_factory=dict)
    failed: dict[VersionPair, VersionMark] = field(default_factory=dict)

    @property
    def earliest(self) -> datetime | None:
        """Return the time from which on versions may be undecided, None for all times."""
        return None if self.head.since is None else self.head.since - OVERLAP

    def tries(self, pair: VersionPair) -> int:
        """Return how often a version failed."""
        return self.failed[pair].tries if pair in self.failed else 0

    def after_run(
        self, listing: Listing, selected: Iterable[SelectedDocument], failures: Container[str]
    ) -> DocumentHistory:
        """Return the history after a run that selected, and whose `failures` are document ids."""
        begun = self.head.begun or listing.begun
        head = HistoryHead(since=begun)
        if not listing.is_complete:
            head = HistoryHead(since=self.head.since, begun=begun, after=listing.last)
        decided = dict(self.decided)
        failed = {pair: mark for pair, mark in self.failed.items() if not self._saw(pair, listing)}
        for each in selected:
            mark = _mark(each)
            if each.document_id in failures and mark.tries < MAX_TRIES:
                failed[each.pair] = mark
            else:
                decided[each.pair] = each.ready_at
        needed = {
            pair: ready_at
            for pair, ready_at in decided.items()
            if ready_at >= begun - OVERLAP or (listing.last and pair[0] > listing.last)
        }
        return DocumentHistory(head, needed, failed)

    def dump(self) -> Iterator[bytes]:
        """Yield the history as lines, in a fixed order."""
        yield dump_lines([self.head])
        for pair, ready_at in sorted(self.decided.items()):
            document_id, version = pair
            yield dump_lines(
                [VersionMark(document_id=document_id, version=version, ready_at=ready_at)]
            )
        yield dump_lines(self.failed[pair] for pair in sorted(self.failed))

    def _saw(self, pair: VersionPair, listing: Listing) -> bool:
        """Tell whether a run looked at a document, so that its mark is as the run leaves it."""
        return pair[0] > self.head.after and (listing.is_complete or pair[0] <= listing.last)


def read_history(pieces: Iterable[bytes]) -> DocumentHistory:
    """Return the history that `dump` wrote; raise `Conflict` if it is not whole."""
    lines = whole_lines(pieces)
    first = next(lines, None)
    if first is None:
        raise Conflict("The list of documents that were answered is empty.")
    history = DocumentHistory(HistoryHead.model_validate_json(first))
    for line in lines:
        mark = VersionMark.model_validate_json(line)
        pair = mark.document_id, mark.version
        if mark.tries:
            history.failed[pair] = mark
        else:
            history.decided[pair] = mark.ready_at
    return history


def given_up(selected: Iterable[SelectedDocument], failures: Container[str]) -> list[str]:
    """Return the paths of the documents that failed for the last time."""
    return [
        each.path
        for each in selected
        if each.document_id in failures and each.tries + 1 >= MAX_TRIES
    ]


def _mark(each: SelectedDocument) -> VersionMark:
    return VersionMark(
        document_id=each.document_id,
        version=each.version,
        ready_at=each.ready_at,
        tries=each.tries + 1,
    )
