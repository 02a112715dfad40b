"""Asynchronous invocations: stored in SQLite before they are accepted, run until they are done.

A function error is retried after one and two minutes, throttling and faults for as long as
the event is young enough. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.clock import Clock
from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.lambdas.destinations import (
    DestinationMessage,
    FailedInvocation,
    InvocationAttempt,
    backoff_s,
    destination_messages,
    retry_delay_s,
)
from localcloud.lambdas.lineage import LOOP_ERROR
from localcloud.lambdas.outcome import InvocationOutcome
from localcloud.lambdas.registry import FunctionRegistry, RegisteredFunction
from localcloud.storage_errors import describe_failure
from localcloud.supervision import SupervisedThread

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, function TEXT NOT NULL, payload BLOB NOT NULL, client_context TEXT,
    accepted REAL NOT NULL, due REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0,
    trace_header TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS events_due ON events (due);
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY, arn TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
    given_up REAL NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0);
"""
_MAX_MESSAGE_AGE_S = 21_600.0
_POLL_INTERVAL_S = 0.5
_ERROR_PAUSE_S = 1.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class QueuedEvent:
    """An event that waits to be run; `failures` and `refusals` count earlier tries.

    Times are seconds since the epoch. The fields are the columns of table `events`.
    """

    id: str
    function: str
    payload: bytes
    client_context: str | None
    accepted: float
    due: float = 0.0
    failures: int = 0
    refusals: int = 0
    trace_header: str = ""


