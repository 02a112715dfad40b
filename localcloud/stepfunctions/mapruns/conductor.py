"""The Map Runs that are under way."""

from __future__ import annotations

import threading

from localcloud.stepfunctions.engine.errands import Answered, Failed, Signal
from localcloud.stepfunctions.engine.model import Run, Status, Strand
from localcloud.stepfunctions.integrations.contract import Callings
from localcloud.stepfunctions.language.states import Map
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.mapruns.conducting import Conducting
from localcloud.stepfunctions.operations.parts import Parts
from localcloud.stepfunctions.store.maps import MapRun, Plan


class Conductor:
    """Begins Map Runs, goes on with them after a restart, and stops them."""

    def __init__(self, parts: Parts, callings: Callings) -> None:
        self._parts = parts
        self._callings = callings
        self._guard = threading.Lock()
        self._active: dict[str, Conducting] = {}

    def conduct(self, run: Run, strand: Strand) -> None:
        """Begin or go on with the Map Run of `strand`, without keeping its execution waiting."""
        ticket, data = strand.ticket, dict(strand.data)
        opened = _opened(run, strand, self._parts.schedule.now())
        self._parts.schedule.apart(lambda: self._go(opened, data, ticket))

    def abandon(self, map_run_arn: str) -> None:
        """Stop a Map Run whose execution goes on, or ended, without it."""
        with self._guard:
            conducting = self._active.pop(map_run_arn, None)
        found = self._parts.maps.find(map_run_arn)
        if found is None or found.status is not Status.RUNNING:
            return
        (conducting or Conducting(self._parts, self._callings, found, 0)).halt()

    def nudge(self, map_run_arn: str) -> None:
        """Let new limits of a Map Run take effect."""
        with self._guard:
            conducting = self._active.get(map_run_arn)
        if conducting is not None:
            self._parts.schedule.apart(conducting.safely(conducting.fill))

    def recover(self) -> None:
        """Stop the Map Runs whose execution ended just before a crash."""
        for found in self._parts.maps.running():
            holder = self._parts.executions.find(found.execution_arn)
            if holder is None or holder.status is not Status.RUNNING:
                self.abandon(found.arn)

    def _go(self, opened: MapRun | None, data: JsonObject, ticket: int) -> None:
        maps, arn = self._parts.maps, str(data["map_run"])
        if opened is not None:
            maps.open(opened)
        redriven = data.get("redriven")
        if isinstance(redriven, int):
            maps.redrive(arn, redriven, self._parts.schedule.now())
        found = maps.find(arn)
        if found is None:
            raise LookupError(f"there is no Map Run {arn}")
        conducting = Conducting(self._parts, self._callings, found, ticket)
        if found.result is not None:
            conducting.answer(_signal(found.result))
            return
        with self._guard:
            self._active[arn] = conducting
        conducting.safely(conducting.go)()


def _signal(result: JsonObject) -> Signal:
    if "output" in result:
        return Answered(result["output"])
    return Failed(str(result.get("error", "")), str(result.get("cause", "")))


def _opened(run: Run, strand: Strand, now: float) -> MapRun | None:
    """Return the Map Run as the strand's plan describes it; None in a redrive, which has none."""
    plan, state = strand.data.get("plan"), run.state_of(strand)
    if not isinstance(plan, dict) or not isinstance(state, Map):
        return None
    identity, label = run.identity, str(plan["label"])
    express = state.item_processor.execution_type == "EXPRESS"
    return MapRun(
        arn=str(strand.data["map_run"]),
        execution_arn=identity.arn,
        strand=strand.id,
        status=Status.RUNNING,
        started=now,
        stopped=None,
        max_concurrency=_whole(plan["max_concurrency"]) or 0,
        tolerated_count=_whole(plan["tolerated_count"]),
        tolerated_percentage=_number(plan["tolerated_percentage"]),
        redrive_count=0,
        redriven=None,
        loaded=False,
        plan=Plan(
            kind="EXPRESS" if express else "STANDARD",
            machine_arn=f"{identity.machine_arn}/{label}",
            machine_name=f"{identity.machine_name}/{label}",
            role_arn=identity.role_arn,
            revision=identity.revision,
            machine_path=(*run.path_of(strand), "ItemProcessor"),
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
