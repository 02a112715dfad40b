"""The captured calls that a look needs: the newest ones, and those of a baseline."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.contracts.captures import SETTLE_SECONDS, CapturedCall, CaptureSubject
from chalicelib.jobs.ulids import ulid
from chalicelib.monitoring.features import spread_evenly

MAX_READ = 5_000
"""The most calls that are read for the newest ones: calls of other versions and those that only a
rollout wanted lie between them."""
SLICES = 24
"""Equal parts of the time of a baseline, of each of which some calls are read."""


class CallArchive(Protocol):
    """Stores captured calls by tenant and subject."""

    def calls(
        self,
        tenant: str,
        subject: CaptureSubject,
        *,
        now: datetime,
        after: str = "",
        since: datetime | None = None,
        limit: int = 0,
    ) -> Iterator[CapturedCall]:
        """Yield the settled calls of a subject, oldest first."""

    def newest(
        self, tenant: str, subject: CaptureSubject, count: int, before: str = ""
    ) -> Iterator[CapturedCall]:
        """Yield at most `count` calls of a subject, newest first, from behind the id `before`."""


class WatchedCalls(Protocol):
    """The calls of one subject, oldest first wherever there are several."""

    def version(self, count: int) -> str:
        """Return the version of most of the newest `count` calls, "" if there is none."""

    def window(self, version: str, after: str, count: int) -> list[CapturedCall]:
        """Return at most the newest `count` calls of a version behind the id `after`."""

    def baseline(self, version: str, hours: int, count: int) -> list[CapturedCall]:
        """Return `count` calls of a version for its baseline, none if it is too early for one."""


@dataclass(frozen=True, slots=True)
class ArchivedCalls:
    """The sampled calls of a subject in the records table, up to `now`.

    A version that no call names, of calls that failed, counts as the one that is asked for.
    """

    archive: CallArchive
    tenant: str
    subject: CaptureSubject
    now: datetime
    retention: timedelta

    def version(self, count: int) -> str:
        """Return the version of most of the newest `count` calls, "" if there is none."""
        return _most_common(itertools.islice(self._newest(), count))

    def window(self, version: str, after: str, count: int) -> list[CapturedCall]:
        """Return at most the newest `count` calls of a version behind the id `after`."""
        behind = itertools.takewhile(lambda call: call.id > after, self._newest())
        own = (call for call in behind if call.version in (version, ""))
        return list(itertools.islice(own, count))[::-1]

    def baseline(self, version: str, hours: int, count: int) -> list[CapturedCall]:
        """Return `count` calls of a version for its baseline, none if it is too early for one.

        They come from the last `hours`, or twice as many, and so on, until there are enough. The
        version must have been captured in the first half of that time already.
        """
        if not hours:
            found = self.window(version, "", MAX_READ)
            return found[:count] if len(found) >= count else []
        span = timedelta(hours=hours)
        while span <= self.retention:
            parts = [self._part(version, span, part, count) for part in range(SLICES)]
            calls = [call for part in parts for call in part]
            if not any(parts[: SLICES // 2]):
                return []  # the version is younger than half of the time
            if len(calls) >= count:
                return [calls[at] for at in spread_evenly(len(calls), count)]
            span *= 2
        return []

    def _part(self, version: str, span: timedelta, part: int, count: int) -> Sequence[CapturedCall]:
        start = self.now - span + part * span / SLICES
        end = ulid(start + span / SLICES, 0)
        # Half of the calls of a part may be of others, and the part still be full.
        most = 2 * -(-count // SLICES)
        found = self.archive.calls(
            self.tenant, self.subject, now=self.now, since=start, limit=2 * most
        )
        within = itertools.takewhile(lambda call: call.id < end, found)
        own = (call for call in within if call.sampled and call.version in (version, ""))
        return list(itertools.islice(own, most))

    def _newest(self) -> Iterator[CapturedCall]:
        """Yield sampled calls that have settled, newest first."""
        settled = ulid(self.now - timedelta(seconds=SETTLE_SECONDS), 0)
        found = self.archive.newest(self.tenant, self.subject, MAX_READ)
        return (call for call in found if call.sampled and call.id < settled)


@dataclass(frozen=True, slots=True)
class GivenCalls:
    """Calls that were read from files, in the order of their ids."""

    calls: Sequence[CapturedCall]

    def version(self, count: int) -> str:
        """Return the version of most of the newest `count` calls, "" if there is none."""
        return _most_common(self.calls[-count:][::-1])

    def window(self, version: str, after: str, count: int) -> list[CapturedCall]:
        """Return at most the newest `count` calls of a version behind the id `after`."""
        own = [call for call in self.calls if call.version in (version, "") and call.id > after]
        return own[-count:]

    def baseline(self, version: str, hours: int, count: int) -> list[CapturedCall]:
        """Return the first `count` calls of a version, none if there are fewer."""
        own = [call for call in self.calls if call.version in (version, "")]
        return own[:count] if len(own) >= count else []


def _most_common(calls: Iterable[CapturedCall]) -> str:
    """Return the version of most calls; while a rollout goes on, there are two."""
    counts = Counter(call.version for call in calls if call.version)
    return max(counts, key=counts.__getitem__, default="")
