"""What holds of every execution, tried on random machines and random moments to crash at."""

from __future__ import annotations

import itertools
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.database import Database
from localcloud.stepfunctions.store.executions import ExecutionStore
from tests.soak import often
from tests.unit.stepfunctions.bench import Bench
from tests.unit.stepfunctions.recorded import FUNCTION, machine, one, payload

Shape = Any
LEAVES = st.sampled_from(["pass", "wait", "task", "fail"])
SHAPES: st.SearchStrategy[Shape] = st.recursive(
    LEAVES,
    lambda inner: st.tuples(
        st.sampled_from(["parallel", "map"]), st.lists(inner, min_size=1, max_size=3)
    ),
    max_leaves=6,
)


def built(shapes: list[Shape], names: itertools.count[int]) -> dict[str, Any]:
    """Return a machine that goes through `shapes`; a failure is retried once and ends it."""
    named = [(f"s{next(names)}", shape) for shape in shapes]
    states: dict[str, Any] = {}
    for (name, shape), following in itertools.zip_longest(named, named[1:]):
        states[name] = (
            {**state(shape, names), "Next": following[0]}
            if following
            else {
                **state(shape, names),
                "End": True,
            }
        )
    return {"StartAt": named[0][0], "States": states}


def state(shape: Shape, names: itertools.count[int]) -> dict[str, Any]:
    if shape == "pass":
        return {"Type": "Pass"}
    if shape == "wait":
        return {"Type": "Wait", "Seconds": 3}
    if shape == "task":
        return {"Type": "Task", "Resource": FUNCTION, "ResultPath": None}
    if shape == "fail":
        name, beside = f"s{next(names)}", f"s{next(names)}"
        failing = machine({name: {"Type": "Fail", "Error": "E"}})
        fine = machine({beside: {"Type": "Pass", "End": True}})
        return {
            "Type": "Parallel",
            "Branches": [failing, fine],
            "Retry": [{"ErrorEquals": ["E"], "MaxAttempts": 1}],
        }
    kind, parts = shape
    if kind == "parallel":
        branches = [built([part], names) for part in parts]
        return {"Type": "Parallel", "Branches": branches, "ResultPath": None}
    return {
        "Type": "Map",
        "ItemsPath": "$.items",
        "ItemSelector": {"items.$": "$.items", "n.$": "$$.Map.Item.Index"},
        "ItemProcessor": built(parts, names),
        "MaxConcurrency": 2,
        "ResultPath": None,
    }


def check(events: list[dict[str, Any]]) -> None:
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    kinds = [event["type"] for event in events]
    assert kinds[0] == "ExecutionStarted"
    assert all(event["previousEventId"] < event["id"] for event in events)
    assert sum(kind.startswith("Execution") for kind in kinds) == 2
    if kinds[-1] == "ExecutionSucceeded":
        for kind in ("Pass", "Wait", "Task"):
            assert kinds.count(f"{kind}StateEntered") == kinds.count(f"{kind}StateExited")


@settings(max_examples=often(25, 6), deadline=None)
@given(st.lists(SHAPES, min_size=1, max_size=3), st.lists(st.integers(1, 12), max_size=3))
def test_any_machine_ends_the_same_whenever_it_is_killed(
    shapes: list[Shape], crashes: list[int]
) -> None:
    definition = built(shapes, itertools.count())
    value = {"items": [1, 2]}
    answers = {"lambda.invoke": payload(1)}
    with tempfile.TemporaryDirectory() as folder:
        calm = Bench(Path(folder) / "calm", answers)
        expected = calm.run(definition, value)
        check(calm.events(expected["executionArn"]))
        bench = Bench(Path(folder) / "crashing", answers, steps_per_commit=1)
        arn = bench.begin(definition, value)
        for steps in crashes:
            for _ in range(steps):
                if bench.status(arn) == "RUNNING":
                    bench.schedule.step()
            bench.restart()
        described = bench.finish(arn)
        check(bench.events(arn))
        for member in ("status", "output", "error"):
            assert described.get(member) == expected.get(member)
        calm.service.stop()
        bench.service.stop()


