"""The messages of all queues in SQLite: send, receive, delete, hide, and move to dead letters.

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
from localcloud.sqs.outgoing_message import OutgoingMessage
from localcloud.sqs.queues import Queue
from localcloud.sqs.receipts import MessageReceipt, new_nonce

DEDUPLICATION_SECONDS = 300
MAX_IN_FLIGHT = 120_000

_SELECT_STANDARD = """
SELECT * FROM messages WHERE queue_id = :queue AND visible_at <= :now
ORDER BY visible_at, sequence LIMIT :limit
"""
_SELECT_FAIR = """
WITH in_flight AS (
    SELECT group_id, count(*) AS total,
        sum(abs(visible_at - received_at - :timeout) < 1) AS processed
    FROM messages WHERE queue_id = :queue AND group_id IS NOT NULL
    AND visible_at > :now AND receipt IS NOT NULL GROUP BY group_id
), shares AS (
    SELECT group_id, processed,
        total >= :noisy AND total * 10 > (SELECT sum(total) FROM in_flight) AS noisy
    FROM in_flight
) SELECT * FROM messages WHERE sequence IN (
    SELECT sequence FROM messages AS message
    LEFT JOIN shares ON shares.group_id = message.group_id
    WHERE queue_id = :queue AND visible_at <= :now
    ORDER BY ifnull(noisy, 0), ifnull(processed, 0), visible_at, sequence LIMIT :limit
) ORDER BY visible_at, sequence
"""
"""The select of a fair queue, in which a message group is a tenant.

A tenant is noisy with at least 30 messages and a tenth of all in flight, or with more than a tenth
of the time of the receivers. AWS measures that time; here it is the number of messages that are
hidden by their receive alone, not by ChangeMessageVisibility. Of the tenants that have messages,
the one with the fewest is served first. A message without a group is a tenant of its own.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
"""
_NOISY_IN_FLIGHT = 30
_HAS_GROUPS = """
SELECT 1 FROM messages WHERE queue_id = ? AND group_id IS NOT NULL AND visible_at <= ? LIMIT 1
"""
_SELECT_FIFO = """
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
_COUNT = """
SELECT ifnull(sum(visible_at <= ?2), 0) AS visible,
    ifnull(sum(visible_at > ?2 AND receipt IS NOT NULL), 0) AS in_flight,
    ifnull(sum(visible_at > ?2 AND receipt IS NULL), 0) AS delayed
FROM messages WHERE queue_id = ?1 AND sent_at > ?3
"""
_INSERT_DEAD_LETTER = """
INSERT INTO messages (queue_id, message_id, body, attributes, system, group_id,
    deduplication_id, sent_at, visible_at, receive_count, first_received_at, source_arn)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


@dataclass(frozen=True, slots=True)
class SentMessage:
    """The id of a stored message and, in a FIFO queue, its sequence number."""

    message_id: str
    sequence: str | None


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message as one receive returns it; `row` is as it was before the receive."""

    row: sqlite3.Row
    receipt: MessageReceipt
    receive_count: int
    first_received_at: float


@dataclass(frozen=True, slots=True)
class MessageCounts:
    """The approximate counts of GetQueueAttributes, here exact."""

    visible: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, slots=True)
class DeadLetterQueue:
    """The queue that gets messages which were received `max_receives` times."""

    queue: Queue
    max_receives: int


def sequence_number(sequence: int) -> str:
    """Return the FIFO sequence number, 20 digits as AWS writes it."""
    return f"{sequence:020d}"