class AsyncEventQueue:
    """The durable queue of events for all functions, and the thread that runs them.

    An event waits while its function is not registered, as before the template is applied.
    """

    def __init__(
        self,
        path: Path,
        registry: FunctionRegistry,
        run: Callable[[RegisteredFunction, QueuedEvent], InvocationOutcome],
        deliver: Callable[[DestinationMessage], None],
        clock: Clock,
        concurrency: int,
    ) -> None:
        """Open the queue.

        Args:
            path: The SQLite file.
            registry: The functions that exist.
            run: Invokes a function. Raises AwsError if it cannot be invoked now.
            deliver: Sends a message about a failed invocation.
            clock: Returns seconds since the epoch.
            concurrency: The most events that run at a time.
        """
        self._database = Database(path, _SCHEMA)
        self._database.add_column("events", "trace_header TEXT NOT NULL DEFAULT ''")
        self._registry = registry
        self._run = run
        self._deliver = deliver
        self._clock = clock
        self._concurrency = concurrency
        self._running: set[str] = set()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._thread = SupervisedThread("lambda-async", self._loop)

    def start(self) -> None:
        """Begin with the events that earlier runs left."""
        self._thread.start()

    def stop(self) -> None:
        """Start no further event; those that run are tried again after the next start."""
        self._stop.set()
        self._thread.request_stop()
        self._wake.set()
        self._database.close()

    def put(self, event: QueuedEvent) -> None:
        """Store `event`; once this returns it will be run at least once."""
        self._database.write(
            "INSERT INTO events (id, function, payload, client_context, accepted, due, "
            "trace_header) VALUES (?, ?, ?, ?, ?, ?, ?)",
            event.id,
            event.function,
            event.payload,
            event.client_context,
            event.accepted,
            event.accepted,
            event.trace_header,
        )
        self._wake.set()

    def discard(self, function: str) -> None:
        """Remove the events of a function that is deleted, by its name."""
        self._database.write("DELETE FROM events WHERE function = ?", function)

    def pending(self) -> int:
        """Return how many events and messages of failed invocations are not done."""
        rows = self._database.read(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM notices) AS n"
        )
        return int(rows[0]["n"])

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._start_due_events()
            self._deliver_due_messages()
            self._wake.wait(_POLL_INTERVAL_S)

    def _start_due_events(self) -> None:
        with self._lock:
            free = self._concurrency - len(self._running)
            running = set(self._running)
        if free <= 0:
            return
        names = json.dumps(sorted(self._registry.references()))
        rows = self._database.read(
            "SELECT * FROM events WHERE due <= ? AND function IN (SELECT value FROM json_each(?)) "
            "ORDER BY due LIMIT ?",
            self._clock(),
            names,
            free + len(running),
        )
        waiting = [QueuedEvent(**dict(row)) for row in rows if row["id"] not in running]
        for event in waiting[:free]:
            self._start_event(event)

    def _start_event(self, event: QueuedEvent) -> None:
        with self._lock:
            self._running.add(event.id)
        name = f"lambda-async-{event.function}"
        try:
            threading.Thread(target=self._run_event, args=(event,), name=name, daemon=True).start()
        except RuntimeError:
            with self._lock:
                self._running.discard(event.id)
            raise

    def _run_event(self, event: QueuedEvent) -> None:
        try:
            self._attempt(event)
        except Exception as error:  # noqa: BLE001 - no event may be lost, whatever failed
            if not self._stop.wait(_ERROR_PAUSE_S):
                reason = describe_failure(error)
                _log.exception("an event of %s is run again. %s", event.function, reason)
        finally:
            with self._lock:
                self._running.discard(event.id)
            self._wake.set()

    def _attempt(self, event: QueuedEvent) -> None:
        function = self._registry.find(event.function)
        try:
            outcome = self._run(function, event)
        except AwsError as error:
            if not self._stop.is_set():
                self._retry_refused(function, event, error)
            return
        if outcome.error_type is None:
            self._database.write("DELETE FROM events WHERE id = ?", event.id)
        else:
            self._retry_failed(function, event, outcome)

    def _retry_refused(
        self, function: RegisteredFunction, event: QueuedEvent, error: AwsError
    ) -> None:
        """Try later: AWS does not count throttling and faults as retries. A loop is given up."""
        if error.code == LOOP_ERROR:
            _log.warning("an event of %s is dropped: %s", event.function, error.message)
            attempt = InvocationAttempt(error.status, error.message)
            self._give_up(function, event, attempt, "RetriesExhausted", event.failures)
            return
        refusals = event.refusals + 1
        due = self._clock() + backoff_s(refusals)
        if due > event.accepted + function.spec.maximum_event_age_s:
            attempt = InvocationAttempt(error.status, error.message)
            self._give_up(function, event, attempt, "EventAgeExceeded", event.failures)
            return
        self._database.write(
            "UPDATE events SET refusals = ?, due = ? WHERE id = ?", refusals, due, event.id
        )

    def _retry_failed(
        self, function: RegisteredFunction, event: QueuedEvent, outcome: InvocationOutcome
    ) -> None:
        failures = event.failures + 1
        due = self._clock() + retry_delay_s(failures)
        document = json.loads(outcome.payload)
        error_message = str(document.get("errorMessage"))
        attempt = InvocationAttempt(200, error_message, "Unhandled", outcome.payload)
        if failures > function.spec.maximum_retry_attempts:
            self._give_up(function, event, attempt, "RetriesExhausted", failures)
        elif due > event.accepted + function.spec.maximum_event_age_s:
            self._give_up(function, event, attempt, "EventAgeExceeded", failures)
        else:
            self._database.write(
                "UPDATE events SET failures = ?, due = ? WHERE id = ?", failures, due, event.id
            )

    def _give_up(
        self,
        function: RegisteredFunction,
        event: QueuedEvent,
        last: InvocationAttempt,
        condition: str,
        invoke_count: int,
    ) -> None:
        """Replace the event by the messages to its destinations, in one transaction."""
        now = self._clock()
        failed = FailedInvocation(event.id, event.payload, condition, invoke_count, last, now)
        messages = list(destination_messages(function, failed))
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM events WHERE id = ?", (event.id,))
            connection.executemany(
                "INSERT INTO notices (arn, body, attributes, given_up, due) VALUES (?, ?, ?, ?, ?)",
                [
                    (message.arn, message.body, json.dumps(message.attributes), now, now)
                    for message in messages
                ],
            )

    def _deliver_due_messages(self) -> None:
        now = self._clock()
        for row in self._database.read("SELECT * FROM notices WHERE due <= ? ORDER BY id", now):
            message = DestinationMessage(row["arn"], row["body"], json.loads(row["attributes"]))
            try:
                self._deliver(message)
            except Exception:  # noqa: BLE001 - any target may fail in its own way; it is kept
                _log.exception("a failure record for %s was not taken", message.arn)
                if now < row["given_up"] + _MAX_MESSAGE_AGE_S:
                    self._postpone(row["id"], row["tries"] + 1, now)
                    continue
            self._database.write("DELETE FROM notices WHERE id = ?", row["id"])

    def _postpone(self, message_id: int, tries: int, now: float) -> None:
        self._database.write(
            "UPDATE notices SET tries = ?, due = ? WHERE id = ?",
            tries,
            now + backoff_s(tries),
            message_id,
        )
