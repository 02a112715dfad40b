"""The Map Runs in progress."""

from __future__ import annotations

import sqlite3
import threading

from localcloud.stepfunctions.engine.action_tasks import Signal, WorkFailed, WorkSucceeded
from localcloud.stepfunctions.engine.records import Branch, ExecutionStatus
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.integrations.integration import RoleClients
from localcloud.stepfunctions.language.state_machine import MapState
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.map_runs.executor import MapRunExecutor
from localcloud.stepfunctions.operations.requests import StepFunctionsDeps
from localcloud.stepfunctions.store.map_runs import MapRun, MapRunPlan

_STORE_RETRY_S = 1.0


class MapRunCoordinator:
    """Starts Map Runs, resumes them after a restart, and stops them."""

    def __init__(self, deps: StepFunctionsDeps, role_clients: RoleClients) -> None:
        self._deps = deps
        self._role_clients = role_clients
        self._guard = threading.Lock()
        self._executors: dict[str, MapRunExecutor] = {}

    def start(self, run: RunningExecution, branch: Branch) -> None:
        """Start or resume the Map Run of `branch` without blocking its execution."""
        ticket, data = branch.ticket, dict(branch.data)
        opened = _new_map_run(run, branch, self._deps.schedule.now())
        self._deps.schedule.run_blocking(lambda: self._go(opened, data, ticket))

    def abandon(self, map_run_arn: str) -> None:
        """Stop a Map Run whose execution continues, or ended, without it."""
        with self._guard:
            executor = self._executors.pop(map_run_arn, None)
        found = self._deps.maps.find(map_run_arn)
        if found is None or found.status is not ExecutionStatus.RUNNING:
            return
        (executor or MapRunExecutor(self._deps, self._role_clients, found, 0)).abort()

    def apply_limits(self, map_run_arn: str) -> None:
        """Apply new limits of a Map Run."""
        with self._guard:
            executor = self._executors.get(map_run_arn)
        if executor is not None:
            self._deps.schedule.run_blocking(executor.guard(executor.start_children))

    def recover(self) -> None:
        """Stop the Map Runs whose execution ended just before a crash."""
        for found in self._deps.maps.running():
            holder = self._deps.executions.find(found.execution_arn)
            if holder is None or holder.status is not ExecutionStatus.RUNNING:
                self.abandon(found.arn)

    def _stored(self, opened: MapRun | None, data: JsonObject) -> MapRun:
        """Store a Map Run that begins, or is redriven, and return it. May be repeated."""
        maps, arn = self._deps.maps, str(data["map_run"])
        if opened is not None and maps.find(arn) is None:
            maps.add(opened)
        redriven = data.get("redriven")
        if isinstance(redriven, int):
            maps.redrive(arn, redriven, self._deps.schedule.now())
        found = maps.find(arn)
        if found is None:
            raise LookupError(f"there is no Map Run {arn}")
        return found

    def _go(self, opened: MapRun | None, data: JsonObject, ticket: int) -> None:
        schedule, arn = self._deps.schedule, str(data["map_run"])
        try:
            found = self._stored(opened, data)
        except sqlite3.Error:
            due = schedule.now() + _STORE_RETRY_S
            schedule.run_at(
                due, lambda: schedule.run_blocking(lambda: self._go(opened, data, ticket))
            )
            raise
        executor = MapRunExecutor(self._deps, self._role_clients, found, ticket)
        if found.result is not None:
            executor.send_result(_signal(found.result))
            return
        with self._guard:
            self._executors[arn] = executor
        executor.guard(executor.run)()


def _signal(result: JsonObject) -> Signal:
    if "output" in result:
        return WorkSucceeded(result["output"])
    return WorkFailed(str(result.get("error", "")), str(result.get("cause", "")))


def _new_map_run(run: RunningExecution, branch: Branch, now: float) -> MapRun | None:
    """Return the Map Run of the branch's plan, or None in a redrive, which has no plan."""
    plan, state = branch.data.get("plan"), run.state_of(branch)
    if not isinstance(plan, dict) or not isinstance(state, MapState):
        return None
    identity, label = run.identity, str(plan["label"])
    express = state.item_processor.execution_type == "EXPRESS"
    return MapRun(
        arn=str(branch.data["map_run"]),
        execution_arn=identity.arn,
        branch=branch.id,
        status=ExecutionStatus.RUNNING,
        started=now,
        stopped=None,
        max_concurrency=_whole(plan["max_concurrency"]) or 0,
        tolerated_count=_whole(plan["tolerated_count"]),
        tolerated_percentage=_number(plan["tolerated_percentage"]),
        redrive_count=0,
        redriven=None,
        loaded=False,
        plan=MapRunPlan(
            kind="EXPRESS" if express else "STANDARD",
            machine_arn=f"{identity.machine_arn}/{label}",
            machine_name=f"{identity.machine_name}/{label}",
            role_arn=identity.role_arn,
            revision=identity.revision,
            machine_path=(*run.path_of(branch), "ItemProcessor"),
            items=_list(plan["items"]),
            members=bool(plan["members"]),
            reader=_object(plan["reader"]),
            batch=_object(plan["batch"]),
            writer=_object(plan["writer"]),
        ),
        result=None,
    )


def _whole(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _list(value: Json) -> list[Json] | None:
    return value if isinstance(value, list) else None


def _object(value: Json) -> JsonObject | None:
    return value if isinstance(value, dict) else None
