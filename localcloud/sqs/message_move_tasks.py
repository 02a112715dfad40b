"""Message move tasks, which move dead letters back in the background and across restarts.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-configure-dead-letter-queue-redrive.html
"""

from __future__ import annotations

import base64
import json
import sqlite3
import threading
import uuid
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.sqs.errors import invalid, invalid_value
from localcloud.sqs.messages import MessageStore
from localcloud.sqs.notifier import QueueNotifier
from localcloud.sqs.queues import Queue
from localcloud.sqs.store import QueueStore
from localcloud.supervision import SupervisedThread

BATCH_SIZE = 100
_INSERT = """
INSERT INTO messages (queue_id, message_id, body, attributes, system, group_id,
    deduplication_id, sent_at, visible_at)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class MessageMoveTasks:
    """The operations on move tasks, and the thread that runs them."""

    def __init__(
        self,
        database: Database,
        queues: QueueStore,
        messages: MessageStore,
        notifier: QueueNotifier,
        clock: Clock,
    ) -> None:
        """Keep tasks in `database`."""
        self._database = database
        self._queues = queues
        self._messages = messages
        self._notifier = notifier
        self._clock = clock
        self._next_batch_at: dict[int, float] = {}
        self._stopping = threading.Event()
        self._work = threading.Event()
        self._thread: SupervisedThread | None = None

    def start(self) -> None:
        """Begin to run tasks, first those that an earlier run left."""
        self._thread = SupervisedThread("sqs-moves", self._run)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current batch."""
        self._stopping.set()
        self._work.set()
        if self._thread is not None:
            self._thread.join(5)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._work.clear()
            self._work.wait(self.step())

    def step(self) -> float | None:
        """Move the batches that are due; return the seconds to the next one, or None."""
        waits = []
        for task in self._database.read("SELECT * FROM moves WHERE status = 'RUNNING'"):
            wait = self._next_batch_at.get(task["id"], 0) - self._clock()
            if wait <= 0:
                self._move_batch(task)
                wait = 1.0 if task["rate"] else 0.0
                self._next_batch_at[task["id"]] = self._clock() + wait
            waits.append(wait)
        return min(waits) if waits else None

    def _move_batch(self, task: sqlite3.Row) -> None:
        source = self._queues.find_by_arn(task["source_arn"])
        if source is None:
            self._finish(task, "FAILED", "AWS.SimpleQueueService.NonExistentQueue")
            return
        messages = self._database.read(
            "SELECT * FROM messages WHERE queue_id = ? AND visible_at <= ?"
            " ORDER BY sequence LIMIT ?",
            source.id,
            self._clock(),
            task["rate"] or BATCH_SIZE,
        )
        if not messages:
            self._finish(task, "COMPLETED", None)
        for message in messages:
            reason = self._move(task, source, message)
            if reason:
                self._finish(task, "FAILED", reason)
                return

    def _move(self, task: sqlite3.Row, source: Queue, message: sqlite3.Row) -> str | None:
        """Move one message as a new one; return the reason if it cannot be moved."""
        arn = task["destination_arn"] or message["source_arn"]
        if arn is None:
            return "CouldNotDetermineMessageSource"
        destination = self._queues.find_by_arn(arn)
        if destination is None:
            return "AWS.SimpleQueueService.NonExistentQueue"
        if destination.fifo != source.fifo:
            return "AWS.SimpleQueueService.UnsupportedOperation"
        now = self._clock()
        with self._database.transaction() as connection:
            deleted = connection.execute(
                "DELETE FROM messages WHERE sequence = ? AND visible_at <= ? AND EXISTS"
                " (SELECT 1 FROM moves WHERE id = ? AND status = 'RUNNING')",
                (message["sequence"], now, task["id"]),
            )
            if deleted.rowcount == 0:
                return None
            fields = ("body", "attributes", "system", "group_id", "deduplication_id")
            connection.execute(
                _INSERT,
                (
                    destination.id,
                    str(uuid.uuid4()),
                    *(message[field] for field in fields),
                    now,
                    now + destination.seconds("DelaySeconds"),
                ),
            )
            connection.execute("UPDATE moves SET moved = moved + 1 WHERE id = ?", (task["id"],))
        self._notifier.notify(destination.id)
        return None

    def _finish(self, task: sqlite3.Row, status: str, reason: str | None) -> None:
        self._database.write(
            "UPDATE moves SET status = ?, reason = ? WHERE id = ? AND status = 'RUNNING'",
            status,
            reason,
            task["id"],
        )
        self._next_batch_at.pop(task["id"], None)

    def start_message_move_task(self, params: Params) -> Result:
        """Start moving a dead letter queue's messages to their source or to another queue."""
        source = self._find_source(params["SourceArn"])
        destination = params.get("DestinationArn")
        if destination is not None:
            self._check_destination(source, destination)
        rate = params.get("MaxNumberOfMessagesPerSecond")
        if rate is not None and not 1 <= rate <= 500:
            raise invalid_value(
                rate, "MaxNumberOfMessagesPerSecond", "Must be between 1 and 500, if provided."
            )
        if not self._queues.dead_letter_sources(source.arn):
            raise invalid("Source queue must be configured as a Dead Letter Queue.")
        handle = _new_handle(source.arn)
        counts = self._messages.count(source)
        with self._database.transaction() as connection:
            running = connection.execute(
                "SELECT 1 FROM moves WHERE source_arn = ? AND status = 'RUNNING'", (source.arn,)
            ).fetchone()
            if running is not None:
                raise AwsError(
                    "UnsupportedOperation",
                    "There is already a task running. Only one active task is allowed for a "
                    "source queue arn at a given time.",
                )
            connection.execute(
                "INSERT INTO moves (handle, source_arn, destination_arn, rate, to_move, status,"
                " started_at) VALUES (?, ?, ?, ?, ?, 'RUNNING', ?)",
                (handle, source.arn, destination, rate, counts.visible, self._clock()),
            )
        self._work.set()
        return {"TaskHandle": handle}

    def _find_source(self, arn: str) -> Queue:
        queue = self._queues.find_by_arn(arn)
        if queue is None:
            raise AwsError(
                "ResourceNotFoundException",
                "The resource that you specified for the SourceArn parameter doesn't exist.",
                404,
            )
        return queue

    def _check_destination(self, source: Queue, arn: str) -> None:
        destination = self._queues.find_by_arn(arn)
        if destination is None:
            raise AwsError(
                "ResourceNotFoundException",
                "The resource that you specified for the DestinationArn parameter doesn't exist.",
                404,
            )
        if destination.id == source.id:
            raise invalid("Source queue arn and destination queue arn cannot be the same.")
        if destination.fifo != source.fifo:
            raise invalid("Source and destination must be queues of the same type.")

    def list_message_move_tasks(self, params: Params) -> Result:
        """List the latest tasks of a source queue, newest first."""
        source = self._find_source(params["SourceArn"])
        limit = params.get("MaxResults", 1)
        if not 1 <= limit <= 10:
            raise invalid_value(limit, "MaxResults", "Must be between 1 and 10, if provided.")
        rows = self._database.read(
            "SELECT * FROM moves WHERE source_arn = ? ORDER BY id DESC LIMIT ?", source.arn, limit
        )
        return {"Results": [_describe(row) for row in rows]}

    def cancel_message_move_task(self, params: Params) -> Result:
        """Stop a running task; moved messages stay where they are."""
        handle = params["TaskHandle"]
        rows = self._database.read("SELECT * FROM moves WHERE handle = ?", handle)
        if not rows:
            raise AwsError("ResourceNotFoundException", "Task does not exist.", 404)
        cancelled = self._database.write(
            "UPDATE moves SET status = 'CANCELLED' WHERE handle = ? AND status = 'RUNNING'", handle
        )
        if not cancelled:
            raise AwsError("ResourceNotFoundException", "Only active tasks can be cancelled.", 404)
        moved = self._database.read("SELECT moved FROM moves WHERE handle = ?", handle)
        return {"ApproximateNumberOfMessagesMoved": moved[0]["moved"]}


def _new_handle(source_arn: str) -> str:
    content = {"taskId": str(uuid.uuid4()), "sourceArn": source_arn}
    return base64.b64encode(json.dumps(content).encode()).decode()


def _describe(row: sqlite3.Row) -> dict[str, Any]:
    described = {
        "TaskHandle": row["handle"] if row["status"] == "RUNNING" else None,
        "Status": row["status"],
        "SourceArn": row["source_arn"],
        "DestinationArn": row["destination_arn"],
        "MaxNumberOfMessagesPerSecond": row["rate"],
        "ApproximateNumberOfMessagesMoved": row["moved"],
        "ApproximateNumberOfMessagesToMove": row["to_move"],
        "FailureReason": row["reason"],
        "StartedTimestamp": int(row["started_at"] * 1000),
    }
    return {name: value for name, value in described.items() if value is not None}
