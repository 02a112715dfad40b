"""The operations on messages: send, receive, delete, change visibility."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.service import Params, Result, Surroundings
from localcloud.sqs import batches, message_attributes, receipts, sending
from localcloud.sqs.attempts import Attempts
from localcloud.sqs.bells import Bells
from localcloud.sqs.errors import invalid_value
from localcloud.sqs.messages import Grave, Messages, Received, sequence_number
from localcloud.sqs.queues import MAX_MESSAGE_BYTES, Queue
from localcloud.sqs.store import QueueRows

MAX_VISIBILITY_SECONDS = 43_200
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


class MessageOperations:
    """What producers and consumers call."""

    def __init__(
        self,
        surroundings: Surroundings,
        queue_of: Callable[[Params], Queue],
        rows: QueueRows,
        messages: Messages,
        attempts: Attempts,
        bells: Bells,
        clock: Clock,
    ) -> None:
        """Operate on `messages`; `queue_of` finds the queue a request names."""
        self._surroundings = surroundings
        self._queue_of = queue_of
        self._rows = rows
        self._messages = messages
        self._attempts = attempts
        self._bells = bells
        self._clock = clock

    def send_message(self, params: Params) -> Result:
        """Store one message and wake the queue's receivers."""
        queue = self._queue_of(params)
        message = sending.check(queue, params)
        stored = self._messages.put(queue, [message])[0]
        self._bells.ring(queue.id)
        return message.receipt(stored.message_id, stored.sequence)

    def send_message_batch(self, params: Params) -> Result:
        """Store up to ten messages in one commit; bad ones fail alone."""
        queue, entries = self._queue_of(params), params["Entries"]
        batches.check(entries)
        good: list[tuple[batches.Entry, sending.Outgoing]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                good.append((entry, sending.check(queue, entry)))
            except AwsError as error:
                failed.append(batches.failure(entry, error))
        _check_total(entries)
        stored = self._messages.put(queue, [message for _, message in good])
        if good:
            self._bells.ring(queue.id)
        successful = [
            {"Id": entry["Id"], **message.receipt(item.message_id, item.sequence)}
            for (entry, message), item in zip(good, stored, strict=True)
        ]
        return {"Successful": successful, "Failed": failed}

    def receive_message(self, params: Params) -> Result:
        """Receive up to ten messages, waiting up to `WaitTimeSeconds` for the first."""
        queue = self._queue_of(params)
        limit = _within(params, "MaxNumberOfMessages", 1, 10, 1)
        wait = _within(
            params, "WaitTimeSeconds", 0, 20, queue.seconds("ReceiveMessageWaitTimeSeconds")
        )
        visibility = _within(
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
            "SenderId": self._surroundings.account_id,
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

    def delete_message(self, params: Params) -> Result:
        """Delete a message by the handle of its latest receive; an older one changes nothing."""
        self._delete(self._queue_of(params), params)
        return {}

    def delete_message_batch(self, params: Params) -> Result:
        """Delete up to ten messages."""
        queue = self._queue_of(params)
        return batches.run(params["Entries"], lambda entry: self._delete(queue, entry))

    def _delete(self, queue: Queue, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        receipt = receipts.parse(queue, entry["ReceiptHandle"])
        row = self._messages.held_by(receipt) if queue.fifo else None
        if row is not None and row["visible_at"] <= self._clock():
            raise invalid_value(
                entry["ReceiptHandle"], "ReceiptHandle", "The receipt handle has expired."
            )
        self._messages.delete(receipt)
        if queue.fifo:
            self._bells.ring(queue.id)
        return {}

    def change_message_visibility(self, params: Params) -> Result:
        """Hide a message in flight for so many seconds from now; 0 shows it at once."""
        self._change(self._queue_of(params), params)
        return {}

    def change_message_visibility_batch(self, params: Params) -> Result:
        """Change the visibility of up to ten messages."""
        queue = self._queue_of(params)
        return batches.run(params["Entries"], lambda entry: self._change(queue, entry))

    def _change(self, queue: Queue, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        receipt = receipts.parse(queue, entry["ReceiptHandle"])
        seconds = _within(
            entry,
            "VisibilityTimeout",
            0,
            MAX_VISIBILITY_SECONDS,
            queue.seconds("VisibilityTimeout"),
        )
        row, now = self._messages.held_by(receipt), self._clock()
        if row is None:
            raise invalid_value(
                entry["ReceiptHandle"],
                "ReceiptHandle",
                "Message does not exist or is not available for visibility timeout change.",
            )
        if row["visible_at"] <= now:
            raise AwsError("MessageNotInflight", "The specified message isn't in flight.")
        if now + seconds > row["received_at"] + MAX_VISIBILITY_SECONDS:
            raise invalid_value(
                seconds,
                "VisibilityTimeout",
                "Total VisibilityTimeout for the message is beyond the limit "
                f"[{MAX_VISIBILITY_SECONDS} seconds].",
            )
        self._messages.hide_until(receipt, now + seconds)
        self._bells.ring(queue.id)
        return {}


def _within(params: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    value = params.get(name)
    if value is None:
        return default
    if not low <= value <= high:
        raise invalid_value(value, name, f"Must be between {low} and {high}, if provided.")
    return int(value)


def _system_names(params: Params) -> frozenset[str]:
    names = [
        *(params.get("AttributeNames") or []),
        *(params.get("MessageSystemAttributeNames") or []),
    ]
    for name in names:
        if name not in SYSTEM_ATTRIBUTES:
            raise AwsError("InvalidAttributeName", f"Unknown Attribute {name}.")
    return frozenset(names)


def _check_total(entries: Sequence[batches.Entry]) -> None:
    total = sum(
        len(entry.get("MessageBody", "").encode())
        + message_attributes.size(entry.get("MessageAttributes") or {})
        for entry in entries
    )
    if total > MAX_MESSAGE_BYTES:
        raise AwsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {MAX_MESSAGE_BYTES} bytes. "
            f"You have sent {total} bytes.",
        )


def text_of(payload: object, definition: Mapping[str, Any]) -> str:
    """Return the body for a delivered payload: its exact text if the sender kept it, else JSON."""
    exact = definition.get("PayloadText")
    if isinstance(exact, str):
        return exact
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


def delivery_params(url: str, payload: object, definition: Mapping[str, Any]) -> dict[str, Any]:
    """Return the SendMessage request for a target delivery to the queue at `url`."""
    params: dict[str, Any] = {"QueueUrl": url, "MessageBody": text_of(payload, definition)}
    group = (definition.get("SqsParameters") or {}).get("MessageGroupId")
    if group:
        params["MessageGroupId"] = group
    if definition.get("MessageAttributes"):
        params["MessageAttributes"] = definition["MessageAttributes"]
    if url.endswith(".fifo") and definition.get("DeduplicationId"):
        params["MessageDeduplicationId"] = definition["DeduplicationId"]
    elif url.endswith(".fifo"):
        params["MessageDeduplicationId"] = str(uuid.uuid4())
    return params
