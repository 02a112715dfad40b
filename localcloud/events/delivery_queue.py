"""The durable queue of deliveries to targets, with retries and dead-letter queues.

A delivery may be made twice if the process is killed in between, as on AWS.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
"""

from __future__ import annotations

import heapq
import json
import logging
import random
import sqlite3
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.events.due_timer import LONGEST_SLEEP_SECONDS
from localcloud.events.errors import DeliveryFailure, classify_failure
from localcloud.service import Deliverer
from localcloud.storage_errors import describe_failure
from localcloud.supervision import SupervisedThread

SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    token TEXT NOT NULL,
    target_arn TEXT NOT NULL,
    definition TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at REAL NOT NULL,
    due_at REAL NOT NULL,
    retries INTEGER NOT NULL DEFAULT 0,
    max_retries INTEGER NOT NULL,
    max_age REAL NOT NULL,
    dead_letter_arn TEXT,
    dead_letter_body TEXT,
    dead_letter_attributes TEXT NOT NULL
);
"""
DEFAULT_MAX_RETRIES = 185
DEFAULT_MAX_AGE_SECONDS = 86_400
MAX_RETRY_DELAY_SECONDS = 600.0
WORKERS = 8
STOP_SECONDS = 4.0

Deliverers = Mapping[str, Deliverer]
"""The deliverer of each service, by the service field of the target's ARN.

A deliverer is called with the ARN, the payload as JSON value, and the target's definition with
`PayloadText` (the exact text), `DeduplicationId` (the same at every retry) and `SourceArn` (the
rule or schedule) added. It raises if the target does not accept the payload.
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TargetDelivery:
    """One payload for one target. Times are seconds since the epoch."""

    target_arn: str
    definition: Mapping[str, Any]
    payload: str
    created_at: float
    dead_letter_body: str
    dead_letter_attributes: Mapping[str, str] = field(default_factory=dict)

    def row(self) -> tuple[object, ...]:
        """Return the column values for `_INSERT`."""
        policy = self.definition.get("RetryPolicy") or {}
        dead_letter_arn = (self.definition.get("DeadLetterConfig") or {}).get("Arn")
        return (
            str(uuid.uuid4()),
            self.target_arn,
            json.dumps(self.definition),
            self.payload,
            self.created_at,
            self.created_at,
            policy.get("MaximumRetryAttempts", DEFAULT_MAX_RETRIES),
            policy.get("MaximumEventAgeInSeconds", DEFAULT_MAX_AGE_SECONDS),
            dead_letter_arn,
            self.dead_letter_body if dead_letter_arn else None,
            json.dumps(self.dead_letter_attributes),
        )