class MessageStore:
    """The messages of all queues."""

    def __init__(self, database: Database, clock: Clock) -> None:
        """Keep messages in `database`; `clock` returns seconds since the epoch."""
        self._database = database
        self._clock = clock

    def send(self, queue: Queue, messages: Sequence[OutgoingMessage]) -> list[SentMessage]:
        """Store `messages` in order, all or none; for a FIFO duplicate return its original."""
        with self._database.transaction() as connection:
            return [self._send(connection, queue, message) for message in messages]

    def _send(
        self, connection: sqlite3.Connection, queue: Queue, message: OutgoingMessage
    ) -> SentMessage:
        now = self._clock()
        original = _find_duplicate(connection, queue, message, now) if queue.fifo else None
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
                json.dumps(message_attributes.to_json(message.stored_system)),
                message.group_id,
                message.deduplication_id,
                now,
                now + message.delay,
            ),
        )
        sequence = int(inserted.lastrowid or 0)
        if not queue.fifo:
            return SentMessage(message_id, None)
        scope = _deduplication_scope(queue, message)
        connection.execute(
            "INSERT OR REPLACE INTO deduplications VALUES (?, ?, ?, ?, ?, ?)",
            (queue.id, scope, message.deduplication_id, message_id, sequence, now),
        )
        return SentMessage(message_id, sequence_number(sequence))

    def receive(
        self,
        queue: Queue,
        dead_letter_queue: DeadLetterQueue | None,
        limit: int,
        visibility_timeout: int,
    ) -> tuple[list[ReceivedMessage], bool]:
        """Receive up to `limit` messages, hiding them for `visibility_timeout` seconds.

        Messages that were received too often are moved to `dead_letter_queue` instead; the
        second value tells whether any was.
        """
        now = self._clock()
        received: dict[int, ReceivedMessage] = {}
        has_moved = False
        with self._database.transaction() as connection:
            _delete_expired(connection, queue, now)
            _check_in_flight(connection, queue, now)
            while len(received) < limit:
                # Messages that are moved away make room for others behind them.
                moved_now = False
                for row in _select_visible(connection, queue, now, limit - len(received)):
                    count = row["receive_count"]
                    if dead_letter_queue is not None and count >= dead_letter_queue.max_receives:
                        _move(connection, row, queue.arn, dead_letter_queue.queue, now)
                        moved_now = has_moved = True
                    elif row["sequence"] not in received:
                        received[row["sequence"]] = _hide(connection, row, now, visibility_timeout)
                if not moved_now:
                    break
        return list(received.values()), has_moved

    def seconds_to_next_visible(self, queue: Queue) -> float | None:
        """Return in how many seconds the next hidden message is visible; None without one."""
        now = self._clock()
        rows = self._database.read(
            "SELECT min(visible_at) AS at FROM messages WHERE queue_id = ? AND visible_at > ?",
            queue.id,
            now,
        )
        return None if rows[0]["at"] is None else max(rows[0]["at"] - now, 0.001)

    def has_visible(self, queue: Queue) -> bool:
        """Return whether some message of `queue` is visible; cheaper than `receive`."""
        return bool(
            self._database.read(
                "SELECT 1 FROM messages WHERE queue_id = ? AND visible_at <= ? LIMIT 1",
                queue.id,
                self._clock(),
            )
        )

    def count(self, queue: Queue) -> MessageCounts:
        """Count the messages of `queue` that have not expired."""
        now = self._clock()
        expired = now - queue.seconds("MessageRetentionPeriod")
        row = self._database.read(_COUNT, queue.id, now, expired)[0]
        return MessageCounts(row["visible"], row["in_flight"], row["delayed"])

    def find_received(self, receipt: MessageReceipt) -> sqlite3.Row | None:
        """Return the row of the message if `receipt` is of its latest receive, else None."""
        rows = self._database.read(
            "SELECT * FROM messages WHERE queue_id = ? AND message_id = ? AND receipt = ?",
            receipt.queue_id,
            receipt.message_id,
            receipt.nonce,
        )
        return rows[0] if rows else None

    def delete(self, receipt: MessageReceipt) -> None:
        """Delete the message if `receipt` is of its latest receive; else change nothing."""
        self._database.write(
            "DELETE FROM messages WHERE queue_id = ? AND message_id = ? AND receipt = ?",
            receipt.queue_id,
            receipt.message_id,
            receipt.nonce,
        )

    def release_in_flight(self, queue: Queue) -> None:
        """Make messages in flight visible at once, and do not count their last receive.

        What ChangeMessageVisibility hides stays hidden: its receiver was done with it.
        """
        now = self._clock()
        self._database.write(
            "UPDATE messages SET visible_at = ?2, receive_count = receive_count - 1"
            " WHERE queue_id = ?1 AND visible_at > ?2 AND receipt IS NOT NULL"
            " AND abs(visible_at - received_at - ?3) < 1",
            queue.id,
            now,
            queue.seconds("VisibilityTimeout"),
        )

    def hide_until(self, receipt: MessageReceipt, moment: float) -> None:
        """Set when the message is visible again, if `receipt` is of its latest receive."""
        self._database.write(
            "UPDATE messages SET visible_at = ?"
            " WHERE queue_id = ? AND message_id = ? AND receipt = ?",
            moment,
            receipt.queue_id,
            receipt.message_id,
            receipt.nonce,
        )


