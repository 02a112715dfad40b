"""A job of one call, run as its machine runs it, in memory."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from chalicelib.batches import storage
from chalicelib.budgets.leased_budgets import LeasedBudgets
from chalicelib.budgets.spender import Spender
from chalicelib.contracts.batches import BatchCheckpoint
from chalicelib.contracts.generations import Call, Generation, Terms, Usage
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.errors import HeadraceError
from chalicelib.generation.added_models import StageModels
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.dependencies import NO_LIMITS, CallLimits
from chalicelib.generation.model_file import served_models
from chalicelib.generation.requirements import CallRegion
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext
from functions.generate_one import core
from tests.unit.batches.examples import ORDER, generation, own
from tests.unit.batches.fakes import FakeBatchObjects
from tests.unit.batches.ledger import Ledger, paid
from tests.unit.jobs.examples import JOB, NOW, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

PREFIX = f"jobs/acme/{JOB}/"
MOST_STEPS = 3_000
USED = Usage(tokens_in=7)


class Killed(BaseException):
    """The process is no more."""


@dataclass
class World:
    """One job. `fails` says by what the n-th call ends, from 1; `after` is called after a step."""

    fails: Callable[[int], HeadraceError | None] = lambda nth: None
    objects: FakeBatchObjects = field(default_factory=FakeBatchObjects)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    now: datetime = NOW
    clock: float = 0.0
    calls: int = 0
    bounds: list[CallLimits] = field(default_factory=list)
    spenders: set[Spender] = field(default_factory=set)
    waits: list[int] = field(default_factory=list)
    logged: list[HeadraceError] = field(default_factory=list)
    while_asked: Callable[[], None] = lambda: None
    ids: Iterator[int] = field(default_factory=itertools.count)
    ledger: Ledger = field(default_factory=Ledger)
    budgets: LeasedBudgets | None = None

    def generate(
        self,
        call: Call,
        terms: Terms,
        spender: Spender,
        limits: CallLimits = NO_LIMITS,
    ) -> Generation:
        self.calls += 1
        self.bounds.append(limits)
        self.spenders.add(spender)
        self.while_asked()
        nth = self.calls
        return paid(self.budgets, spender, lambda: self._answered(nth))

    def _answered(self, nth: int) -> Generation:
        error = self.fails(nth)
        if error is not None:
            raise error
        return generation("Hi.")

    def begin(self, line: bytes | None = None, **order: Any) -> None:
        self.objects.bodies[PREFIX + storage.INPUT] = (own() if line is None else line) + b"\n"
        told = ORDER.model_copy(update={"single": True, "key": "k", **order})
        self.launcher.launch(given("batch", order=told, model=told.model))

    @property
    def launcher(self) -> JobLauncher:
        return JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.now)

    @property
    def state(self) -> JobState:
        return self.jobs.kept["acme", JOB]

    @property
    def place(self) -> BatchCheckpoint:
        return BatchCheckpoint.model_validate_json(self.state.checkpoint)

    def step(self) -> StepResult:
        request = StepRequest.model_validate(self.state.input.model_dump())
        return core.run(request, self._deps())

    def run(self) -> StepResult:
        """Run an execution of the newest attempt to its end."""
        for _ in range(MOST_STEPS):
            result = self.step()
            if result.next != "wait":
                return result
            self.waits.append(result.seconds)
            self.now += timedelta(seconds=result.seconds)
        raise AssertionError("it does not end")

    def lines(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.objects.bodies[PREFIX + name].splitlines()]

    def _deps(self) -> core.Deps:
        """Return what a step stands on, in a process of its own."""
        self.budgets = self.ledger.purse(most_calls=1)
        return core.Deps(
            desk=StepContext(self.jobs, lambda: self.now, self._tick, 0.5),
            objects=self.objects,
            answerer=self,
            purse=self.budgets,
            models=lambda: StageModels(served_models(), catalogue().prices),
            catalogue=catalogue,
            place=CallRegion("us-east-1"),
            models_of=lambda tenant: None,
            recount=self.ledger.recount,
            within=lambda seconds: CallLimits(deadline=seconds),
            chance=lambda: 1.0,
            log=self.logged.append,
            new_id=lambda: f"{next(self.ids):016x}",
        )

    def _tick(self) -> float:
        self.clock += 0.01
        return self.clock
