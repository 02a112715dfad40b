"""Captured calls in the records table.

    TENANT#<tenant>   CALL#<kind>#<name>#<ulid>   one captured call; expires

The ULID is of the time at which the call was written, so that the calls of a subject lie in their
order and a reader goes on behind the last one that it has read.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chalicelib.adapters.dynamodb import DynamoTable, Item, Put
from chalicelib.adapters.records.writes import tenant_pk
from chalicelib.contracts.captures import SETTLE_SECONDS, CapturedCall, CaptureSubject
from chalicelib.jobs.ulids import ulid

PAGE = 100


class CapturedCallTable:
    """Stores captured calls by tenant and subject."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def put(self, tenant: str, call: CapturedCall, expires_at: datetime) -> None:
        """Store a call until `expires_at`, by one write."""
        self._table.put(
            Put(
                {
                    "pk": tenant_pk(tenant),
                    "sk": _prefix(call.subject) + call.id,
                    "call": zlib.compress(call.model_dump_json(exclude_defaults=True).encode()),
                    "expires_at": int(expires_at.timestamp()),
                }
            )
        )

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
        """Yield the settled calls of a subject, oldest first.

        Calls that are younger than `SETTLE_SECONDS` come the next time: an older one may still be
        written before them. The id of the last call is the cursor to go on `after`.

        Args:
            tenant: The tenant.
            subject: The subject.
            now: The time now.
            after: The id of the last call that was read, "" to begin.
            since: The time from which calls are read, where `after` is "".
            limit: The most calls that are yielded, 0 for all.
        """
        prefix = _prefix(subject)
        start = after or (ulid(since, 0) if since is not None else "")
        end = ulid(now - timedelta(seconds=SETTLE_SECONDS), 0)
        found = self._table.query(
            tenant_pk(tenant), prefix, after=prefix + start if start else "", limit=limit or PAGE
        )
        settled = itertools.takewhile(lambda item: item["sk"] < prefix + end, found)
        calls = (_call(item) for item in settled if item["expires_at"] > now.timestamp())
        yield from itertools.islice(calls, limit or None)

    def newest(
        self, tenant: str, subject: CaptureSubject, count: int, before: str = ""
    ) -> Iterator[CapturedCall]:
        """Yield at most `count` calls of a subject, newest first, from behind the id `before`."""
        prefix = _prefix(subject)
        found = self._table.query(
            tenant_pk(tenant),
            prefix,
            after=prefix + before if before else "",
            limit=min(count, PAGE),
            newest_first=True,
        )
        now = datetime.now(UTC).timestamp()
        kept = (_call(item) for item in found if item["expires_at"] > now)
        yield from itertools.islice(kept, count)


def _prefix(subject: CaptureSubject) -> str:
    return f"CALL#{subject.kind}#{subject.name}#"


def _call(item: Item) -> CapturedCall:
    return CapturedCall.model_validate_json(zlib.decompress(item["call"]))
