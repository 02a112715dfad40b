"""Stored Map Runs and their child executions.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-examine-map-run.html
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Literal, TypeAlias

from localcloud.database import Database
from localcloud.stepfunctions.engine.records import (
    ExecutionIdentity,
    ExecutionOutcome,
    ExecutionStatus,
    WorkflowType,
)
from localcloud.stepfunctions.language.values import (
    Json,
    JsonObject,
    replace_surrogates,
    to_utf8_json,
)
from localcloud.stepfunctions.store.executions import ExecutionStore, StoredExecution

ChildStatus: TypeAlias = Literal[
    "PENDING", "RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"
]
PENDING: ChildStatus = "PENDING"


@dataclass(frozen=True, slots=True)
class MapRunPlan:
    """The constant properties of a Map Run.

    `items` are those of the state's input until the children are stored, and `members` says
    that they are an object's.
    `reader` is `{"resource", "arguments", "max_items"}`, `batch` and `writer` are the evaluated
    fields of ItemBatcher and ResultWriter; each is None if it is not written.
    """

    kind: WorkflowType
    machine_arn: str
    machine_name: str
    role_arn: str
    revision: int
    machine_path: tuple[str | int, ...]
    items: list[Json] | None
    members: bool
    reader: JsonObject | None
    batch: JsonObject | None
    writer: JsonObject | None


@dataclass(frozen=True, slots=True)
class MapRunLimits:
    """The limits of a Map Run, which UpdateMapRun changes."""

    max_concurrency: int
    tolerated_count: int | None
    tolerated_percentage: float | None


@dataclass(frozen=True, slots=True)
class MapRun:
    """A stored Map Run. Times are epoch seconds; `result` is the members of its signal."""

    arn: str
    execution_arn: str
    branch: int
    status: ExecutionStatus
    started: float
    stopped: float | None
    max_concurrency: int
    tolerated_count: int | None
    tolerated_percentage: float | None
    redrive_count: int
    redriven: float | None
    loaded: bool
    plan: MapRunPlan
    result: JsonObject | None


@dataclass(frozen=True, slots=True)
class ChildExecution:
    """A child execution of a Map Run, started or pending. `output` is JSON text."""

    number: int
    arn: str
    input: Json
    items: int
    status: str
    started: float | None
    stopped: float | None
    output: str | None
    error: str | None
    cause: str | None
    redrive_count: int

    @property
    def name(self) -> str:
        """The name of the execution."""
        return self.arn.split(":")[7]


class MapRunStore:
    """The Map Runs of the account."""

    def __init__(self, database: Database, executions: ExecutionStore) -> None:
        self._database = database
        self._executions = executions

    def add(self, run: MapRun) -> None:
        """Store a new Map Run; an existing one is left unchanged."""
        self._database.write(
            "INSERT OR IGNORE INTO map_runs (arn, execution_arn, strand, status, started, "
            "max_concurrency, tolerated_count, tolerated_percentage, plan) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            run.arn,
            run.execution_arn,
            run.branch,
            run.status,
            run.started,
            run.max_concurrency,
            run.tolerated_count,
            run.tolerated_percentage,
            json.dumps(asdict(run.plan)),
        )

    def find(self, arn: str) -> MapRun | None:
        """Return a Map Run, or None."""
        rows = self._database.read("SELECT * FROM map_runs WHERE arn = ?", arn)
        return _map_run(rows[0]) if rows else None

    def of_execution(self, execution_arn: str) -> list[MapRun]:
        """Return the Map Runs of an execution, newest first."""
        rows = self._database.read(
            "SELECT * FROM map_runs WHERE execution_arn = ? ORDER BY started DESC, rowid DESC",
            execution_arn,
        )
        return [_map_run(row) for row in rows]

    def running(self) -> list[MapRun]:
        """Return the Map Runs that have not ended."""
        rows = self._database.read("SELECT * FROM map_runs WHERE status = 'RUNNING'")
        return [_map_run(row) for row in rows]

    def limits(self, arn: str) -> MapRunLimits | None:
        """Return the present limits of a Map Run, or None."""
        rows = self._database.read(
            "SELECT max_concurrency, tolerated_count, tolerated_percentage FROM map_runs "
            "WHERE arn = ?",
            arn,
        )
        return MapRunLimits(*rows[0]) if rows else None

    def add_children(self, run: MapRun, children: Iterable[tuple[str, Json, int]]) -> None:
        """Store the children (ARN, input, number of items) in one transaction.

        The plan keeps its items no longer: it is read often, and they are the children's.
        """
        arn, plan = run.arn, asdict(replace(run.plan, items=None))
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO map_items (map_run_arn, number, arn, input, items, status) "
                "VALUES (?, ?, ?, ?, ?, 'PENDING')",
                (
                    (arn, number, child_arn, to_utf8_json(value), items)
                    for number, (child_arn, value, items) in enumerate(children)
                ),
            )
            connection.execute(
                "UPDATE map_runs SET loaded = 1, plan = ? WHERE arn = ?", (json.dumps(plan), arn)
            )

    def update(
        self,
        arn: str,
        max_concurrency: int | None,
        tolerated_count: int | None,
        tolerated_percentage: float | None,
    ) -> None:
        """Change the limits that are given."""
        self._database.write(
            "UPDATE map_runs SET max_concurrency = coalesce(?, max_concurrency), "
            "tolerated_count = coalesce(?, tolerated_count), "
            "tolerated_percentage = coalesce(?, tolerated_percentage) WHERE arn = ?",
            max_concurrency,
            tolerated_count,
            tolerated_percentage,
            arn,
        )

    def finish(self, arn: str, status: ExecutionStatus, now: float, result: JsonObject) -> None:
        """Store the result of a Map Run; children that never started stay pending."""
        self._database.write(
            "UPDATE map_runs SET status = ?, stopped = ?, result = ? WHERE arn = ?",
            status,
            now,
            json.dumps(result),
            arn,
        )

    def redrive(self, arn: str, seen: int, now: float) -> None:
        """Make every child that did not succeed pending.

        `seen` is the redrive count of the execution; the same count again has no effect.
        """
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE map_runs SET status = 'RUNNING', stopped = NULL, result = NULL, "
                "redriven = ?, redrive_count = redrive_count + 1, redrive_seen = ? "
                "WHERE arn = ? AND redrive_seen < ?",
                (now, seen, arn, seen),
            ).rowcount
            if changed:
                connection.execute(
                    "UPDATE map_items SET status = 'PENDING', stopped = NULL, error = NULL, "
                    "cause = NULL, redrive_count = redrive_count + (started IS NOT NULL) "
                    "WHERE map_run_arn = ? AND status <> 'SUCCEEDED'",
                    (arn,),
                )

    def children_with_status(
        self, arn: str, status: ChildStatus, limit: int = -1
    ) -> list[ChildExecution]:
        """Return up to `limit` children with that status, in order."""
        rows = self._database.read(
            # SQLite would walk the table in order, past every child that has ended.
            "SELECT * FROM map_items INDEXED BY map_items_by_status "
            "WHERE map_run_arn = ? AND status = ? ORDER BY number LIMIT ?",
            arn,
            status,
            limit,
        )
        return [_child(row) for row in rows]

    def mark_started(self, arn: str, children: Iterable[ChildExecution], now: float) -> None:
        """Store that children run, in one transaction."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE map_items SET status = 'RUNNING', started = coalesce(started, ?) "
                "WHERE map_run_arn = ? AND number = ?",
                [(now, arn, child.number) for child in children],
            )

    def mark_ended(self, arn: str, number: int, outcome: ExecutionOutcome, now: float) -> None:
        """Store the outcome of a child."""
        output = (
            to_utf8_json(outcome.output) if outcome.status is ExecutionStatus.SUCCEEDED else None
        )
        self._database.write(
            "UPDATE map_items SET status = ?, stopped = ?, output = ?, error = ?, cause = ? "
            "WHERE map_run_arn = ? AND number = ?",
            outcome.status,
            now,
            output,
            None if outcome.error is None else replace_surrogates(outcome.error),
            None if outcome.cause is None else replace_surrogates(outcome.cause),
            arn,
            number,
        )

    def count_children(self, arn: str) -> dict[str, tuple[int, int]]:
        """Return the numbers of children and of their items, by status."""
        rows = self._database.read(
            "SELECT status, count(*) AS children, sum(items) AS items FROM map_items "
            "WHERE map_run_arn = ? GROUP BY status",
            arn,
        )
        return {row["status"]: (row["children"], row["items"]) for row in rows}

    def all_children(self, arn: str) -> Iterator[ChildExecution]:
        """Yield every child, in order."""
        after, size = -1, 500
        while True:
            rows = self._database.read(
                "SELECT * FROM map_items WHERE map_run_arn = ? AND number > ? "
                "ORDER BY number LIMIT ?",
                arn,
                after,
                size,
            )
            yield from map(_child, rows)
            if len(rows) < size:
                return
            after = rows[-1]["number"]

    def child_executions(self, arn: str) -> list[StoredExecution]:
        """Return the child executions that have started, newest first."""
        run = self.find(arn)
        if run is None:
            return []
        if run.plan.kind == "STANDARD":
            return self._executions.of_map_run(arn)
        begun = [child for child in self.all_children(arn) if child.started is not None]
        return [_express(run, child) for child in reversed(begun) if child.status != PENDING]


