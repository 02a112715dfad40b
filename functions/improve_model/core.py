"""A step of a run that improves a model: gather, train twice, compare, approve.

The run's record says how far it is, so that a step which is cut off or comes twice does no harm:
what it wrote is written again, and a training of another phase is not taken for the present one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from chalicelib.contracts.events import EventBus
from chalicelib.contracts.improvement import (
    APPROVAL_DAYS,
    APPROVED,
    CHAMPION_MARK,
    REJECTED,
    REWARD_MARK,
    RUN_MARK,
    ImprovementEnd,
    ImprovementEnded,
    ImprovementPlan,
    ImprovementRun,
    ImproveModelRequest,
    ImproveModelResult,
    TrainedVersion,
)
from chalicelib.contracts.serving import CANDIDATE, ServedVersion, Serving, pointer_key
from chalicelib.errors import MoreSteps, NotFound, Transient
from functions.improve_model.pair_source import GatheredPairs, PairSource

EVEN = 0.5
DATA = "models/pairs"
"""Where a tenant's pairs lie, which its removal takes with it."""


class ImprovementRecords(Protocol):
    """The records of plans and runs."""

    def plan(self, tenant: str, model: str) -> ImprovementPlan | None:
        """Return the plan of a model, or None."""

    def last_pairs(self, tenant: str, model: str) -> int:
        """Return how many pairs the last run of a model had."""

    def run(self, tenant: str, model: str, run_id: str) -> ImprovementRun | None:
        """Return a run, or None."""

    def open(self, run: ImprovementRun) -> bool:
        """Store a new run as the open one; return False if that cannot be."""

    def change(self, after: ImprovementRun) -> bool:
        """Store what follows revision `after.revision - 1`; return False if that has changed."""


class CandidateVersion(Protocol):
    """A version in the registry."""

    @property
    def status(self) -> str:
        """Return its approval status."""

    @property
    def artefact(self) -> str:
        """Return the S3 address of its model.tar.gz."""


