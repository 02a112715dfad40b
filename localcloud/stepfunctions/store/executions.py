"""Stored Standard executions: identity, status, history and branches."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.database import Database
from localcloud.stepfunctions.engine.records import (
    Branch,
    ExecutionIdentity,
    ExecutionOutcome,
    ExecutionStatus,
    HistoryEvent,
    fields_of,
)
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.language.state_machine import StateGraph
from localcloud.stepfunctions.language.values import replace_surrogates, to_utf8_json

_NAMES_KEPT_S = 90 * 24 * 3600
"""How long after its end the name of an execution cannot be reused, in seconds."""

_CHANGE = (
    "UPDATE executions SET status = ?, stopped = ?, output = ?, error = ?, cause = ?, "
    "redrive_count = ?, redriven = ?, deadline = ? WHERE arn = ?"
)
_ADD = (
    "INSERT INTO executions (status, stopped, output, error, cause, redrive_count, redriven, "
    "deadline, arn, machine_arn, map_run_arn, name, identity, started) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(frozen=True, slots=True)
class StoredExecution:
    """A stored execution. Times are epoch seconds, `output` is JSON text."""

    identity: ExecutionIdentity
    status: ExecutionStatus
    stopped: float | None
    output: str | None
    error: str | None
    cause: str | None
    redrive_count: int
    redriven: float | None
    deadline: float | None


class ExecutionStore:
    """The Standard executions of the account.

    `status_event(run)` returns the EventBridge event of a status change, which is committed
    with it; `announce` is called afterwards.
    """

    def __init__(
        self,
        database: Database,
        status_event: Callable[[RunningExecution], Mapping[str, Any]],
        announce: Callable[[], None],
    ) -> None:
        self._database = database
        self._status_event = status_event
        self._announce = announce

    def commit(self, run: RunningExecution) -> None:
        """Store the changes of `run` since its last commit in one transaction."""
        changes, arn = run.changes, run.identity.arn
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)",
                [_event_row(arn, event) for event in changes.events],
            )
            connection.executemany(
                "INSERT OR REPLACE INTO strands VALUES (?, ?, ?)",
                [(arn, one.id, to_utf8_json(one.to_json())) for one in changes.branches.values()],
            )
            connection.executemany(
                "DELETE FROM strands WHERE arn = ? AND id = ?",
                [(arn, branch_id) for branch_id in changes.removed],
            )
            connection.executemany(
                "INSERT INTO tokens VALUES (?, ?, ?, ?)",
                [
                    (token, arn, branch_id, run.branches[branch_id].ticket)
                    for token, branch_id in changes.tokens
                    if branch_id in run.branches
                ],
            )
            connection.executemany(
                "INSERT INTO activity_tasks (activity_arn, token, input) VALUES (?, ?, ?)",
                changes.activity_tasks,
            )
            if changes.status_changed:
                self._store_status(connection, run)
        if changes.status_changed:
            self._announce()

    def _store_status(self, connection: sqlite3.Connection, run: RunningExecution) -> None:
        outcome = run.outcome or ExecutionOutcome(run.status)
        identity = run.identity
        succeeded = run.status is ExecutionStatus.SUCCEEDED
        changing = (
            run.status,
            run.stopped,
            to_utf8_json(outcome.output) if succeeded else None,
            None if outcome.error is None else replace_surrogates(outcome.error),
            None if outcome.cause is None else replace_surrogates(outcome.cause),
            run.redrive_count,
            run.redriven,
            run.deadline,
        )
        if not connection.execute(_CHANGE, (*changing, identity.arn)).rowcount:
            connection.execute(
                _ADD,
                (
                    *changing,
                    identity.arn,
                    identity.machine_arn,
                    identity.map_run_arn,
                    identity.name,
                    json.dumps(fields_of(identity)),
                    identity.started,
                ),
            )
        if succeeded:
            connection.execute("DELETE FROM strands WHERE arn = ?", (identity.arn,))
        connection.execute(
            "INSERT INTO outbox (event) VALUES (?)", (json.dumps(self._status_event(run)),)
        )

    def find(self, arn: str) -> StoredExecution | None:
        """Return an execution, or None."""
        rows = self._database.read("SELECT * FROM executions WHERE arn = ?", arn)
        return _execution(rows[0]) if rows else None

    def running(self) -> list[StoredExecution]:
        """Return the executions that have not ended."""
        rows = self._database.read("SELECT * FROM executions WHERE status = 'RUNNING'")
        return [_execution(row) for row in rows]

    def of_machine(self, machine_arn: str) -> list[StoredExecution]:
        """Return the executions of a state machine, newest first."""
        rows = self._database.read(
            "SELECT * FROM executions WHERE machine_arn = ? AND map_run_arn IS NULL "
            "ORDER BY started DESC, rowid DESC",
            machine_arn,
        )
        return [_execution(row) for row in rows]

    def of_map_run(self, map_run_arn: str) -> list[StoredExecution]:
        """Return the child executions of a Map Run, newest first."""
        rows = self._database.read(
            "SELECT * FROM executions WHERE map_run_arn = ? ORDER BY started DESC, rowid DESC",
            map_run_arn,
        )
        return [_execution(row) for row in rows]

    def restore(self, execution: StoredExecution, machine: StateGraph) -> RunningExecution:
        """Return an execution in the state of its last commit."""
        arn = execution.identity.arn
        run = RunningExecution(execution.identity, machine, next_event=self.last_event(arn) + 1)
        run.status = execution.status
        run.stopped = execution.stopped
        run.redrive_count = execution.redrive_count
        run.redriven = execution.redriven
        run.deadline = execution.deadline
        for row in self._database.read("SELECT body FROM strands WHERE arn = ? ORDER BY id", arn):
            run.restore_branch(Branch.from_json(json.loads(row["body"])))
        return run

    def last_event(self, arn: str) -> int:
        """Return the id of the last event of an execution, 0 if it has none."""
        last = self._database.read("SELECT max(id) AS id FROM events WHERE arn = ?", arn)
        return int(last[0]["id"] or 0)

    def history(
        self, arn: str, after: int, limit: int, *, newest_first: bool
    ) -> list[HistoryEvent]:
        """Return up to `limit` events after the one with id `after`, in the given order."""
        where, order = ("id < ?", "DESC") if newest_first else ("id > ?", "ASC")
        rows = self._database.read(
            f"SELECT * FROM events WHERE arn = ? AND {where} ORDER BY id {order} LIMIT ?",  # noqa: S608 - both parts are literals above
            arn,
            after,
            limit,
        )
        return [_event(row) for row in rows]

    def token(self, token: str) -> tuple[str, int, int] | None:
        """Return the execution, branch and ticket of a task token, or None."""
        rows = self._database.read("SELECT * FROM tokens WHERE token = ?", token)
        return (rows[0]["arn"], rows[0]["strand"], rows[0]["ticket"]) if rows else None

    def redriven_with(self, arn: str, client_token: str) -> float | None:
        """Return when an execution was redriven with that client token, or None."""
        rows = self._database.read(
            "SELECT at FROM redrives WHERE arn = ? AND token = ?", arn, client_token
        )
        return float(rows[0]["at"]) if rows else None

    def note_redrive(self, arn: str, client_token: str, now: float) -> None:
        """Store a redrive's client token, so that the same request again has no effect."""
        self._database.write("INSERT INTO redrives VALUES (?, ?, ?)", arn, client_token, now)

    def purge(self, now: float) -> None:
        """Delete executions that ended more than 90 days ago, with all that belongs to them."""
        old = self._database.read(
            "SELECT arn FROM executions WHERE stopped < ?", now - _NAMES_KEPT_S
        )
        arns: Sequence[tuple[str]] = [(row["arn"],) for row in old]
        with self._database.transaction() as connection:
            _delete(connection, arns)


