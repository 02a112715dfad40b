"""Asynchronous invocations: kept in SQLite before they are accepted, tried until they are over.

A function error is retried after one and two minutes, throttling and faults for as long as
the event is young enough. https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.database import Database
from localcloud.errors import AwsError
from localcloud.lambdas.failures import Attempt, GivenUp, Notice, backoff_s, notices, retry_delay_s
from localcloud.lambdas.outcome import Outcome
from localcloud.lambdas.registry import Registered, Registry

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    id TEXT PRIMARY KEY, function TEXT NOT NULL, payload BLOB NOT NULL, client_context TEXT,
    accepted REAL NOT NULL, due REAL NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0, refusals INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS events_due ON events (due);
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY, arn TEXT NOT NULL, body TEXT NOT NULL, attributes TEXT NOT NULL,
    given_up REAL NOT NULL, due REAL NOT NULL, tries INTEGER NOT NULL DEFAULT 0);
"""
_NOTICE_AGE_S = 21_600.0
_LOOK_EVERY_S = 0.5
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that waits for its turn. Times in epoch seconds."""

    id: str
    function: str
    payload: bytes
    client_context: str | None
    accepted: float
    due: float = 0.0
    failures: int = 0
    refusals: int = 0


class AsyncQueue:
    """The durable queue in front of every function, and the thread that works through it.

    An event waits while its function is not registered, as it is before a template is loaded.
    """

    def __init__(
        self,
        path: Path,
        registry: Registry,
        run: Callable[[Registered, Accepted], Outcome],
        deliver: Callable[[Notice], None],
        clock: Callable[[], float],
        at_once: int,
    ) -> None:
        """Keep events in `path`; run at most `at_once` of them at a time by `run`."""
        self._database = Database(path, _SCHEMA)
        self._registry = registry
        self._run = run
        self._deliver = deliver
        self._clock = clock
        self._at_once = at_once
        self._running: set[str] = set()
        self._guard = threading.Lock()
        self._wake = threading.Event()
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin with what is left of earlier days."""
        threading.Thread(target=self._loop, name="lambda-async", daemon=True).start()

    def stop(self) -> None:
        """Start nothing more; what runs is tried again after the next start."""
        self._stop.set()
        self._wake.set()
        self._database.close()

    def put(self, event: Accepted) -> None:
        """Keep `event`; once this returns it will be run at least once."""
        self._database.write(
            "INSERT INTO events (id, function, payload, client_context, accepted, due) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            event.id,
            event.function,
            event.payload,
            event.client_context,
            event.accepted,
            event.accepted,
        )
        self._wake.set()

    def waiting(self) -> int:
        """Return how many events and failure notices are not over yet."""
        rows = self._database.read(
            "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM notices) AS n"
        )
        return int(rows[0]["n"])

    def _loop(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._start_due()
            self._deliver_due()
            self._wake.wait(_LOOK_EVERY_S)

    def _start_due(self) -> None:
        with self._guard:
            free = self._at_once - len(self._running)
            known = set(self._running)
        if free <= 0:
            return
        names = json.dumps(sorted(self._registry.references()))
        rows = self._database.read(
            "SELECT * FROM events WHERE due <= ? AND function IN (SELECT value FROM json_each(?)) "
            "ORDER BY due LIMIT ?",
            self._clock(),
            names,
            free + len(known),
        )
        fresh = [Accepted(**dict(row)) for row in rows if row["id"] not in known]
        for event in fresh[:free]:
            with self._guard:
                self._running.add(event.id)
            threading.Thread(
                target=self._try, args=(event,), name=f"lambda-async-{event.function}", daemon=True
            ).start()

    def _try(self, event: Accepted) -> None:
        try:
            self._attempt(event)
        finally:
            with self._guard:
                self._running.discard(event.id)
            self._wake.set()

    def _attempt(self, event: Accepted) -> None:
        function = self._registry.find(event.function)
        try:
            outcome = self._run(function, event)
        except AwsError as error:
            if not self._stop.is_set():
                self._refused(function, event, error)
            return
        if outcome.error_type is None:
            self._database.write("DELETE FROM events WHERE id = ?", event.id)
        else:
            self._failed(function, event, outcome)

    def _refused(self, function: Registered, event: Accepted, error: AwsError) -> None:
        """Try later: AWS does not count throttling and faults as tries."""
        refusals = event.refusals + 1
        due = self._clock() + backoff_s(refusals)
        if due > event.accepted + function.spec.maximum_event_age_s:
            attempt = Attempt(error.status, error.message)
            self._give_up(function, event, attempt, "EventAgeExceeded", event.failures)
            return
        self._database.write(
            "UPDATE events SET refusals = ?, due = ? WHERE id = ?", refusals, due, event.id
        )

    def _failed(self, function: Registered, event: Accepted, outcome: Outcome) -> None:
        failures = event.failures + 1
        due = self._clock() + retry_delay_s(failures)
        document = json.loads(outcome.payload)
        attempt = Attempt(200, str(document.get("errorMessage")), "Unhandled", outcome.payload)
        if failures > function.spec.maximum_retry_attempts:
            self._give_up(function, event, attempt, "RetriesExhausted", failures)
        elif due > event.accepted + function.spec.maximum_event_age_s:
            self._give_up(function, event, attempt, "EventAgeExceeded", failures)
        else:
            self._database.write(
                "UPDATE events SET failures = ?, due = ? WHERE id = ?", failures, due, event.id
            )

    def _give_up(
        self, function: Registered, event: Accepted, last: Attempt, condition: str, count: int
    ) -> None:
        now = self._clock()
        given_up = GivenUp(event.id, event.payload, condition, count, last, now)
        told: Sequence[Notice] = list(notices(function, given_up))
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM events WHERE id = ?", (event.id,))
            connection.executemany(
                "INSERT INTO notices (arn, body, attributes, given_up, due) VALUES (?, ?, ?, ?, ?)",
                [(each.arn, each.body, json.dumps(each.attributes), now, now) for each in told],
            )

    def _deliver_due(self) -> None:
        now = self._clock()
        for row in self._database.read("SELECT * FROM notices WHERE due <= ? ORDER BY id", now):
            notice = Notice(row["arn"], row["body"], json.loads(row["attributes"]))
            try:
                self._deliver(notice)
            except Exception:  # noqa: BLE001 - any target may fail in its own way; the notice stays
                _log.exception("a failure record for %s was not taken", notice.arn)
                if now < row["given_up"] + _NOTICE_AGE_S:
                    self._postpone(row["id"], row["tries"] + 1, now)
                    continue
            self._database.write("DELETE FROM notices WHERE id = ?", row["id"])

    def _postpone(self, notice_id: int, tries: int, now: float) -> None:
        self._database.write(
            "UPDATE notices SET tries = ?, due = ? WHERE id = ?",
            tries,
            now + backoff_s(tries),
            notice_id,
        )