class VersionRegistry(Protocol):
    """The registry of trained models."""

    def version(self, arn: str) -> CandidateVersion:
        """Return a version."""

    def reject(self, arn: str, reason: str) -> None:
        """Reject a version; may be repeated."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    records: ImprovementRecords
    pairs: PairSource
    registry: VersionRegistry
    bus: EventBus
    now: Callable[[], datetime]


def run(request: ImproveModelRequest, deps: Deps) -> ImproveModelResult:
    """Do what follows the last recorded step of a run.

    Raises:
        MoreSteps: somebody has decided already; there is nothing to wait for.
        NotFound: a labelling task of the plan is gone.
        Transient, Throttled: a service did not answer; the step may be repeated.
    """
    step = _Step(request, deps)
    state = deps.records.run(request.tenant, request.model, request.run_id)
    if state is None:
        return step.begin()
    if state.execution != request.execution:
        return ImproveModelResult(next="ended", status="repeated")
    return step.go_on(state)


@dataclass(frozen=True, slots=True)
class _Step:
    request: ImproveModelRequest
    deps: Deps

    def begin(self) -> ImproveModelResult:
        """Open the run, unless there is no plan, nothing new, or another run is open."""
        request, deps = self.request, self.deps
        plan = deps.records.plan(request.tenant, request.model)
        if plan is None or request.failure:
            return ImproveModelResult(next="ended", status="ignored")
        found = deps.pairs.gather(plan)
        pairs = len(found.collection.pairs)
        known = deps.records.last_pairs(request.tenant, request.model)
        if request.trigger == "labels" and pairs < known + plan.new_pairs:
            return ImproveModelResult(next="ended", status="ignored")
        now = deps.now()
        opened = ImprovementRun(
            tenant=request.tenant,
            model=request.model,
            run_id=request.run_id,
            trigger=request.trigger,
            execution=request.execution,
            pairs=pairs,
            ratings_left_out=found.ratings_left_out,
            begun_at=now,
            updated_at=now,
        )
        if not deps.records.open(opened):
            return ImproveModelResult(next="ended", status="busy")
        return self._gathered(plan, opened, found)

    def go_on(self, state: ImprovementRun) -> ImproveModelResult:
        """Do what follows `state`."""
        if not state.is_open:
            return self._ended(state)
        if self.request.failure:
            return self._end(state, "failed", (self.request.failure,))
        plan = self.deps.records.plan(state.tenant, state.model)
        if plan is None:
            return self._end(state, "failed", ("Its plan is gone.",))
        if state.status == "gathering":
            return self._gathered(plan, state, self.deps.pairs.gather(plan))
        if state.status == "approval":
            return self._approval(state)
        trained = self.request.trained
        if trained is None or trained.job != _job(state):
            return self._train(plan, state)
        if state.status == "reward":
            after = {"status": "candidate", "reward": trained}
            return self._train(plan, self._write(state, after))
        return self._compared(state, trained)

    def _gathered(
        self, plan: ImprovementPlan, state: ImprovementRun, found: GatheredPairs
    ) -> ImproveModelResult:
        """Write what passes the gate, and have the reward model trained."""
        if found.refusals:
            return self._end(state, "refused", found.refusals)
        champion = self._serving(plan)
        if champion is None:
            return self._end(state, "refused", (f"Nothing serves as {plan.model} to better.",))
        self.deps.pairs.write(plan, found, f"{DATA}/{state.tenant}/{state.short_id}/")
        changes = {
            "status": "reward",
            "pairs": len(found.collection.pairs),
            "ratings_left_out": found.ratings_left_out,
            "champion": champion.serves.arn,
        }
        return self._train(plan, self._write(state, changes))

    def _train(self, plan: ImprovementPlan, state: ImprovementRun) -> ImproveModelResult:
        """Return the training of the present phase."""
        text = plan.reward if state.status == "reward" else plan.candidate
        text = text.replace(RUN_MARK, state.short_id)
        if state.reward is not None:
            champion = self.deps.registry.version(state.champion).artefact
            text = text.replace(REWARD_MARK, state.reward.artefact)
            text = text.replace(CHAMPION_MARK, champion)
        training: dict[str, Any] = json.loads(text)
        return ImproveModelResult(
            next="train", status=state.status, job=_job(state), training=training
        )

    def _compared(self, state: ImprovementRun, trained: TrainedVersion) -> ImproveModelResult:
        """Go on with a candidate whose win rate is above one half beyond chance."""
        low = trained.metrics.get("win_rate_low")
        if low is None or low <= EVEN:
            reason = _not_better(state.champion, trained)
            self.deps.registry.reject(trained.arn, reason)
            return self._end(state, "not_better", (reason,), candidate=trained)
        until = self.deps.now() + timedelta(days=APPROVAL_DAYS)
        command = f"headrace improve approve {state.model} --tenant {state.tenant}"
        changes = {
            "status": "approval",
            "candidate": trained,
            "approve_until": until,
            "next_command": command,
        }
        return self._waits(self._write(state, changes))

    def _approval(self, state: ImprovementRun) -> ImproveModelResult:
        """End a run whose candidate was decided on, or keep the token of what waits for that."""
        token = self.request.task_token
        if token and state.task_token != token:
            # Kept before the look: who decides reads it after having decided.
            state = self._write(state, {"task_token": token})
        assert state.candidate is not None
        arn = state.candidate.arn
        status = self.deps.registry.version(arn).status
        is_served = status == APPROVED and self._serves(state, arn)
        if token:
            if is_served or status == REJECTED:
                raise MoreSteps("There is nothing to wait for.")
            return self._waits(state)
        if status == REJECTED:
            return self._end(state, "rejected", ("Its candidate was rejected.",))
        if is_served:
            return self._end(state, "done", ())
        if state.approve_until is not None and self.deps.now() >= state.approve_until:
            reason = f"Nobody approved its candidate within {APPROVAL_DAYS} days."
            return self._end(state, "expired", (reason,))
        return self._waits(state)

    def _waits(self, state: ImprovementRun) -> ImproveModelResult:
        assert state.approve_until is not None
        left = (state.approve_until - self.deps.now()).total_seconds()
        return ImproveModelResult(next="approve", status="approval", seconds=max(1, round(left)))

    def _serves(self, state: ImprovementRun, arn: str) -> bool:
        plan = self.deps.records.plan(state.tenant, state.model)
        serving = self._serving(plan) if plan is not None else None
        named: tuple[ServedVersion | None, ...] = ()
        if serving is not None:
            named = (serving.serves, serving.candidate)
        return any(each is not None and each.arn == arn for each in named)

    def _serving(self, plan: ImprovementPlan) -> Serving | None:
        """Return what the stage serves as the model, or None."""
        try:
            body = self.deps.pairs.objects.read(plan.bucket, pointer_key(plan.model))
        except NotFound:
            return None
        return Serving.model_validate_json(body)

    def _end(
        self,
        state: ImprovementRun,
        status: ImprovementEnd,
        reasons: tuple[str, ...],
        candidate: TrainedVersion | None = None,
    ) -> ImproveModelResult:
        command = (
            f"headrace rollouts start model:{state.model} {state.model}@{CANDIDATE}"
            if status == "done"
            else ""
        )
        changes = {
            "status": status,
            "reasons": reasons,
            "candidate": candidate or state.candidate,
            "next_command": command,
            "task_token": "",
        }
        return self._ended(self._write(state, changes))

    def _ended(self, state: ImprovementRun) -> ImproveModelResult:
        """Tell subscribers; repeated where the step is."""
        assert not state.is_open
        event = ImprovementEnded.model_validate(
            {
                **state.model_dump(include={"tenant", "model", "run_id", "trigger", "status"}),
                **state.model_dump(include={"reasons", "pairs"}),
                "candidate": state.candidate.arn if state.candidate else "",
                "time": state.updated_at,
            }
        )
        self.deps.bus.publish(event)
        return ImproveModelResult(next="ended", status=state.status, reasons=state.reasons)

    def _write(self, state: ImprovementRun, changes: dict[str, Any]) -> ImprovementRun:
        """Record what follows `state`. Raises `Transient` if another step was quicker."""
        fresh = {"revision": state.revision + 1, "updated_at": self.deps.now()}
        after = state.model_copy(update={**changes, **fresh})
        if not self.deps.records.change(after):
            raise Transient(f"The run {state.run_id} went on meanwhile.")
        return after


def _job(state: ImprovementRun) -> str:
    """Return what tells the trainings of a run apart."""
    return f"{state.short_id}-{state.status}"


def _not_better(champion: str, trained: TrainedVersion) -> str:
    name = champion.partition(":model-package/")[2] or champion
    if "win_rate_low" not in trained.metrics:
        return f"It was not compared with {name}: no win rate was measured."
    mean, low, high = (
        trained.metrics.get(each, 0.0) for each in ("win_rate", "win_rate_low", "win_rate_high")
    )
    return (
        f"Its texts are preferred to those of {name} in {mean:.1%} ({low:.1%} to {high:.1%}), and "
        "the whole interval has to be above 50%."
    )