_INSERT = """
INSERT INTO deliveries (token, target_arn, definition, payload, created_at, due_at,
    max_retries, max_age, dead_letter_arn, dead_letter_body, dead_letter_attributes)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def unchanged(payload: str, attempt: int) -> str:
    """Return `payload`, which is the same at every attempt."""
    return payload


def unchecked(definition: Mapping[str, Any]) -> None:
    """Let a delivery be made, whoever makes it."""


class DeliveryQueue:
    """The deliveries of one service, and the threads that make them."""

    def __init__(
        self,
        database: Database,
        targets: Deliverers,
        clock: Clock,
        name: str,
        render: Callable[[str, int], str] = unchanged,
        check_sender: Callable[[Mapping[str, Any]], None] = unchecked,
    ) -> None:
        """Prepare the queue; `start` starts its threads.

        Args:
            database: The database that stores the deliveries; it has SCHEMA.
            targets: The deliverers by service, which may be filled until `start`.
            clock: The clock, in seconds since the epoch.
            name: The name of the threads.
            render: Returns the payload for an attempt, whose number counts from 1.
            check_sender: Raises AwsError if the service cannot act as the `RoleArn` of what a
                deliverer is called with.
        """
        self._check_sender = check_sender
        self._database = database
        self._targets = targets
        self._clock = clock
        self._name = name
        self._render = render
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int]] = []
        self._known: set[int] = set()
        self._running = False
        self._threads: list[SupervisedThread] = []

    def add(
        self, connection: sqlite3.Connection, deliveries: Iterable[TargetDelivery]
    ) -> list[int]:
        """Store `deliveries` in the caller's transaction, and return their ids.

        The caller calls `announce` with the ids after the commit.
        """
        return [
            int(connection.execute(_INSERT, delivery.row()).lastrowid or 0)
            for delivery in deliveries
        ]

    def announce(self, ids: Iterable[int]) -> None:
        """Schedule the committed deliveries `ids` immediately."""
        now = self._clock()
        with self._changed:
            for delivery_id in ids:
                self._push(now, delivery_id)

    def _push(self, due_at: float, delivery_id: int) -> None:
        if self._running and delivery_id not in self._known:
            self._known.add(delivery_id)
            heapq.heappush(self._waiting, (due_at, delivery_id))
            self._changed.notify()

    def start(self) -> None:
        """Start the threads, which first continue the deliveries of an earlier run."""
        with self._changed:
            self._running = True
            for row in self._database.read("SELECT id, due_at FROM deliveries"):
                self._push(row["due_at"], row["id"])
        self._threads = [
            SupervisedThread(f"{self._name}-{number}", self._run_worker)
            for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the deliveries in progress; the others wait for the next start."""
        self.wake(running=False)
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def wake(self, *, running: bool | None = None) -> None:
        """Wake the threads, because the clock was moved or the queue stops."""
        with self._changed:
            if running is not None:
                self._running = running
            self._changed.notify_all()

    def pending(self) -> int:
        """Return the number of deliveries that are neither made nor dead-lettered."""
        return int(self._database.read("SELECT count(*) AS n FROM deliveries")[0]["n"])

    def _run_worker(self) -> None:
        while (delivery_id := self._next_due()) is not None:
            retry_at = self._attempt_safely(delivery_id)
            with self._changed:
                self._known.discard(delivery_id)
                if retry_at is not None:
                    self._push(retry_at, delivery_id)

    def _next_due(self) -> int | None:
        with self._changed:
            while self._running:
                wait = self._waiting[0][0] - self._clock() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[1]
                self._changed.wait(min(wait or LONGEST_SLEEP_SECONDS, LONGEST_SLEEP_SECONDS))
        return None

    def _attempt_safely(self, delivery_id: int) -> float | None:
        try:
            return self._attempt_delivery(delivery_id)
        except Exception as error:  # noqa: BLE001 - no delivery may be lost, whatever failed
            _log.exception("a delivery is tried again. %s", describe_failure(error))
            return self._clock() + 1

    def _attempt_delivery(self, delivery_id: int) -> float | None:
        """Attempt a delivery; return when to retry it, or None if it is finished."""
        rows = self._database.read("SELECT * FROM deliveries WHERE id = ?", delivery_id)
        if not rows:
            return None
        row = rows[0]
        try:
            self._send(row)
        except Exception as error:  # noqa: BLE001 - whatever a target raises is a failed delivery
            return self._record_failure(row, classify_failure(error))
        self._database.write("DELETE FROM deliveries WHERE id = ?", delivery_id)
        return None

    def _send(self, row: sqlite3.Row) -> None:
        text = self._render(row["payload"], row["retries"] + 1)
        definition = {
            **json.loads(row["definition"]),
            **_sender(row),
            "PayloadText": text,
            "DeduplicationId": row["token"],
        }
        self._check_sender(definition)
        find_deliverer(self._targets, row["target_arn"])(
            row["target_arn"], _json_or_text(text), definition
        )

    def _record_failure(self, row: sqlite3.Row, failure: DeliveryFailure) -> float | None:
        retries = row["retries"]
        retry_at = self._clock() + retry_delay_s(retries)
        exhausted = None
        if retries >= row["max_retries"]:
            exhausted = "MaximumRetryAttempts"
        elif retry_at - row["created_at"] > row["max_age"]:
            exhausted = "MaximumEventAgeInSeconds"
        if failure.permanent or exhausted:
            self._give_up(row, failure, None if failure.permanent else exhausted)
            return None
        self._database.write(
            "UPDATE deliveries SET retries = ?, due_at = ? WHERE id = ?",
            retries + 1,
            retry_at,
            row["id"],
        )
        return retry_at

    def _give_up(self, row: sqlite3.Row, failure: DeliveryFailure, exhausted: str | None) -> None:
        arn = row["dead_letter_arn"]
        _log.warning("delivery to %s failed for good: %s", row["target_arn"], failure.message)
        if arn is not None:
            attributes = {
                **json.loads(row["dead_letter_attributes"]),
                "TARGET_ARN": row["target_arn"],
                "ERROR_CODE": failure.code,
                "ERROR_MESSAGE": failure.message,
                "RETRY_ATTEMPTS": str(row["retries"]),
                **({"EXHAUSTED_RETRY_CONDITION": exhausted} if exhausted else {}),
            }
            self._send_to_dead_letter_queue(row, arn, attributes)
        self._database.write("DELETE FROM deliveries WHERE id = ?", row["id"])

    def _send_to_dead_letter_queue(
        self, row: sqlite3.Row, arn: str, attributes: Mapping[str, str]
    ) -> None:
        body = row["dead_letter_body"]
        definition = {
            **_sender(row),
            "PayloadText": body,
            "DeduplicationId": row["token"],
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        }
        try:
            self._check_sender(definition)
            find_deliverer(self._targets, arn)(arn, _json_or_text(body), definition)
        except Exception:  # noqa: BLE001 - as AWS, an event whose dead letter queue fails is lost
            _log.exception("dead letter queue %s did not take an event; it is lost", arn)


def _sender(row: sqlite3.Row) -> dict[str, str]:
    """Return the identity that a delivery is made with: a rule's ARN, or a schedule's role.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    attributes = json.loads(row["dead_letter_attributes"])
    if "SCHEDULE_ARN" in attributes:
        role = str(json.loads(row["definition"]).get("RoleArn", ""))
        return {"SourceArn": attributes["SCHEDULE_ARN"], "RoleArn": role}
    return {"SourceArn": attributes["RULE_ARN"]} if "RULE_ARN" in attributes else {}


def find_deliverer(targets: Deliverers, arn: str) -> Deliverer:
    """Return the deliverer of the service of `arn`, or raise ResourceNotFoundException."""
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service not in targets:
        raise AwsError("ResourceNotFoundException", f"Nothing delivers to {arn}.", 404)
    return targets[service]


def retry_delay_s(retries: int) -> float:
    """Return the seconds before the next retry: 1 to 600, doubling, less up to half at random."""
    max_delay = min(MAX_RETRY_DELAY_SECONDS, 2.0 ** min(retries, 10))
    return max_delay * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret


def _json_or_text(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
