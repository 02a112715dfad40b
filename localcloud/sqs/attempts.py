"""ReceiveRequestAttemptId: a FIFO receive that may be repeated when its answer was lost.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.sqs.messages import Messages, Received
from localcloud.sqs.queues import Queue
from localcloud.sqs.receipts import Receipt

REPEAT_SECONDS = 300


class Attempts:
    """The receives of the last five minutes that may be repeated."""

    def __init__(self, database: Database, messages: Messages, clock: Clock) -> None:
        """Keep attempts in `database`, next to `messages`."""
        self._database = database
        self._messages = messages
        self._clock = clock

    def remember(self, queue: Queue, attempt_id: str, received: Sequence[Received]) -> None:
        """Keep what the receive `attempt_id` returned."""
        receipts = [[item.receipt.message_id, item.receipt.nonce] for item in received]
        self._database.write(
            "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)",
            queue.id,
            attempt_id,
            self._clock(),
            json.dumps(receipts),
        )

    def repeat(self, queue: Queue, attempt_id: str, visibility: int) -> list[Received]:
        """Return what `attempt_id` returned, hidden afresh; nothing once any of it changed."""
        now = self._clock()
        self._database.write(
            "DELETE FROM attempts WHERE queue_id = ? AND received_at <= ?",
            queue.id,
            now - REPEAT_SECONDS,
        )
        rows = self._database.read(
            "SELECT receipts FROM attempts WHERE queue_id = ? AND attempt_id = ?",
            queue.id,
            attempt_id,
        )
        pairs = json.loads(rows[0]["receipts"]) if rows else []
        again = [self._held(Receipt(queue.id, *pair), now) for pair in pairs]
        kept = [item for item in again if item is not None]
        if len(kept) != len(pairs):
            return []
        for item in kept:
            self._messages.hide_until(item.receipt, now + visibility)
        return kept

    def _held(self, receipt: Receipt, now: float) -> Received | None:
        row = self._messages.held_by(receipt)
        if row is None or row["visible_at"] <= now:
            return None
        return Received(row, receipt, row["receive_count"], row["first_received_at"])
