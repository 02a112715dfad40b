"""The arrivals that wait for a seat, in the records table; `records.ingest` has the keys."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Key, Put
from chalicelib.adapters.records.writes import timestamp
from chalicelib.jobs.ingest_waitlist import WaitingArrival

WAITING = "WAITING"
_BEHIND = "$"
"""The character after `#`: behind all arrivals of a tenant, and before any other tenant's."""


class WaitlistTable:
    """Keeps the arrivals that wait in the records table, those of each tenant as they are due."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def is_any(self) -> bool:
        """Return whether any arrival waits."""
        return self._next("", "") is not None

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
                }
            )
        )

    def remove(self, arrival: WaitingArrival) -> None:
        """Forget an arrival; it is no error if it is gone."""
        self._table.delete(Delete(_waiting_key(arrival)))

    def first(self, tenant: str) -> WaitingArrival | None:
        """Return the arrival of a tenant that is due first, or None."""
        return self._next(f"{tenant}#", "")

    def firsts(self, behind: str) -> Iterator[WaitingArrival]:
        """Yield the first of each tenant, of those behind the tenant `behind` before the others."""
        for start, end in ((behind, ""), ("", behind)):
            found = self._next("", start)
            while found is not None and (not end or found.tenant <= end):
                yield found
                found = self._next("", found.tenant)
            if not behind:
                return

    def _next(self, prefix: str, behind: str) -> WaitingArrival | None:
        after = behind and behind + _BEHIND
        items = self._table.query(WAITING, prefix, limit=1, after=after)
        item = next(items, None)
        if item is None:
            return None
        return WaitingArrival(
            name=item["name"],
            tenant=item["tenant"],
            due=datetime.fromisoformat(item["due"]),
            arrived_at=datetime.fromisoformat(item["arrived_at"]),
            body=item["body"],
        )


def _waiting_key(arrival: WaitingArrival) -> Key:
    return WAITING, f"{arrival.tenant}#{timestamp(arrival.due)}#{arrival.name}"
