"""The SQS service: composition of its parts, with an attribute for each API operation."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from localcloud.clock import Clock
from localcloud.service import CloudContext
from localcloud.sqs import queues
from localcloud.sqs.errors import no_such_queue
from localcloud.sqs.message_move_tasks import MessageMoveTasks
from localcloud.sqs.message_operations import MessageOperations
from localcloud.sqs.messages import MessageStore
from localcloud.sqs.notifier import QueueNotifier
from localcloud.sqs.outgoing_message import delivery_params
from localcloud.sqs.queue_operations import QueueOperations
from localcloud.sqs.receive_message import ReceiveAttempts, ReceiveOperation
from localcloud.sqs.store import QueueStore, open_database


class SqsService:
    """SQS, botocore service `sqs`, on one SQLite file."""

    name = "sqs"

    def __init__(self, context: CloudContext, clock: Clock = time.time) -> None:
        """Open the queues under `context`; `clock` gives seconds since the epoch."""
        self._context = context
        self._database = open_database(context.folder("sqs"))
        self._queues = QueueStore(self._database, clock)
        self._notifier = QueueNotifier()
        self._messages = MessageStore(self._database, clock)
        messages, queues, notifier = self._messages, self._queues, self._notifier
        on_queues = QueueOperations(context, queues, messages, notifier, clock)
        on_messages = MessageOperations(on_queues.find_queue, messages, notifier, clock)
        attempts = ReceiveAttempts(self._database, messages, clock)
        receive = ReceiveOperation(
            context, on_queues.find_queue, queues, messages, attempts, notifier
        )
        self._moves = MessageMoveTasks(self._database, queues, messages, notifier, clock)

        self.create_queue = on_queues.create_queue
        self.delete_queue = on_queues.delete_queue
        self.purge_queue = on_queues.purge_queue
        self.get_queue_url = on_queues.get_queue_url
        self.list_queues = on_queues.list_queues
        self.list_dead_letter_source_queues = on_queues.list_dead_letter_source_queues
        self.get_queue_attributes = on_queues.get_queue_attributes
        self.set_queue_attributes = on_queues.set_queue_attributes
        self.tag_queue = on_queues.tag_queue
        self.untag_queue = on_queues.untag_queue
        self.list_queue_tags = on_queues.list_queue_tags

        self.send_message = on_messages.send_message
        self.send_message_batch = on_messages.send_message_batch
        self.receive_message = receive.receive_message
        self.delete_message = on_messages.delete_message
        self.delete_message_batch = on_messages.delete_message_batch
        self.change_message_visibility = on_messages.change_message_visibility
        self.change_message_visibility_batch = on_messages.change_message_visibility_batch

        self.start_message_move_task = self._moves.start_message_move_task
        self.list_message_move_tasks = self._moves.list_message_move_tasks
        self.cancel_message_move_task = self._moves.cancel_message_move_task

    def start(self) -> None:
        """Resume message move tasks that a stop interrupted."""
        self._moves.start()

    def stop(self) -> None:
        """End long polls and move tasks, and close the database."""
        self._notifier.stop()
        self._moves.stop()
        self._database.close()

    def deliver(self, target_arn: str, payload: object, definition: Mapping[str, Any]) -> None:
        """Send `payload` to the queue `target_arn`, as an EventBridge target or dead letter.

        The body is `definition["PayloadText"]` if present, else `payload` as compact JSON.
        `SqsParameters.MessageGroupId` and `MessageAttributes` (as in SendMessage) are used;
        `DeduplicationId` makes a repeated delivery to a FIFO queue a duplicate.
        Raises AwsError, QueueDoesNotExist for an unknown queue.
        """
        queue = self._queues.find_by_arn(target_arn)
        if queue is None:
            raise no_such_queue()
        url = queues.queue_url(self._context, queue.name)
        self.send_message(delivery_params(url, payload, definition))

    def release_in_flight(self, queue_arn: str) -> None:
        """Make messages visible that were in flight when the cloud ended.

        For the only receiver of a queue, an event source mapping. AWS's pollers survive a power
        failure; ours end with the cloud, and their messages would stay hidden for the whole
        visibility timeout. Their last receive does not count. What a receiver hid itself, until a
        later try, stays hidden.
        """
        queue = self._queues.find_by_arn(queue_arn)
        if queue is not None:
            self._messages.release_in_flight(queue)
            self._notifier.notify(queue.id)

    def policy_of(self, arn: str) -> str | None:
        """Return the policy of the queue `arn`, None if it has none."""
        queue = self._queues.find_by_arn(arn)
        return None if queue is None else queue.attributes.get("Policy") or None

    def wake(self) -> None:
        """Make every receiver look again; for a caller that moved the clock."""
        for queue in self._queues.all():
            self._notifier.notify(queue.id)
