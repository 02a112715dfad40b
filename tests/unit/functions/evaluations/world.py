"""An evaluation in memory, run as its machine runs it: prepare, rounds of children, reduce."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from chalicelib.contracts.batches import BatchEstimate, ChildrenUsed
from chalicelib.contracts.evaluations.jobs import (
    EvaluateCasesRequest,
    EvaluationCheckpoint,
    EvaluationInput,
    EvaluationItem,
    PinnedTarget,
)
from chalicelib.contracts.evaluations.orders import EvaluationOrder
from chalicelib.contracts.evaluations.results import EvaluationResult
from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.contracts.jobs import JobInput, StepRequest, StepResult
from chalicelib.errors import HeadraceError
from chalicelib.evaluation.runner import CaseRunner
from chalicelib.evaluation.storage import RESULTS, SUITE, ObjectCache
from chalicelib.evaluation.suites import suite_digest
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext
from functions.evaluate_cases import core as evaluate_cases
from functions.run_evaluation import core as run_evaluation
from tests.unit.batches.fakes import FakeBatchObjects
from tests.unit.evaluation.fakes import Services, Targets, right
from tests.unit.jobs.examples import BUCKET, JOB, NOW, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.prompts.fakes import FakeVerdicts

PREFIX = f"jobs/acme/{JOB}/"
MOST_STATES = 100


@dataclass
class World:
    """A tenant, one evaluation, and what answers it. `after` is called after each state."""

    targets: Targets = field(default_factory=lambda: Targets(right))
    services: Services = field(default_factory=Services)
    objects: FakeBatchObjects = field(default_factory=FakeBatchObjects)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    verdicts: FakeVerdicts = field(default_factory=FakeVerdicts)
    now: datetime = NOW
    waits: list[int] = field(default_factory=list)
    logged: list[HeadraceError] = field(default_factory=list)
    child_fails: dict[str, Any] | None = None
    after: Callable[[str], None] = lambda state: None
    clock: float = 0.0
    seconds_a_look: float = 0.0

    def begin(self, suite: Suite, pinned: tuple[PinnedTarget, ...] = (), **order: Any) -> JobInput:
        """Write a suite and begin its evaluation."""
        told = EvaluationOrder(suite=suite.name, sha256=suite_digest(suite), **order)
        content = EvaluationInput(suite=suite, pinned=pinned)
        self.objects.bodies[PREFIX + SUITE] = content.model_dump_json(by_alias=True).encode()
        asked = given("evaluation", evaluation=told)
        self.launcher.launch(asked)
        return asked

    @property
    def launcher(self) -> JobLauncher:
        return JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.now)

    @property
    def state(self) -> JobState:
        return self.jobs.kept["acme", JOB]

    @property
    def place(self) -> EvaluationCheckpoint:
        return EvaluationCheckpoint.model_validate_json(self.state.checkpoint)

    @property
    def result(self) -> EvaluationResult:
        return EvaluationResult.model_validate_json(self.objects.bodies[PREFIX + RESULTS])

    def run(self) -> StepResult:
        """Run one execution of the newest attempt to its end."""
        request = StepRequest.model_validate(self.state.input.model_dump())
        result = run_evaluation.run(request, self._steps())
        self.after("Prepare")
        children: dict[str, Any] = {}
        for _ in range(MOST_STATES):
            if result.next == "ended":
                return result
            if result.next == "generate":
                self.waits.append(result.seconds)
                self.now += timedelta(seconds=result.seconds)
                children = self._fan_out(result)
                self.after("FanOut")
            told = StepRequest.model_validate({**request.model_dump(), **children})
            result = run_evaluation.run(told, self._steps())
            children = {}
            self.after("Reduce")
        raise AssertionError("it does not end")

    def _fan_out(self, step: StepResult) -> dict[str, Any]:
        lines = self.objects.bodies[step.key].splitlines()
        items = [EvaluationItem.model_validate_json(line) for line in lines]
        used, size = ChildrenUsed(), step.items_a_child
        for at in range(0, len(items), size):
            used = used.model_copy(update={"children": used.children + 1})
            if self.child_fails is not None:
                continue
            request = EvaluateCasesRequest.model_validate(
                {
                    "Items": [each.model_dump() for each in items[at : at + size]],
                    "BatchInput": {
                        **self.state.input.model_dump(),
                        "epoch": step.epoch,
                    },
                }
            )
            evaluate_cases.run(request, self._children())
        error = {"error": self.child_fails} if self.child_fails else {}
        return {"children": used.model_dump(), **error}

    def _children(self) -> evaluate_cases.Deps:
        def runner(job: JobInput, content: EvaluationInput, ends_at: float) -> CaseRunner:
            cache = ObjectCache(self.objects, job.bucket, job.tenant)
            return CaseRunner(content.suite, self.targets, self.services, cache)

        return evaluate_cases.Deps(
            jobs=self.jobs,
            objects=self.objects,
            runner=runner,
            clock=self._tick,
            memory_gb=1.0,
            threads=1,
        )

    def _steps(self) -> run_evaluation.Deps:
        return run_evaluation.Deps(
            desk=StepContext(self.jobs, lambda: self.now, lambda: 0.0, 1.0),
            objects=self.objects,
            estimate=lambda tenant, content: BatchEstimate(items=1, dollars=Decimal("0.01")),
            verdicts=self.verdicts,
            concurrency=2,
            log=self.logged.append,
        )

    def _tick(self) -> float:
        self.clock += self.seconds_a_look
        return self.clock


__all__ = ["BUCKET", "JOB", "PREFIX", "World"]
