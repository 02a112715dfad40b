"""The arrivals that wait for a seat, in the records table; `records.ingest` has the keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Key, Put
from chalicelib.adapters.records.writes import timestamp
from chalicelib.jobs.ingest_waitlist import WaitingArrival

WAITING = "WAITING"
_LARGE = "#large#"
"""Begins the keys of large files, before those of all tenants' other files."""
_LARGE_END = "#large$"
"""Behind the keys of all large files, and before those of any tenant's other files."""
_BEHIND = "$"
"""The character after `#`: behind all arrivals of a tenant, and before any other tenant's."""


class WaitlistTable:
    """Keeps the arrivals that wait in the records table, those of each tenant as they are due."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def is_any(self) -> bool:
        """Return whether any arrival waits."""
        return next(self._table.query(WAITING, "", limit=1), None) is not None

    def add(self, arrival: WaitingArrival) -> None:
        """Let an arrival wait; the same one once."""
        pk, sk = _waiting_key(arrival)
        self._table.put(
            Put(
                {
                    "pk": pk,
                    "sk": sk,
                    "name": arrival.name,
                    "tenant": arrival.tenant,
                    "due": timestamp(arrival.due),
                    "arrived_at": timestamp(arrival.arrived_at),
                    "body": arrival.body,
                    "large": arrival.large,
                    **(
                        {"failing_since": timestamp(arrival.failing_since)}
                        if arrival.failing_since
                        else {}
                    ),
                }
            )
        )

    def remove(self, arrival: WaitingArrival) -> None:
        """Forget an arrival; it is no error if it is gone."""
        self._table.delete(Delete(_waiting_key(arrival)))

    def first(self, tenant: str, *, large: bool) -> WaitingArrival | None:
        """Return the arrival of a tenant's line that is due first, or None."""
        line = _LARGE if large else ""
        return self._next(f"{line}{tenant}#", "")

    def firsts(self, behind: str, *, large: bool) -> Iterator[WaitingArrival]:
        """Yield the first of each tenant's line, of those behind `behind` before the others."""
        line = _LARGE if large else ""
        for start, end in ((behind, ""), ("", behind)):
            found = self._following(line, start)
            while found is not None and (not end or found.tenant <= end):
                yield found
                found = self._following(line, found.tenant)
            if not behind:
                return

    def _following(self, line: str, tenant: str) -> WaitingArrival | None:
        """Return the first arrival of a line behind all of `tenant`, "" for the line's first."""
        if line:
            return self._next(line, f"{line}{tenant}{_BEHIND}" if tenant else "")
        return self._next("", tenant + _BEHIND if tenant else _LARGE_END)

    def _next(self, prefix: str, after: str) -> WaitingArrival | None:
        item = next(self._table.query(WAITING, prefix, limit=1, after=after), None)
        if item is None:
            return None
        since = item.get("failing_since", "")
        return WaitingArrival(
            name=item["name"],
            tenant=item["tenant"],
            due=datetime.fromisoformat(item["due"]),
            arrived_at=datetime.fromisoformat(item["arrived_at"]),
            body=item["body"],
            large=item.get("large", False),
            failing_since=datetime.fromisoformat(since) if since else None,
        )


def _waiting_key(arrival: WaitingArrival) -> Key:
    line = _LARGE if arrival.large else ""
    return WAITING, f"{line}{arrival.tenant}#{timestamp(arrival.due)}#{arrival.name}"
