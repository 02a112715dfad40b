"""Removal of items past their time to live.

DynamoDB deletes them within a few days; here that is at a start and then once an hour. As on AWS,
an expiry more than five years ago counts as a mistake, and the item stays.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

from __future__ import annotations

import sqlite3
import threading

from localcloud.clock import Clock
from localcloud.dynamodb.keys import ItemKey
from localcloud.dynamodb.store import ItemStore, decode_item, delete_item
from localcloud.dynamodb.transactions import TOKEN_LIFE_S

INTERVAL_S = 3600.0
OLDEST_EXPIRY_S = 5 * 365 * 86_400
_BATCH = 500


class ExpirySweep:
    """Removes expired items, and client tokens that no longer count, once an hour."""

    def __init__(self, store: ItemStore, clock: Clock) -> None:
        """Remove what has expired while nothing ran."""
        self._store = store
        self._clock = clock
        self._due = threading.Lock()
        self._next = 0.0
        self.run_if_due()

    def run_if_due(self) -> None:
        """Remove what has expired, unless that was done within the hour or is being done."""
        now = self._clock()
        if now < self._next or not self._due.acquire(blocking=False):
            return
        try:
            self._next = now + INTERVAL_S
            with self._store.transaction() as connection:
                connection.execute("DELETE FROM tokens WHERE used_at <= ?", (now - TOKEN_LIFE_S,))
            while self._remove_batch(now) == _BATCH:
                pass
        finally:
            self._due.release()

    def _remove_batch(self, now: float) -> int:
        with self._store.transaction() as connection:
            tables = {each.id: each for each in map(self._store.table, self._store.table_names())}
            rows: list[sqlite3.Row] = connection.execute(
                "SELECT table_id, hash, range, item FROM items "
                "WHERE expires_at >= ? AND expires_at < ? LIMIT ?",
                (now - OLDEST_EXPIRY_S, now, _BATCH),
            ).fetchall()
            for row in rows:
                key = ItemKey(row["hash"], row["range"])
                delete_item(connection, tables[row["table_id"]], key, decode_item(row["item"]))
        return len(rows)
