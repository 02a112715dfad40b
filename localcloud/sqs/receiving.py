"""ReceiveMessage: waiting for messages, taking them, and showing what was asked for.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import CloudContext, Params, Result
from localcloud.sqs import message_attributes, sending
from localcloud.sqs.attempts import Attempts
from localcloud.sqs.bells import Bells
from localcloud.sqs.errors import invalid_value, within
from localcloud.sqs.messages import Grave, Messages, Received, sequence_number
from localcloud.sqs.queues import MAX_VISIBILITY_SECONDS, Queue
from localcloud.sqs.store import QueueRows

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


class Receiving:
    """What consumers call first."""

    def __init__(
        self,
        context: CloudContext,
        queue_of: Callable[[Params], Queue],
        rows: QueueRows,
        messages: Messages,
        attempts: Attempts,
        bells: Bells,
    ) -> None:
        """Receive from `messages`; `queue_of` finds the queue a request names."""
        self._context = context
        self._queue_of = queue_of
        self._rows = rows
        self._messages = messages
        self._attempts = attempts
        self._bells = bells

    def receive_message(self, params: Params) -> Result:
        """Receive up to ten messages, waiting up to `WaitTimeSeconds` for the first."""
        queue = self._queue_of(params)
        limit = within(params, "MaxNumberOfMessages", 1, 10, 1)
        wait = within(
            params, "WaitTimeSeconds", 0, 20, queue.seconds("ReceiveMessageWaitTimeSeconds")
        )
        visibility = within(
            params,
            "VisibilityTimeout",
            0,
            MAX_VISIBILITY_SECONDS,
            queue.seconds("VisibilityTimeout"),
        )
        wanted = _system_names(params)
        attempt = params.get("ReceiveRequestAttemptId")
        if attempt is not None and not queue.fifo:
            raise invalid_value(
                attempt, "ReceiveRequestAttemptId", "The parameter is for FIFO queues only."
            )
        received = self._attempts.repeat(queue, attempt, visibility) if attempt else []
        if not received:
            received = self._await(queue, params, limit, visibility, wait)
            if attempt and received:
                self._attempts.remember(queue, attempt, received)
        names = params.get("MessageAttributeNames") or []
        shown = [self._shown(queue, item, wanted, names) for item in received]
        return {"Messages": shown} if shown else {}

    def _await(
        self, queue: Queue, params: Params, limit: int, visibility: int, wait: int
    ) -> list[Received]:
        deadline = time.monotonic() + wait
        while True:
            seen = self._bells.count(queue.id)
            if self._messages.any_visible(queue):
                received = self._take(queue, limit, visibility)
                if received:
                    return received
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._bells.stopped:
                return []
            until_shown = self._messages.next_visible_in(queue)
            self._bells.wait(queue.id, seen, min(remaining, until_shown or remaining))
            queue = self._queue_of(params)

    def _take(self, queue: Queue, limit: int, visibility: int) -> list[Received]:
        grave = None
        if queue.redrive is not None:
            target = self._rows.find_arn(queue.redrive[0])
            grave = Grave(target, queue.redrive[1]) if target is not None else None
        received, buried = self._messages.take(queue, grave, limit, visibility)
        if buried and grave is not None:
            self._bells.ring(grave.queue.id)
        return received

    def _shown(
        self, queue: Queue, item: Received, wanted: frozenset[str], names: Sequence[str]
    ) -> dict[str, Any]:
        row = item.row
        attributes = message_attributes.select(
            message_attributes.from_json(json.loads(row["attributes"])), names
        )
        shown = {
            "MessageId": row["message_id"],
            "ReceiptHandle": item.receipt.handle(),
            "MD5OfBody": sending.md5_of(row["body"]),
            "Body": row["body"],
            "Attributes": self._system(queue, item, wanted),
            "MD5OfMessageAttributes": message_attributes.md5(attributes),
            "MessageAttributes": attributes,
        }
        return {name: value for name, value in shown.items() if value}

    def _system(self, queue: Queue, item: Received, wanted: frozenset[str]) -> dict[str, str]:
        row = item.row
        trace = json.loads(row["system"]).get("AWSTraceHeader", {}).get("StringValue")
        attributes = {
            "SenderId": self._context.account_id,
            "SentTimestamp": str(int(row["sent_at"] * 1000)),
            "ApproximateReceiveCount": str(item.receive_count),
            "ApproximateFirstReceiveTimestamp": str(int(item.first_received_at * 1000)),
            "MessageGroupId": row["group_id"],
            "MessageDeduplicationId": row["deduplication_id"],
            "SequenceNumber": sequence_number(row["sequence"]) if queue.fifo else None,
            "AWSTraceHeader": trace,
            "DeadLetterQueueSourceArn": row["source_arn"],
        }
        return {
            name: value
            for name, value in attributes.items()
            if value is not None and ("All" in wanted or name in wanted)
        }


def _system_names(params: Params) -> frozenset[str]:
    names = [
        *(params.get("AttributeNames") or []),
        *(params.get("MessageSystemAttributeNames") or []),
    ]
    for name in names:
        if name not in SYSTEM_ATTRIBUTES:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    return frozenset(names)
