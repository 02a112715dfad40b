"""The cost of a child of a Map Run, by counts: it must not grow with the number of children."""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import FrameType

from localcloud.database import Database
from localcloud.stepfunctions.engine.records import ExecutionOutcome, ExecutionStatus
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.store import map_runs
from localcloud.stepfunctions.store.executions import ExecutionStore
from localcloud.stepfunctions.store.map_runs import MapRun, MapRunPlan, MapRunStore
from localcloud.stepfunctions.store.schema import SCHEMA
from tests.unit.stepfunctions.bench import Bench
from tests.unit.stepfunctions.recorded import DISTRIBUTED, ITERATION, one

RUN = "arn:aws:states:us-east-1:000000000000:mapRun:machine/rows:1"
MAPPED = one({"Type": "Map", "ItemProcessor": {**ITERATION, "ProcessorConfig": DISTRIBUTED}})


class StepCountingDatabase(Database):
    """A database that counts the instructions of SQLite's virtual machine."""

    steps = 0

    def _connect(self) -> sqlite3.Connection:
        connection = super()._connect()
        connection.set_progress_handler(self._count, 1)
        return connection

    def _count(self) -> int:
        self.steps += 1
        return 0


def a_run() -> MapRun:
    plan = MapRunPlan(
        kind="STANDARD",
        machine_arn="arn:aws:states:us-east-1:000000000000:stateMachine:machine/rows",
        machine_name="machine/rows",
        role_arn="role",
        revision=1,
        machine_path=(),
        items=list(range(1000)),
        members=False,
        reader=None,
        batch=None,
        writer=None,
    )
    return MapRun(
        arn=RUN,
        execution_arn="execution",
        branch=0,
        status=ExecutionStatus.RUNNING,
        started=0.0,
        stopped=None,
        max_concurrency=0,
        tolerated_count=None,
        tolerated_percentage=None,
        redrive_count=0,
        redriven=None,
        loaded=False,
        plan=plan,
        result=None,
    )


def test_the_next_child_is_found_past_any_number_of_ended_ones(tmp_path: Path) -> None:
    database = StepCountingDatabase(tmp_path / "states.sqlite3", SCHEMA)
    store = MapRunStore(database, ExecutionStore(database, lambda _: {}, lambda: None))
    run = a_run()
    store.add(run)
    store.add_children(run, [(f"{RUN}:{number}", number, 1) for number in range(300)])
    found = store.find(RUN)
    assert found == replace(run, loaded=True, plan=replace(run.plan, items=None))
    steps = []
    for _ in range(300):
        database.steps = 0
        [child] = store.children_with_status(RUN, "PENDING", 1)
        store.limits(RUN)
        steps.append(database.steps)
        store.mark_ended(RUN, child.number, ExecutionOutcome(ExecutionStatus.SUCCEEDED), 1.0)
    assert max(steps[1:]) == min(steps[1:])
    database.close()


def decoded(folder: Path, items: int) -> Counter[str]:
    """Return how often a Map Run of so many items decodes a stored row of each kind."""
    names = {map_runs._map_run.__code__: "run", map_runs._child.__code__: "child"}
    calls: Counter[str] = Counter()

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code in names:
            calls[names[frame.f_code]] += 1

    bench = Bench(folder)
    arn = bench.begin(MAPPED, list(range(items)))
    sys.setprofile(count)
    try:
        bench.schedule.settle()
    finally:
        sys.setprofile(None)
    assert bench.output(arn) == list(range(items))
    return calls


def test_a_child_decodes_nothing_of_the_whole_plan(tmp_path: Path) -> None:
    few, many = decoded(tmp_path / "few", 5), decoded(tmp_path / "many", 150)
    assert few["run"] == many["run"] <= 2
    assert (few["child"], many["child"]) == (10, 300), "once to start it and once for its result"


def test_an_ended_execution_is_held_by_no_timer(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    machine = bench.create(one({"Type": "Wait", "Seconds": 5}), "held")
    for number in range(20):
        bench.service.start_execution({"stateMachineArn": machine, "name": str(number)})
    bench.schedule.advance(6)
    gc.collect()
    runs = [one for one in gc.get_objects() if isinstance(one, RunningExecution)]
    assert [run for run in runs if run.identity.machine_name == "held"] == []
