"""The operations on messages but receiving: send, delete, change visibility."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.sqs import batches, message_attributes, receipts, sending
from localcloud.sqs.bells import Bells
from localcloud.sqs.errors import invalid_value, within
from localcloud.sqs.messages import Messages
from localcloud.sqs.queues import MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS, Queue


class MessageOperations:
    """What producers call, and consumers once they received."""

    def __init__(
        self,
        queue_of: Callable[[Params], Queue],
        messages: Messages,
        bells: Bells,
        clock: Clock,
    ) -> None:
        """Operate on `messages`; `queue_of` finds the queue a request names."""
        self._queue_of = queue_of
        self._messages = messages
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
        seconds = within(
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