def test_what_nobody_foresaw_ends_the_execution_with_a_reason(tmp_path: Path) -> None:
    def strange(_: dict[str, Any]) -> dict[str, Any]:
        raise ValueError("strange")

    bench = Bench(tmp_path, {"lambda.invoke": strange})
    described = bench.run(one({"Type": "Task", "Resource": FUNCTION}))
    assert (described["status"], described["error"]) == ("FAILED", "States.Runtime")
    assert "The call failed" in described["cause"]


def test_half_a_surrogate_pair_does_not_stop_an_execution(tmp_path: Path) -> None:
    bench = Bench(tmp_path, {"lambda.invoke": payload("\ud800")})
    assert bench.run(one({"Type": "Task", "Resource": FUNCTION}))["output"] == '"?"'


def test_what_the_disk_refused_is_stored_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Pass", "Result": 1}))
    commit, refusals = ExecutionStore.commit, [True]

    def refusing(self: ExecutionStore, run: Any) -> None:
        if refusals:
            refusals.pop()
            raise sqlite3.OperationalError("database or disk is full")
        commit(self, run)

    monkeypatch.setattr(ExecutionStore, "commit", refusing)
    with pytest.raises(sqlite3.OperationalError):
        bench.schedule.settle()
    assert bench.finish(arn)["output"] == "1"
    check(bench.events(arn))


@pytest.mark.parametrize("refused", range(1, 7))
def test_an_execution_ends_the_same_whichever_commit_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    """Nothing is stuck until a restart, and the task is called once."""
    calls: list[int] = []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        calls.append(1)
        return payload("done")(request)

    bench = Bench(tmp_path, {"lambda.invoke": answer}, steps_per_commit=1)
    task = {"Type": "Task", "Resource": FUNCTION}
    states = {"A": {**task, "Next": "B"}, "B": {**task, "End": True}}
    arn = bench.begin({"StartAt": "A", "States": states})
    commit, commits = ExecutionStore.commit, [0]

    def refusing(self: ExecutionStore, run: Any) -> None:
        commits[0] += 1
        if commits[0] == refused:
            raise sqlite3.OperationalError("database or disk is full")
        commit(self, run)

    monkeypatch.setattr(ExecutionStore, "commit", refusing)
    with suppress(sqlite3.OperationalError):
        bench.schedule.settle()
    assert bench.finish(arn)["output"] == '"done"'
    assert len(calls) == 2
    check(bench.events(arn))


@pytest.mark.parametrize("kind", ["STANDARD", "EXPRESS"])
@pytest.mark.parametrize("refused", range(2, 17, often(1, 5)))
def test_a_map_run_is_never_stuck_whichever_write_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int, kind: str
) -> None:
    """It succeeds, or fails with the reason; the second write is that which stores it."""
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    states = {"A": {"Type": "Pass", "End": True}}
    inner = {"ProcessorConfig": config, "StartAt": "A", "States": states}
    bench = Bench(tmp_path)
    arn = bench.begin(one({"Type": "Map", "ItemProcessor": inner}), [1, 2, 3])
    transaction, writes = Database.transaction, [0]

    @contextmanager
    def refusing(self: Database) -> Iterator[sqlite3.Connection]:
        writes[0] += 1
        if writes[0] == refused:
            raise sqlite3.OperationalError("database or disk is full")
        with transaction(self) as connection:
            yield connection

    monkeypatch.setattr(Database, "transaction", refusing)
    with suppress(sqlite3.OperationalError):
        bench.schedule.settle()
    described = bench.finish(arn)
    assert (described["status"], described.get("cause")) in [
        ("SUCCEEDED", None),
        ("FAILED", "OperationalError: database or disk is full"),
    ]
    assert refused != 2 or described["status"] == "SUCCEEDED"