def child_identity(
    run: MapRun, child: ChildExecution, now: float, timeout_seconds: float
) -> ExecutionIdentity:
    """Return the identity of a child's execution."""
    plan = run.plan
    return ExecutionIdentity(
        arn=child.arn,
        name=child.name,
        machine_arn=plan.machine_arn,
        machine_name=plan.machine_name,
        role_arn=plan.role_arn,
        kind=plan.kind,
        input=child.input,
        started=now if child.started is None else child.started,
        revision=plan.revision,
        machine_path=plan.machine_path,
        map_run_arn=run.arn,
        item_index=child.number,
        item_count=child.items,
        timeout_seconds=timeout_seconds,
    )


def _express(run: MapRun, child: ChildExecution) -> StoredExecution:
    return StoredExecution(
        identity=child_identity(run, child, 0.0, 0.0),
        status=ExecutionStatus(child.status),
        stopped=child.stopped,
        output=child.output,
        error=child.error,
        cause=child.cause,
        redrive_count=child.redrive_count,
        redriven=None,
        deadline=None,
    )


def _map_run(row: sqlite3.Row) -> MapRun:
    plan = json.loads(row["plan"])
    plan["machine_path"] = tuple(plan["machine_path"])
    return MapRun(
        arn=row["arn"],
        execution_arn=row["execution_arn"],
        branch=row["strand"],
        status=ExecutionStatus(row["status"]),
        started=row["started"],
        stopped=row["stopped"],
        max_concurrency=row["max_concurrency"],
        tolerated_count=row["tolerated_count"],
        tolerated_percentage=row["tolerated_percentage"],
        redrive_count=row["redrive_count"],
        redriven=row["redriven"],
        loaded=bool(row["loaded"]),
        plan=MapRunPlan(**plan),
        result=None if row["result"] is None else json.loads(row["result"]),
    )


def _child(row: sqlite3.Row) -> ChildExecution:
    return ChildExecution(
        number=row["number"],
        arn=row["arn"],
        input=json.loads(row["input"]),
        items=row["items"],
        status=row["status"],
        started=row["started"],
        stopped=row["stopped"],
        output=row["output"],
        error=row["error"],
        cause=row["cause"],
        redrive_count=row["redrive_count"],
    )
