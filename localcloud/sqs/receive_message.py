"""ReceiveMessage: long polling, repeated receives, and the members of a received message.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result
from localcloud.sqs import message_attributes
from localcloud.sqs.errors import invalid_value, within
from localcloud.sqs.messages import (
    DeadLetterQueue,
    MessageStore,
    ReceivedMessage,
    sequence_number,
)
from localcloud.sqs.notifier import QueueNotifier
from localcloud.sqs.outgoing_message import body_md5
from localcloud.sqs.queues import MAX_VISIBILITY_SECONDS, Queue
from localcloud.sqs.receipts import MessageReceipt
from localcloud.sqs.store import QueueStore

SYSTEM_ATTRIBUTES = frozenset(
    {
        "All",
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "AWSTraceHeader",
        "DeadLetterQueueSourceArn",
        "MessageDeduplicationId",
        "MessageGroupId",
        "SenderId",
        "SentTimestamp",
        "SequenceNumber",
    }
)
ATTEMPT_SECONDS = 300
"""How long a receive attempt id may repeat its receive."""


class ReceiveAttempts:
    """FIFO receives that a ReceiveRequestAttemptId may repeat when their response was lost.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-receiverequestattemptid-request-parameter.html
    """

    def __init__(self, database: Database, messages: MessageStore, clock: Clock) -> None:
        """Keep attempts in `database`, next to `messages`."""
        self._database = database
        self._messages = messages
        self._clock = clock

    def store(self, queue: Queue, attempt_id: str, received: Sequence[ReceivedMessage]) -> None:
        """Store what the receive `attempt_id` returned."""
        receipts = [[message.receipt.message_id, message.receipt.nonce] for message in received]
        self._database.write(
            "INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?)",
            queue.id,
            attempt_id,
            self._clock(),
            json.dumps(receipts),
        )

    def repeat(
        self, queue: Queue, attempt_id: str, visibility_timeout: int
    ) -> list[ReceivedMessage]:
        """Return what `attempt_id` returned, hidden again; nothing if any of it has changed."""
        now = self._clock()
        self._database.write(
            "DELETE FROM attempts WHERE queue_id = ? AND received_at <= ?",
            queue.id,
            now - ATTEMPT_SECONDS,
        )
        rows = self._database.read(
            "SELECT receipts FROM attempts WHERE queue_id = ? AND attempt_id = ?",
            queue.id,
            attempt_id,
        )
        pairs = json.loads(rows[0]["receipts"]) if rows else []
        found = [self._find_hidden(MessageReceipt(queue.id, *pair), now) for pair in pairs]
        unchanged = [message for message in found if message is not None]
        if len(unchanged) != len(pairs):
            return []
        for message in unchanged:
            self._messages.hide_until(message.receipt, now + visibility_timeout)
        return unchanged

    def _find_hidden(self, receipt: MessageReceipt, now: float) -> ReceivedMessage | None:
        row = self._messages.find_received(receipt)
        if row is None or row["visible_at"] <= now:
            return None
        return ReceivedMessage(row, receipt, row["receive_count"], row["first_received_at"])


class ReceiveOperation:
    """The operation ReceiveMessage."""

    def __init__(
        self,
        context: CloudContext,
        find_queue: Callable[[Params], Queue],
        queues: QueueStore,
        messages: MessageStore,
        attempts: ReceiveAttempts,
        notifier: QueueNotifier,
    ) -> None:
        """Receive from `messages`; `find_queue` finds the queue that a request names."""
        self._context = context
        self._find_queue = find_queue
        self._queues = queues
        self._messages = messages
        self._attempts = attempts
        self._notifier = notifier

    def receive_message(self, params: Params) -> Result:
        """Receive up to ten messages, waiting up to `WaitTimeSeconds` for the first."""
        queue = self._find_queue(params)
        limit = within(params, "MaxNumberOfMessages", 1, 10, 1)
        wait_s = within(
            params, "WaitTimeSeconds", 0, 20, queue.seconds("ReceiveMessageWaitTimeSeconds")
        )
        visibility_timeout = within(
            params,
            "VisibilityTimeout",
            0,
            MAX_VISIBILITY_SECONDS,
            queue.seconds("VisibilityTimeout"),
        )
        system_names = _system_attribute_names(params)
        attempt_id = params.get("ReceiveRequestAttemptId")
        if attempt_id is not None and not queue.fifo:
            raise invalid_value(
                attempt_id, "ReceiveRequestAttemptId", "The parameter is for FIFO queues only."
            )
        received = (
            self._attempts.repeat(queue, attempt_id, visibility_timeout) if attempt_id else []
        )
        if not received:
            received = self._wait_for_messages(queue, params, limit, visibility_timeout, wait_s)
            if attempt_id and received:
                self._attempts.store(queue, attempt_id, received)
        names = params.get("MessageAttributeNames") or []
        described = [self._describe(queue, message, system_names, names) for message in received]
        return {"Messages": described} if described else {}

    def _wait_for_messages(
        self, queue: Queue, params: Params, limit: int, visibility_timeout: int, wait_s: int
    ) -> list[ReceivedMessage]:
        deadline = time.monotonic() + wait_s
        while True:
            seen = self._notifier.count(queue.id)
            if self._messages.has_visible(queue):
                received = self._receive(queue, limit, visibility_timeout)
                if received:
                    return received
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._notifier.stopped:
                return []
            to_next = self._messages.seconds_to_next_visible(queue)
            self._notifier.wait(queue.id, seen, min(remaining, to_next or remaining))
            queue = self._find_queue(params)  # it may have changed, or been deleted

    def _receive(self, queue: Queue, limit: int, visibility_timeout: int) -> list[ReceivedMessage]:
        dead_letters = None
        if queue.redrive is not None:
            arn, max_receives = queue.redrive
            target = self._queues.find_by_arn(arn)
            dead_letters = DeadLetterQueue(target, max_receives) if target is not None else None
        received, has_moved = self._messages.receive(queue, dead_letters, limit, visibility_timeout)
        if has_moved and dead_letters is not None:
            self._notifier.notify(dead_letters.queue.id)
        return received

    def _describe(
        self,
        queue: Queue,
        message: ReceivedMessage,
        system_names: frozenset[str],
        names: Sequence[str],
    ) -> dict[str, Any]:
        row = message.row
        attributes = message_attributes.select(
            message_attributes.from_json(json.loads(row["attributes"])), names
        )
        members = {
            "MessageId": row["message_id"],
            "ReceiptHandle": message.receipt.handle(),
            "MD5OfBody": body_md5(row["body"]),
            "Body": row["body"],
            "Attributes": self._system_attributes(queue, message, system_names),
            "MD5OfMessageAttributes": message_attributes.md5(attributes),
            "MessageAttributes": attributes,
        }
        return {name: value for name, value in members.items() if value}

    def _system_attributes(
        self, queue: Queue, message: ReceivedMessage, names: frozenset[str]
    ) -> dict[str, str]:
        row = message.row
        trace = json.loads(row["system"]).get("AWSTraceHeader", {}).get("StringValue")
        attributes = {
            "SenderId": self._context.account_id,
            "SentTimestamp": str(int(row["sent_at"] * 1000)),
            "ApproximateReceiveCount": str(message.receive_count),
            "ApproximateFirstReceiveTimestamp": str(int(message.first_received_at * 1000)),
            "MessageGroupId": row["group_id"],
            "MessageDeduplicationId": row["deduplication_id"],
            "SequenceNumber": sequence_number(row["sequence"]) if queue.fifo else None,
            "AWSTraceHeader": trace,
            "DeadLetterQueueSourceArn": row["source_arn"],
        }
        return {
            name: value
            for name, value in attributes.items()
            if value is not None and ("All" in names or name in names)
        }


def _system_attribute_names(params: Params) -> frozenset[str]:
    names = [
        *(params.get("AttributeNames") or []),
        *(params.get("MessageSystemAttributeNames") or []),
    ]
    for name in names:
        if name not in SYSTEM_ATTRIBUTES:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    return frozenset(names)
