"""The poller of one event source mapping, which moves messages from a queue into a function.

A batch whose function is throttled is tried again and again until its messages become visible
in the queue, where they count as received once more; one whose function fails is not.
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from localcloud.errors import AwsError
from localcloud.events.patterns import parse_pattern
from localcloud.lambdas.event_sources.definition import EventSourceMapping
from localcloud.lambdas.event_sources.records import (
    SqsMessage,
    batches,
    failed_message_ids,
    filterable_record,
    sqs_record,
)
from localcloud.lambdas.lineage import LOOP_ERROR
from localcloud.service import Params, Result
from localcloud.storage_errors import describe_failure
from localcloud.supervision import SupervisedThread

RunBatch = Callable[[str, bytes, str], tuple[bytes, bool]]
"""Invokes a function with a payload; returns its response and whether it succeeded.

The third argument is a trace header of the messages, which share their lineage.

Raises AwsError if it cannot be invoked at all.
"""

DEFAULT_CONCURRENCY = 5
_MAX_RECEIVED = 10
_POLL_S = 1
_NOT_READY_POLL_S = 0.05
_ERROR_PAUSE_S = 5.0
_NO_FUNCTION = "PROBLEM: Function not found"
_THROTTLED = "TooManyRequestsException"
_FIRST_BACKOFF_S = 1.0
_MAX_BACKOFF_S = 30.0
_log = logging.getLogger(__name__)


class SqsQueues(Protocol):
    """The operations of SQS that a poller needs."""

    def get_queue_url(self, params: Params) -> Result: ...

    def get_queue_attributes(self, params: Params) -> Result: ...

    def receive_message(self, params: Params) -> Result: ...

    def delete_message_batch(self, params: Params) -> Result: ...

    def change_message_visibility(self, params: Params) -> Result: ...

    def send_message(self, params: Params) -> Result: ...


class DurableQueues(SqsQueues, Protocol):
    """Queues that keep messages in flight when the pollers that received them are killed."""

    def release_in_flight(self, queue_arn: str) -> None: ...


class EventSourcePoller:
    """One thread that receives, and a thread for each batch that is being processed."""

    def __init__(
        self,
        mapping: EventSourceMapping,
        queues: SqsQueues,
        run: RunBatch,
        is_ready: Callable[[], bool],
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], bool] | None = None,
        is_disk_low: Callable[[], bool] = lambda: False,
    ) -> None:
        """Invoke the function of `mapping` by `run`, as long as `is_ready` says that it exists.

        A mapping outlasts its function: AWS has it deleted by a call of its own. While there is no
        function nothing is received, so that no message is counted as received in vain. What AWS
        does with such messages its guide does not say.
        https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html

        `pause` waits for some seconds and returns whether the poller was stopped meanwhile.
        Messages that fail while `is_disk_low` come again as soon as there is space.
        """
        self._mapping = mapping
        self._queues = queues
        self._run = run
        self._is_ready = is_ready
        self._patterns = [parse_pattern(pattern) for pattern in mapping.filters]
        self._slots = threading.Semaphore(mapping.concurrency or DEFAULT_CONCURRENCY)
        self._stop = threading.Event()
        self._monotonic = monotonic
        self._pause = pause or self._stop.wait
        self._is_disk_low = is_disk_low
        self.last_result = "No records processed"
        self._thread = SupervisedThread(f"lambda-poller-{mapping.function}", self._loop)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def stop(self) -> None:
        """Receive nothing more; batches that are being processed are finished."""
        self._stop.set()
        self._thread.request_stop()

    def _loop(self) -> None:
        wait_s = _NOT_READY_POLL_S
        while not self._stop.is_set():
            if not self._is_ready():
                self.last_result = _NO_FUNCTION
                self._pause(wait_s)
                wait_s = min(_POLL_S, 2 * wait_s)
            elif self._slots.acquire(timeout=_POLL_S):
                self._poll()

    def _poll(self) -> None:
        """Receive one batch and begin to process it in the slot that is held."""
        messages: list[SqsMessage] = []
        try:
            messages = self._collect_batch()
            if self._stop.is_set():
                self._release([message["ReceiptHandle"] for message in messages])
                messages = []
            if messages:
                self._start_batch(messages)
                return
        except Exception as error:  # noqa: BLE001 - the slot is freed, whatever failed
            reason = describe_failure(error)
            self.last_result = f"PROBLEM: {reason}"
            _log.warning("the queue of %s cannot be read: %s", self._mapping.function, reason)
            self._pause(_ERROR_PAUSE_S)
        self._slots.release()

    def _start_batch(self, messages: list[SqsMessage]) -> None:
        name = f"lambda-batch-{self._mapping.function}"
        threading.Thread(target=self._run_batch, args=(messages,), name=name, daemon=True).start()

    def _run_batch(self, messages: list[SqsMessage]) -> None:
        try:
            self.process(messages)
        except AwsError as error:
            _log.warning("a batch of %s is left to the queue: %s", self._mapping.function, error)
        except Exception as error:  # noqa: BLE001 - the messages come again, whatever failed
            reason = describe_failure(error)
            _log.exception("a batch of %s failed here. %s", self._mapping.function, reason)
            self._release_when_possible([message["ReceiptHandle"] for message in messages])
        finally:
            self._slots.release()

    def _release_when_possible(self, handles: Sequence[str]) -> None:
        """Make messages visible again once the disk takes it, not after the visibility timeout.

        Until then no other batch takes their slot: it would fail as they did, in vain.
        """
        left = list(handles)
        while left and not self._pause(_ERROR_PAUSE_S):
            if self._is_disk_low():
                continue
            try:
                while left:
                    with suppress(AwsError):  # it was deleted, or is visible
                        self._release(left[-1:])
                    left.pop()
            except Exception as error:  # noqa: BLE001 - the disk may still refuse
                _log.warning("messages cannot be given back yet: %s", describe_failure(error))

    def _collect_batch(self) -> list[SqsMessage]:
        """Receive what is there, or what arrives within the batching window."""
        size = self._mapping.batch_size
        messages = self._receive(min(_MAX_RECEIVED, size), _POLL_S)
        deadline = time.monotonic() + self._mapping.window_s
        while messages and len(messages) < size and not self._stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            wait_s = min(_POLL_S, int(left) + 1)
            messages += self._receive(min(_MAX_RECEIVED, size - len(messages)), wait_s)
        return messages

    def _queue_url(self) -> str:
        name = self._mapping.queue_arn.rsplit(":", 1)[1]
        return str(self._queues.get_queue_url({"QueueName": name})["QueueUrl"])

    def _receive(self, number: int, wait_s: int) -> list[SqsMessage]:
        result = self._queues.receive_message(
            {
                "QueueUrl": self._queue_url(),
                "MaxNumberOfMessages": number,
                "WaitTimeSeconds": wait_s,
                "MessageSystemAttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            }
        )
        return list(result.get("Messages") or ())

    def _visibility_timeout_s(self) -> float:
        request = {"QueueUrl": self._queue_url(), "AttributeNames": ["VisibilityTimeout"]}
        return float(self._queues.get_queue_attributes(request)["Attributes"]["VisibilityTimeout"])

    def process(self, messages: Sequence[SqsMessage]) -> None:
        """Invoke the function with `messages`, just received, and delete those that succeeded.

        A message that matches no filter is deleted, as on AWS. The failed messages of a batch
        become visible again by themselves.
        """
        received_at = self._monotonic()
        handles = {message["MessageId"]: message["ReceiptHandle"] for message in messages}
        records = [sqs_record(message, self._mapping.queue_arn) for message in messages]
        matching = [record for record in records if self._matches(record)]
        filtered_out = set(handles) - {record["messageId"] for record in matching}
        self._delete([handles[message_id] for message_id in filtered_out])
        for payload, ids, header in batches(matching):
            failed = self._invoke(payload, ids, header, received_at)
            self._delete([handles[message_id] for message_id in ids if message_id not in failed])
            if self._stop.is_set():
                self._release([handles[message_id] for message_id in failed])
            elif failed and self._is_disk_low():
                self._release_when_possible([handles[message_id] for message_id in failed])

    def _release(self, handles: Sequence[str]) -> None:
        """Make messages visible at once that this poller will not process."""
        for handle in handles:
            self._queues.change_message_visibility(
                {"QueueUrl": self._queue_url(), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            )

    def _matches(self, record: Mapping[str, Any]) -> bool:
        if not self._patterns:
            return True
        event = filterable_record(record)
        return any(pattern.matches(event) for pattern in self._patterns)

    def _invoke(
        self, payload: bytes, ids: Sequence[str], header: str, received_at: float
    ) -> frozenset[str]:
        """Invoke the function and return the ids of the messages that failed."""
        try:
            response, succeeded = self._run_unthrottled(payload, header, received_at)
        except AwsError as error:
            self.last_result = f"PROBLEM: {error.code}"
            if error.code == LOOP_ERROR:
                _log.warning("%s messages are left to the queue: %s", len(ids), error.message)
            return frozenset(ids)
        if not succeeded:
            self.last_result = "PROBLEM: Function call failed"
            return frozenset(ids)
        self.last_result = "OK"
        return failed_message_ids(response, ids) if self._mapping.partial_failures else frozenset()

    def _run_unthrottled(
        self, payload: bytes, header: str, received_at: float
    ) -> tuple[bytes, bool]:
        """Invoke the function; where it is throttled, again until the messages become visible."""
        backoff_s, visible_at = _FIRST_BACKOFF_S, None
        while True:
            try:
                return self._run(self._mapping.function, payload, header)
            except AwsError as error:
                if error.code != _THROTTLED:
                    raise
                if visible_at is None:
                    visible_at = received_at + self._visibility_timeout_s()
                if self._monotonic() + backoff_s >= visible_at or self._pause(backoff_s):
                    raise
            backoff_s = min(_MAX_BACKOFF_S, 2 * backoff_s)

    def _delete(self, handles: Sequence[str]) -> None:
        url = self._queue_url() if handles else ""
        for start in range(0, len(handles), _MAX_RECEIVED):
            chunk = handles[start : start + _MAX_RECEIVED]
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(chunk)]
            self._queues.delete_message_batch({"QueueUrl": url, "Entries": entries})
