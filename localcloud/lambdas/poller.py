"""What moves messages from a queue into a function, for one event source mapping.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from localcloud.errors import AwsError
from localcloud.events.patterns import parse_pattern
from localcloud.lambdas.batches import Message, failed_ids, filterable, payloads, record
from localcloud.lambdas.mapping import Mapped
from localcloud.service import Params, Result

RunBatch = Callable[[str, bytes], tuple[bytes, bool]]
"""Invoke a function with a payload; returns its response and whether it succeeded.

Raises AwsError when it could not be invoked at all.
"""

DEFAULT_CONCURRENCY = 5
_RECEIVE_AT_ONCE = 10
_POLL_S = 1
_NOT_READY_S = 0.05
_AFTER_TROUBLE_S = 5.0
_log = logging.getLogger(__name__)


class Queues(Protocol):
    """What a poller needs of SQS."""

    def get_queue_url(self, params: Params) -> Result: ...

    def get_queue_attributes(self, params: Params) -> Result: ...

    def receive_message(self, params: Params) -> Result: ...

    def delete_message_batch(self, params: Params) -> Result: ...

    def change_message_visibility(self, params: Params) -> Result: ...

    def send_message(self, params: Params) -> Result: ...


class KeptQueues(Queues, Protocol):
    """Queues that outlast their pollers."""

    def give_back(self, queue_arn: str) -> None: ...


class Poller:
    """One thread that receives, and a thread for each batch that is being worked on."""

    def __init__(
        self, mapped: Mapped, queues: Queues, run: RunBatch, is_ready: Callable[[], bool]
    ) -> None:
        """Feed the function of `mapped` by `run`, once `is_ready` says that it exists."""
        self._mapped = mapped
        self._queues = queues
        self._run = run
        self._is_ready = is_ready
        self._patterns = [parse_pattern(pattern) for pattern in mapped.filters]
        self._slots = threading.Semaphore(mapped.concurrency or DEFAULT_CONCURRENCY)
        self._stop = threading.Event()
        self.last_result = "No records processed"

    def start(self) -> None:
        """Begin to poll."""
        name = f"lambda-poller-{self._mapped.function}"
        threading.Thread(target=self._loop, name=name, daemon=True).start()

    def stop(self) -> None:
        """Receive nothing more; batches that run are finished."""
        self._stop.set()

    def _loop(self) -> None:
        while not self._is_ready() and not self._stop.wait(_NOT_READY_S):
            continue
        while not self._stop.is_set():
            if self._slots.acquire(timeout=_POLL_S):
                self._round()

    def _round(self) -> None:
        """Receive one batch and begin to work on it; holds a slot, which the work takes over."""
        messages: list[Message] = []
        try:
            messages = self._collect()
            if self._stop.is_set():
                self._give_back([each["ReceiptHandle"] for each in messages])
                messages = []
        except AwsError as error:
            self.last_result = f"PROBLEM: {error}"
            _log.warning("the queue of %s cannot be read: %s", self._mapped.function, error)
            self._stop.wait(_AFTER_TROUBLE_S)
        if messages:
            self._begin(messages)
        else:
            self._slots.release()

    def _begin(self, messages: list[Message]) -> None:
        name = f"lambda-batch-{self._mapped.function}"
        threading.Thread(target=self._work, args=(messages,), name=name, daemon=True).start()

    def _work(self, messages: list[Message]) -> None:
        try:
            self.process(messages)
        except AwsError as error:
            _log.warning("a batch of %s is left to the queue: %s", self._mapped.function, error)
        finally:
            self._slots.release()

    def _collect(self) -> list[Message]:
        """Receive one batch: at once what is there, or what comes within the window."""
        size = self._mapped.batch_size
        messages = self._receive(min(_RECEIVE_AT_ONCE, size), _POLL_S)
        deadline = time.monotonic() + self._mapped.window_s
        while messages and len(messages) < size and not self._stop.is_set():
            left = deadline - time.monotonic()
            if left <= 0:
                break
            wait = min(_POLL_S, int(left) + 1)
            messages += self._receive(min(_RECEIVE_AT_ONCE, size - len(messages)), wait)
        return messages

    def _queue_url(self) -> str:
        name = self._mapped.queue_arn.rsplit(":", 1)[1]
        return str(self._queues.get_queue_url({"QueueName": name})["QueueUrl"])

    def _receive(self, number: int, wait_s: int) -> list[Message]:
        answer = self._queues.receive_message(
            {
                "QueueUrl": self._queue_url(),
                "MaxNumberOfMessages": number,
                "WaitTimeSeconds": wait_s,
                "MessageSystemAttributeNames": ["All"],
                "MessageAttributeNames": ["All"],
            }
        )
        return list(answer.get("Messages") or ())

    def process(self, messages: Sequence[Message]) -> None:
        """Invoke the function with `messages` and delete those that it dealt with.

        A message that no filter wants is deleted unseen, as on AWS. The rest of a failed
        batch becomes visible again by itself.
        """
        handles = {each["MessageId"]: each["ReceiptHandle"] for each in messages}
        records = [record(each, self._mapped.queue_arn) for each in messages]
        wanted = [each for each in records if self._wants(each)]
        unwanted = set(handles) - {each["messageId"] for each in wanted}
        self._delete([handles[each] for each in unwanted])
        for payload, ids in payloads(wanted):
            failed = self._failed(payload, ids)
            self._delete([handles[each] for each in ids if each not in failed])
            if self._stop.is_set():
                self._give_back([handles[each] for each in failed])

    def _give_back(self, handles: Sequence[str]) -> None:
        """Let others have at once what the end of this poller leaves undone."""
        for handle in handles:
            self._queues.change_message_visibility(
                {"QueueUrl": self._queue_url(), "ReceiptHandle": handle, "VisibilityTimeout": 0}
            )

    def _wants(self, one: Mapping[str, Any]) -> bool:
        if not self._patterns:
            return True
        event = filterable(one)
        return any(pattern.matches(event) for pattern in self._patterns)

    def _failed(self, payload: bytes, ids: Sequence[str]) -> frozenset[str]:
        try:
            response, succeeded = self._run(self._mapped.function, payload)
        except AwsError as error:
            self.last_result = f"PROBLEM: {error.code}"
            return frozenset(ids)
        if not succeeded:
            self.last_result = "PROBLEM: Function call failed"
            return frozenset(ids)
        self.last_result = "OK"
        return failed_ids(response, ids) if self._mapped.partial_failures else frozenset()

    def _delete(self, handles: Sequence[str]) -> None:
        url = self._queue_url() if handles else ""
        for start in range(0, len(handles), _RECEIVE_AT_ONCE):
            some = handles[start : start + _RECEIVE_AT_ONCE]
            entries = [{"Id": str(n), "ReceiptHandle": each} for n, each in enumerate(some)]
            self._queues.delete_message_batch({"QueueUrl": url, "Entries": entries})
