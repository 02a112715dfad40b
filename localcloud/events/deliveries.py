"""Deliveries: rows that outlive a kill, worked off by threads, retried, then dead-lettered.

A delivery may be made twice when the process is killed in between, as on AWS.
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
from localcloud.events.alarms import LONGEST_SLEEP_SECONDS
from localcloud.events.failures import Failure, failure_of
from localcloud.service import Deliverer

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
LONGEST_PAUSE_SECONDS = 600.0
WORKERS = 8
STOP_SECONDS = 4.0

Targets = Mapping[str, Deliverer]
"""By the service field of the target's ARN. A deliverer is called with the ARN, the payload
as JSON value, and the target's definition with `PayloadText` (the exact text),
`DeduplicationId` (the same at every retry) and `SourceArn` (the rule or schedule) added; it raises
when the target did not accept."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload for one target. Times are seconds since the epoch."""

    target_arn: str
    definition: Mapping[str, Any]
    payload: str
    created_at: float
    dead_letter_body: str
    dead_letter_attributes: Mapping[str, str] = field(default_factory=dict)

    def row(self) -> tuple[object, ...]:
        """Return the columns that `_INSERT` takes."""
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


def as_is(payload: str, attempt: int) -> str:
    """Return `payload`, which is the same at every attempt."""
    return payload


class DeliveryQueue:
    """The deliveries of one service and the threads that make them."""

    def __init__(
        self,
        database: Database,
        targets: Targets,
        clock: Clock,
        name: str,
        render: Callable[[str, int], str] = as_is,
    ) -> None:
        """Keep rows in `database` (which has SCHEMA); `render` fits a payload to an attempt."""
        self._database = database
        self._targets = targets
        self._clock = clock
        self._name = name
        self._render = render
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int]] = []
        self._known: set[int] = set()
        self._running = False
        self._threads: list[threading.Thread] = []

    def add(self, connection: sqlite3.Connection, deliveries: Iterable[Delivery]) -> list[int]:
        """Store `deliveries` in the caller's transaction; `announce` the ids once committed."""
        return [
            int(connection.execute(_INSERT, delivery.row()).lastrowid or 0)
            for delivery in deliveries
        ]

    def announce(self, ids: Iterable[int]) -> None:
        """Start the committed deliveries `ids` at once."""
        now = self._clock()
        with self._changed:
            for number in ids:
                self._push(now, number)

    def _push(self, due_at: float, number: int) -> None:
        if self._running and number not in self._known:
            self._known.add(number)
            heapq.heappush(self._waiting, (due_at, number))
            self._changed.notify()

    def start(self) -> None:
        """Take up what an earlier run left, and begin to deliver."""
        with self._changed:
            self._running = True
            for row in self._database.read("SELECT id, due_at FROM deliveries"):
                self._push(row["due_at"], row["id"])
        self._threads = [
            threading.Thread(target=self._work, name=f"{self._name}-{number}", daemon=True)
            for number in range(WORKERS)
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop after the deliveries in hand; the others wait for the next start."""
        self.wake(running=False)
        deadline = time.monotonic() + STOP_SECONDS
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0))

    def wake(self, *, running: bool | None = None) -> None:
        """Make the threads look again, because the clock was moved."""
        with self._changed:
            if running is not None:
                self._running = running
            self._changed.notify_all()

    def pending(self) -> int:
        """Return how many deliveries are neither made nor dead."""
        return int(self._database.read("SELECT count(*) AS n FROM deliveries")[0]["n"])

    def _work(self) -> None:
        while (number := self._next()) is not None:
            again_at = self._attempt_safely(number)
            with self._changed:
                self._known.discard(number)
                if again_at is not None:
                    self._push(again_at, number)

    def _next(self) -> int | None:
        with self._changed:
            while self._running:
                wait = self._waiting[0][0] - self._clock() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[1]
                self._changed.wait(min(wait or LONGEST_SLEEP_SECONDS, LONGEST_SLEEP_SECONDS))
        return None

    def _attempt_safely(self, number: int) -> float | None:
        try:
            return self._attempt(number)
        except sqlite3.Error:
            _log.exception("a delivery's outcome could not be stored; it is tried again")
            return self._clock() + 1

    def _attempt(self, number: int) -> float | None:
        """Try delivery `number`; return when to try again, or None when it is over."""
        rows = self._database.read("SELECT * FROM deliveries WHERE id = ?", number)
        if not rows:
            return None
        row = rows[0]
        try:
            self._send(row)
        except Exception as error:  # noqa: BLE001 - whatever a target raises is a failed delivery
            return self._failed(row, failure_of(error))
        self._database.write("DELETE FROM deliveries WHERE id = ?", number)
        return None

    def _send(self, row: sqlite3.Row) -> None:
        text = self._render(row["payload"], row["retries"] + 1)
        definition = {
            **json.loads(row["definition"]),
            **_origin(row),
            "PayloadText": text,
            "DeduplicationId": row["token"],
        }
        deliverer_of(self._targets, row["target_arn"])(row["target_arn"], _value(text), definition)

    def _failed(self, row: sqlite3.Row, failure: Failure) -> float | None:
        retries = row["retries"]
        again_at = self._clock() + pause(retries)
        exhausted = None
        if retries >= row["max_retries"]:
            exhausted = "MaximumRetryAttempts"
        elif again_at - row["created_at"] > row["max_age"]:
            exhausted = "MaximumEventAgeInSeconds"
        if failure.permanent or exhausted:
            self._bury(row, failure, None if failure.permanent else exhausted)
            return None
        self._database.write(
            "UPDATE deliveries SET retries = ?, due_at = ? WHERE id = ?",
            retries + 1,
            again_at,
            row["id"],
        )
        return again_at

    def _bury(self, row: sqlite3.Row, failure: Failure, exhausted: str | None) -> None:
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
            self._dead_letter(row, arn, attributes)
        self._database.write("DELETE FROM deliveries WHERE id = ?", row["id"])

    def _dead_letter(self, row: sqlite3.Row, arn: str, attributes: Mapping[str, str]) -> None:
        body = row["dead_letter_body"]
        definition = {
            **_origin(row),
            "PayloadText": body,
            "DeduplicationId": row["token"],
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        }
        try:
            deliverer_of(self._targets, arn)(arn, _value(body), definition)
        except Exception:  # noqa: BLE001 - as AWS, an event whose dead letter queue fails is lost
            _log.exception("dead letter queue %s did not take an event; it is lost", arn)


def _origin(row: sqlite3.Row) -> dict[str, str]:
    """Return what is delivered in whose name: the rule's, or that of the schedule's role.

    https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
    """
    attributes = json.loads(row["dead_letter_attributes"])
    if "SCHEDULE_ARN" in attributes:
        role = str(json.loads(row["definition"]).get("RoleArn", ""))
        return {"SourceArn": attributes["SCHEDULE_ARN"], "RoleArn": role}
    return {"SourceArn": attributes["RULE_ARN"]} if "RULE_ARN" in attributes else {}


def deliverer_of(targets: Targets, arn: str) -> Deliverer:
    """Return what delivers to `arn`, or raise ResourceNotFoundException."""
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    if service not in targets:
        raise AwsError("ResourceNotFoundException", f"Nothing delivers to {arn}.", 404)
    return targets[service]


def pause(retries: int) -> float:
    """Return the seconds before the next retry: doubling from 1 to 600, less up to half."""
    longest = min(LONGEST_PAUSE_SECONDS, 2.0 ** min(retries, 10))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311 - jitter, no secret


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