def _deduplication_scope(queue: Queue, message: OutgoingMessage) -> str:
    per_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
    return message.group_id or "" if per_group else ""


def _find_duplicate(
    connection: sqlite3.Connection, queue: Queue, message: OutgoingMessage, now: float
) -> SentMessage | None:
    connection.execute(
        "DELETE FROM deduplications WHERE queue_id = ? AND sent_at <= ?",
        (queue.id, now - DEDUPLICATION_SECONDS),
    )
    row = connection.execute(
        "SELECT message_id, sequence FROM deduplications"
        " WHERE queue_id = ? AND scope = ? AND deduplication_id = ?",
        (queue.id, _deduplication_scope(queue, message), message.deduplication_id),
    ).fetchone()
    return SentMessage(row["message_id"], sequence_number(row["sequence"])) if row else None


def _delete_expired(connection: sqlite3.Connection, queue: Queue, now: float) -> None:
    connection.execute(
        "DELETE FROM messages WHERE queue_id = ? AND sent_at <= ?",
        (queue.id, now - queue.seconds("MessageRetentionPeriod")),
    )


def _check_in_flight(connection: sqlite3.Connection, queue: Queue, now: float) -> None:
    in_flight = connection.execute(
        "SELECT count(*) FROM messages"
        " WHERE queue_id = ? AND visible_at > ? AND receipt IS NOT NULL",
        (queue.id, now),
    ).fetchone()[0]
    if in_flight >= MAX_IN_FLIGHT:
        raise AwsError(
            "OverLimit", f"Too many messages in flight; the limit is {MAX_IN_FLIGHT}.", 403
        )


def _select_visible(
    connection: sqlite3.Connection, queue: Queue, now: float, limit: int
) -> list[sqlite3.Row]:
    arguments = {"queue": queue.id, "now": now, "limit": limit}
    if queue.fifo:
        return connection.execute(_SELECT_FIFO, arguments).fetchall()
    if connection.execute(_HAS_GROUPS, (queue.id, now)).fetchone() is None:
        return connection.execute(_SELECT_STANDARD, arguments).fetchall()
    shares = {"timeout": queue.seconds("VisibilityTimeout"), "noisy": _NOISY_IN_FLIGHT}
    return connection.execute(_SELECT_FAIR, {**arguments, **shares}).fetchall()


def _hide(
    connection: sqlite3.Connection, row: sqlite3.Row, now: float, visibility_timeout: int
) -> ReceivedMessage:
    nonce = new_nonce()
    first = row["first_received_at"] or now
    connection.execute(
        "UPDATE messages SET visible_at = ?, receive_count = receive_count + 1,"
        " first_received_at = ?, received_at = ?, receipt = ? WHERE sequence = ?",
        (now + visibility_timeout, first, now, nonce, row["sequence"]),
    )
    receipt = MessageReceipt(row["queue_id"], row["message_id"], nonce)
    return ReceivedMessage(row, receipt, row["receive_count"] + 1, first)


def _move(
    connection: sqlite3.Connection,
    row: sqlite3.Row,
    source_arn: str,
    dead_letter_queue: Queue,
    now: float,
) -> None:
    """Move a message to its dead-letter queue; in a standard queue it keeps its age."""
    connection.execute("DELETE FROM messages WHERE sequence = ?", (row["sequence"],))
    connection.execute(
        _INSERT_DEAD_LETTER,
        (
            dead_letter_queue.id,
            row["message_id"],
            row["body"],
            row["attributes"],
            row["system"],
            row["group_id"],
            row["deduplication_id"],
            now if dead_letter_queue.fifo else row["sent_at"],
            now,
            row["receive_count"],
            row["first_received_at"],
            source_arn,
        ),
    )
