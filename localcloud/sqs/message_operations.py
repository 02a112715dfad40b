"""The operations that send and delete messages and change their visibility."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.sqs import batch_requests, message_attributes, outgoing_message, receipts
from localcloud.sqs.errors import invalid_value, within
from localcloud.sqs.messages import MessageStore
from localcloud.sqs.notifier import QueueNotifier
from localcloud.sqs.queues import MAX_MESSAGE_BYTES, MAX_VISIBILITY_SECONDS, Queue


class MessageOperations:
    """Operations of producers, and of consumers on messages that they received."""

    def __init__(
        self,
        find_queue: Callable[[Params], Queue],
        messages: MessageStore,
        notifier: QueueNotifier,
        clock: Clock,
    ) -> None:
        """Operate on `messages`; `find_queue` finds the queue that a request names."""
        self._find_queue = find_queue
        self._messages = messages
        self._notifier = notifier
        self._clock = clock

    def send_message(self, params: Params) -> Result:
        """Store one message and wake the queue's receivers."""
        queue = self._find_queue(params)
        message = outgoing_message.check_message(queue, params)
        stored = self._messages.send(queue, [message])[0]
        self._notifier.notify(queue.id)
        return message.result(stored.message_id, stored.sequence)

    def send_message_batch(self, params: Params) -> Result:
        """Store up to ten messages in one commit; each invalid one fails by itself."""
        queue, entries = self._find_queue(params), params["Entries"]
        batch_requests.check_batch(entries)
        valid: list[tuple[batch_requests.BatchEntry, outgoing_message.OutgoingMessage]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                valid.append((entry, outgoing_message.check_message(queue, entry)))
            except AwsError as error:
                failed.append(batch_requests.failed_entry(entry, error))
        _check_total_size(entries)
        stored = self._messages.send(queue, [message for _, message in valid])
        if valid:
            self._notifier.notify(queue.id)
        successful = [
            {"Id": entry["Id"], **message.result(sent.message_id, sent.sequence)}
            for (entry, message), sent in zip(valid, stored, strict=True)
        ]
        return {"Successful": successful, "Failed": failed}

    def delete_message(self, params: Params) -> Result:
        """Delete a message by the handle of its latest receive; an older handle does nothing."""
        self._delete(self._find_queue(params), params)
        return {}

    def delete_message_batch(self, params: Params) -> Result:
        """Delete up to ten messages."""
        queue = self._find_queue(params)
        return batch_requests.run_batch(params["Entries"], lambda entry: self._delete(queue, entry))

    def _delete(self, queue: Queue, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        receipt = receipts.parse_receipt_handle(queue, entry["ReceiptHandle"])
        row = self._messages.find_received(receipt) if queue.fifo else None
        if row is not None and row["visible_at"] <= self._clock():
            raise invalid_value(
                entry["ReceiptHandle"], "ReceiptHandle", "The receipt handle has expired."
            )
        self._messages.delete(receipt)
        if queue.fifo:
            self._notifier.notify(queue.id)
        return {}

    def change_message_visibility(self, params: Params) -> Result:
        """Hide a message in flight for so many seconds from now; 0 makes it visible at once."""
        self._change(self._find_queue(params), params)
        return {}

    def change_message_visibility_batch(self, params: Params) -> Result:
        """Change the visibility of up to ten messages."""
        queue = self._find_queue(params)
        return batch_requests.run_batch(params["Entries"], lambda entry: self._change(queue, entry))

    def _change(self, queue: Queue, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        receipt = receipts.parse_receipt_handle(queue, entry["ReceiptHandle"])
        seconds = within(
            entry,
            "VisibilityTimeout",
            0,
            MAX_VISIBILITY_SECONDS,
            queue.seconds("VisibilityTimeout"),
        )
        row, now = self._messages.find_received(receipt), self._clock()
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
        self._notifier.notify(queue.id)
        return {}


def _check_total_size(entries: Sequence[batch_requests.BatchEntry]) -> None:
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
