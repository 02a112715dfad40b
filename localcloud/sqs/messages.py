"""The messages of all queues: storing, taking, hiding, deleting and burying them.

Deadlines are wall-clock times in the database, so visibility survives a restart.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.sqs import message_attributes
from localcloud.sqs.queues import Queue
from localcloud.sqs.receipts import Receipt, new_nonce
from localcloud.sqs.sending import Outgoing

DEDUPLICATION_SECONDS = 300
MAX_IN_FLIGHT = 120_000

_STANDARD = """
SELECT * FROM messages WHERE queue_id = :queue AND visible_at <= :now
ORDER BY visible_at, sequence LIMIT :limit
"""
_FIFO = """
SELECT * FROM messages AS message WHERE queue_id = :queue AND visible_at <= :now
AND NOT EXISTS (
    SELECT 1 FROM messages AS other
    WHERE other.queue_id = :queue AND other.group_id = message.group_id
    AND other.visible_at > :now
    AND (other.receipt IS NOT NULL OR other.sequence < message.sequence)
) ORDER BY sequence LIMIT :limit
"""
_INSERT = """
INSERT INTO messages (queue_id, message_id, body, attributes, system, group_id,
    deduplication_id, sent_at, visible_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_COUNTS = """
SELECT ifnull(sum(visible_at <= ?2), 0) AS visible,
    ifnull(sum(visible_at > ?2 AND receipt IS NOT NULL), 0) AS in_flight,
    ifnull(sum(visible_at > ?2 AND receipt IS NULL), 0) AS delayed
FROM messages WHERE queue_id = ?1 AND sent_at > ?3
"""
_BURY = """
INSERT INTO messages (queue_id, message_id, body, attributes, system, group_id,
    deduplication_id, sent_at, visible_at, receive_count, first_received_at, source_arn)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class Stored:
    """What a send left: the message's id and, for FIFO, its sequence number."""

    message_id: str
    sequence: str | None


@dataclass(frozen=True, slots=True)
class Received:
    """A message as one receive saw it."""

    row: sqlite3.Row
    receipt: Receipt
    receive_count: int
    first_received_at: float


@dataclass(frozen=True, slots=True)
class Counts:
    """The approximate counts of GetQueueAttributes, here exact."""

    visible: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Grave:
    """Where messages go that were received too often."""

    queue: Queue
    max_receives: int


def sequence_number(sequence: int) -> str:
    """Return the FIFO sequence number, 20 digits as AWS writes it."""
    return f"{sequence:020d}"


class Messages:
    """The messages table."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep messages in `database`."""
        self._database = database
        self._clock = clock

    def put(self, queue: Queue, messages: Sequence[Outgoing]) -> list[Stored]:
        """Store `messages` in order, all or none; a FIFO duplicate answers its original."""
        with self._database.transaction() as connection:
            return [self._put_one(connection, queue, message) for message in messages]

    def _put_one(self, connection: sqlite3.Connection, queue: Queue, message: Outgoing) -> Stored:
        now = self._clock()
        original = _duplicate(connection, queue, message, now) if queue.fifo else None
        if original is not None:
            return original
        message_id = str(uuid.uuid4())
        inserted = connection.execute(
            _INSERT,
            (
                queue.id,
                message_id,
                message.body,
                json.dumps(message_attributes.to_json(message.attributes)),
                json.dumps(message_attributes.to_json(message.system)),
                message.group,
                message.deduplication,
                now,
                now + message.delay,
            ),
        )
        sequence = int(inserted.lastrowid or 0)
        if not queue.fifo:
            return Stored(message_id, None)
        connection.execute(
            "INSERT OR REPLACE INTO deduplications VALUES (?, ?, ?, ?, ?, ?)",
            (queue.id, _scope(queue, message), message.deduplication, message_id, sequence, now),
        )
        return Stored(message_id, sequence_number(sequence))

    def take(
        self, queue: Queue, grave: Grave | None, limit: int, visibility: int
    ) -> tuple[list[Received], bool]:
        """Receive up to `limit` messages, hiding them for `visibility` seconds.

        Messages received as often as `grave` allows are moved there instead; the second
        value tells whether any was.
        """
        now = self._clock()
        taken: dict[int, Received] = {}
        buried = False
        with self._database.transaction() as connection:
            _expire(connection, queue, now)
            _check_capacity(connection, queue, now)
            while len(taken) < limit:
                again = False
                for row in _candidates(connection, queue, now, limit - len(taken)):
                    if grave is not None and row["receive_count"] >= grave.max_receives:
                        _bury(connection, row, queue.arn, grave.queue, now)
                        again = buried = True
                    elif row["sequence"] not in taken:
                        taken[row["sequence"]] = _hide(connection, row, now, visibility)
                if not again:
                    break
        return list(taken.values()), buried

    def next_visible_in(self, queue: Queue) -> float | None:
        """Return in how many seconds the next hidden message shows; None when none is hidden."""
        now = self._clock()
        rows = self._database.read(
            "SELECT min(visible_at) AS at FROM messages WHERE queue_id = ? AND visible_at > ?",
            queue.id,
            now,
        )
        return None if rows[0]["at"] is None else max(rows[0]["at"] - now, 0.001)

    def any_visible(self, queue: Queue) -> bool:
        """True when some message of `queue` is not hidden; a cheap look before `take`."""
        return bool(
            self._database.read(
                "SELECT 1 FROM messages WHERE queue_id = ? AND visible_at <= ? LIMIT 1",
                queue.id,
                self._clock(),
            )
        )

    def counts(self, queue: Queue) -> Counts:
        """Count the messages of `queue` that have not expired."""
        now = self._clock()
        expired = now - queue.seconds("MessageRetentionPeriod")
        row = self._database.read(_COUNTS, queue.id, now, expired)[0]
        return Counts(row["visible"], row["in_flight"], row["delayed"])

    def held_by(self, receipt: Receipt) -> sqlite3.Row | None:
        """Return the row of the message if `receipt` is of its latest receive, else None."""
        rows = self._database.read(
            "SELECT * FROM messages WHERE queue_id = ? AND message_id = ? AND receipt = ?",
            receipt.queue_id,
            receipt.message_id,
            receipt.nonce,
        )
        return rows[0] if rows else None

    def delete(self, receipt: Receipt) -> None:
        """Delete the message if `receipt` is of its latest receive; else change nothing."""
        self._database.write(
            "DELETE FROM messages WHERE queue_id = ? AND message_id = ? AND receipt = ?",
            receipt.queue_id,
            receipt.message_id,
            receipt.nonce,
        )

    def release_in_flight(self, queue: Queue) -> None:
        """Show what is in flight at once, as though it had not been received this time."""
        now = self._clock()
        self._database.write(
            "UPDATE messages SET visible_at = ?2, receive_count = receive_count - 1"
            " WHERE queue_id = ?1 AND visible_at > ?2 AND receipt IS NOT NULL",
            queue.id,
            now,
        )

    def hide_until(self, receipt: Receipt, moment: float) -> None:
        """Set when the message shows again, if `receipt` is of its latest receive."""
        self._database.write(
            "UPDATE messages SET visible_at = ?"
            " WHERE queue_id = ? AND message_id = ? AND receipt = ?",
            moment,
            receipt.queue_id,
            receipt.message_id,
            receipt.nonce,
        )


def _scope(queue: Queue, message: Outgoing) -> str:
    per_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
    return message.group or "" if per_group else ""


def _duplicate(
    connection: sqlite3.Connection, queue: Queue, message: Outgoing, now: float
) -> Stored | None:
    connection.execute(
        "DELETE FROM deduplications WHERE queue_id = ? AND sent_at <= ?",
        (queue.id, now - DEDUPLICATION_SECONDS),
    )
    row = connection.execute(
        "SELECT message_id, sequence FROM deduplications"
        " WHERE queue_id = ? AND scope = ? AND deduplication_id = ?",
        (queue.id, _scope(queue, message), message.deduplication),
    ).fetchone()
    return Stored(row["message_id"], sequence_number(row["sequence"])) if row else None


def _expire(connection: sqlite3.Connection, queue: Queue, now: float) -> None:
    connection.execute(
        "DELETE FROM messages WHERE queue_id = ? AND sent_at <= ?",
        (queue.id, now - queue.seconds("MessageRetentionPeriod")),
    )


def _check_capacity(connection: sqlite3.Connection, queue: Queue, now: float) -> None:
    in_flight = connection.execute(
        "SELECT count(*) FROM messages"
        " WHERE queue_id = ? AND visible_at > ? AND receipt IS NOT NULL",
        (queue.id, now),
    ).fetchone()[0]
    if in_flight >= MAX_IN_FLIGHT:
        raise AwsError(
            "OverLimit", f"Too many messages in flight; the limit is {MAX_IN_FLIGHT}.", 403
        )


def _candidates(
    connection: sqlite3.Connection, queue: Queue, now: float, limit: int
) -> list[sqlite3.Row]:
    arguments = {"queue": queue.id, "now": now, "limit": limit}
    return connection.execute(_FIFO if queue.fifo else _STANDARD, arguments).fetchall()


def _hide(
    connection: sqlite3.Connection, row: sqlite3.Row, now: float, visibility: int
) -> Received:
    nonce = new_nonce()
    first = row["first_received_at"] or now
    connection.execute(
        "UPDATE messages SET visible_at = ?, receive_count = receive_count + 1,"
        " first_received_at = ?, received_at = ?, receipt = ? WHERE sequence = ?",
        (now + visibility, first, now, nonce, row["sequence"]),
    )
    receipt = Receipt(row["queue_id"], row["message_id"], nonce)
    return Received(row, receipt, row["receive_count"] + 1, first)


def _bury(
    connection: sqlite3.Connection, row: sqlite3.Row, source: str, grave: Queue, now: float
) -> None:
    """Move a message to its dead letter queue; a standard one keeps its age there."""
    connection.execute("DELETE FROM messages WHERE sequence = ?", (row["sequence"],))
    connection.execute(
        _BURY,
        (
            grave.id,
            row["message_id"],
            row["body"],
            row["attributes"],
            row["system"],
            row["group_id"],
            row["deduplication_id"],
            now if grave.fifo else row["sent_at"],
            now,
            row["receive_count"],
            row["first_received_at"],
            source,
        ),
    )