def _delete(connection: sqlite3.Connection, arns: Iterable[tuple[str]]) -> None:
    for arn in arns:
        connection.execute("DELETE FROM executions WHERE arn = ?", arn)
        connection.execute("DELETE FROM events WHERE arn = ?", arn)
        connection.execute("DELETE FROM strands WHERE arn = ?", arn)
        connection.execute("DELETE FROM tokens WHERE arn = ?", arn)
        connection.execute("DELETE FROM redrives WHERE arn = ?", arn)
        connection.execute(
            "DELETE FROM map_items WHERE map_run_arn IN "
            "(SELECT arn FROM map_runs WHERE execution_arn = ?)",
            arn,
        )
        connection.execute("DELETE FROM map_runs WHERE execution_arn = ?", arn)


def _event_row(arn: str, event: HistoryEvent) -> tuple[object, ...]:
    details = None if event.details is None else to_utf8_json(event.details)
    return (arn, event.id, event.previous, event.at, event.type, details)


def _event(row: sqlite3.Row) -> HistoryEvent:
    details = None if row["details"] is None else json.loads(row["details"])
    return HistoryEvent(row["id"], row["previous"], row["at"], row["type"], details)


def _execution(row: sqlite3.Row) -> StoredExecution:
    stored = json.loads(row["identity"])
    stored["machine_path"] = tuple(stored["machine_path"])
    return StoredExecution(
        identity=ExecutionIdentity(**stored),
        status=ExecutionStatus(row["status"]),
        stopped=row["stopped"],
        output=row["output"],
        error=row["error"],
        cause=row["cause"],
        redrive_count=row["redrive_count"],
        redriven=row["redriven"],
        deadline=row["deadline"],
    )
