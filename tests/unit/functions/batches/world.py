"""A batch in memory, run as its machine runs it: prepare, rounds of children, reduce."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

from chalicelib.batches import storage
from chalicelib.batches.prompt_items import PromptRenderer
from chalicelib.contracts.batches import (
    BatchCheckpoint,
    BatchOrder,
    ChildrenUsed,
    GenerateItemsRequest,
    GenerateItemsResult,
    ItemOutcome,
    ItemRef,
)
from chalicelib.contracts.functions.run_code import CodeTests, CodeVerdict, RunCodeResult
from chalicelib.contracts.jobs import JobInput, StepRequest, StepResult
from chalicelib.errors import HeadraceError
from chalicelib.generation.added_models import StageModels
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.model_file import served_models
from chalicelib.generation.receipts import CostModel
from chalicelib.generation.requirements import CallRegion
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext
from chalicelib.prompts.library import PromptLibrary
from functions.generate_items import core as generate_items
from functions.harvest_batch import core as harvest_batch
from functions.prepare_batch import core as prepare_batch
from functions.reduce_batch import core as reduce_batch
from tests.unit.batches.examples import ORDER
from tests.unit.batches.fakes import (
    FakeAnswerer,
    FakeBatchObjects,
    FakeBudgets,
    FakeService,
)
from tests.unit.batches.ledger import Ledger
from tests.unit.jobs.examples import JOB, NOW, given
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.prompts.examples import FENCE
from tests.unit.prompts.fakes import FakePrompts, library

PREFIX = f"jobs/acme/{JOB}/"
MOST_STATES = 200


class Killed(BaseException):
    """The process is no more."""


@dataclass
class FakeCode:
    """A function that finds code right that has the word `right`; `fails` are raised before."""

    fails: list[HeadraceError] = field(default_factory=list)
    ran: list[str] = field(default_factory=list)

    def run(self, code: str, judged_by: CodeTests, correlation_id: str) -> RunCodeResult:
        if self.fails:
            raise self.fails.pop(0)
        self.ran.append(code)
        verdict: CodeVerdict = "passed" if "right" in code else "failed"
        return RunCodeResult(verdict=verdict, reason="it says so", fuel=7, seconds=1, gb_seconds=2)


@dataclass
class World:
    """A tenant, one batch, and what answers it. `after` is called after each state."""

    objects: FakeBatchObjects = field(default_factory=FakeBatchObjects)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    executions: FakeJobExecutions = field(default_factory=FakeJobExecutions)
    answerer: FakeAnswerer = field(default_factory=FakeAnswerer)
    now: datetime = NOW
    waits: list[int] = field(default_factory=list)
    rounds: int = 0
    service: FakeService = field(default_factory=FakeService)
    budgets: FakeBudgets = field(default_factory=FakeBudgets)
    screens: bool = False
    logged: list[HeadraceError] = field(default_factory=list)
    child_fails: HeadraceError | None = None
    after: Callable[[str], None] = lambda state: None
    clock: float = 0.0
    ledger: Ledger = field(default_factory=Ledger)
    ids: Iterator[int] = field(default_factory=count)
    sleeps: list[float] = field(default_factory=list)
    code: FakeCode = field(default_factory=lambda: FakeCode())
    library: PromptLibrary = field(default_factory=lambda: library(FakePrompts()))

    def begin(self, lines: Sequence[bytes], **order: Any) -> JobInput:
        """Upload a file and begin its batch."""
        self.objects.bodies[PREFIX + storage.INPUT] = b"\n".join(lines) + b"\n"
        told = BatchOrder.model_validate({**ORDER.model_dump(), **order})
        asked = given("batch", order=told, model=told.model)
        self.launcher.launch(asked)
        return asked

    @property
    def launcher(self) -> JobLauncher:
        return JobLauncher(self.jobs, self.executions, lambda: self.now)

    @property
    def state(self) -> JobState:
        return self.jobs.kept["acme", JOB]

    @property
    def place(self) -> BatchCheckpoint:
        return BatchCheckpoint.model_validate_json(self.state.checkpoint)

    def run(self) -> StepResult:
        """Run one execution of the newest attempt to its end."""
        request = StepRequest.model_validate(self.state.input.model_dump())
        result = prepare_batch.run(request, self._preparing())
        self.after("Prepare")
        children: dict[str, Any] = {}
        for _ in range(MOST_STATES):
            if result.next == "ended":
                return result
            if result.next in ("queue", "more", "wait") and self.state.job.phase == "queueing":
                self.now += timedelta(seconds=result.seconds)
                result = harvest_batch.run(request, self._harvesting())
                self.after("Harvest")
                continue
            if result.next == "generate":
                self.waits.append(result.seconds)
                self.now += timedelta(seconds=result.seconds)
                children = self._fan_out(result)
                self.after("FanOut")
            told = StepRequest.model_validate({**request.model_dump(), **children})
            result = reduce_batch.run(told, self._reducing())
            children = {}
            self.after("Reduce")
        raise AssertionError("it does not end")

    def generating(self, **fields: Any) -> generate_items.Deps:
        """Return what a child stands on, in a process of its own."""
        purse = self.answerer.budgets = self.ledger.purse()
        return generate_items.Deps(
            jobs=self.jobs,
            objects=self.objects,
            answerer=self.answerer,
            purse=purse,
            now=lambda: self.now,
            clock=self._tick,
            sleep=self._sleep,
            chance=lambda: 0.5,
            memory_gb=0.5,
            log=self.logged.append,
            new_id=lambda: f"id{next(self.ids)}",
            run_code=self.code,
            **fields,
        )

    def child(self, items: Sequence[ItemRef], epoch: int = 0) -> GenerateItemsRequest:
        """Return the input of a child, as the Map writes it."""
        job = self.state.input
        told = {
            name: getattr(job, name)
            for name in ("tenant", "job_id", "attempt", "bucket", "correlation_id")
        }
        return GenerateItemsRequest.model_validate(
            {
                "Items": [ref.model_dump() for ref in items],
                "BatchInput": {**told, "epoch": epoch},
            }
        )

    def items(self, key: str) -> list[ItemRef]:
        """Return the items that are the lines of a file."""
        lines = self.objects.bodies[key].splitlines()
        return [ItemRef.model_validate_json(line) for line in lines]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a file of the result."""
        return [json.loads(line) for line in self.objects.bodies[PREFIX + name].splitlines()]

    def outcomes(self) -> list[ItemOutcome]:
        """Return everything that is known of items, earlier failures included."""
        folders = (PREFIX + storage.OUTCOMES, PREFIX + storage.FAILURES, PREFIX + storage.SPENT)
        return [
            ItemOutcome.model_validate_json(body)
            for key, body in self.objects.bodies.items()
            if key.startswith(folders)
        ]

    def _fan_out(self, result: StepResult) -> dict[str, Any]:
        items, share = self.items(result.key), result.items_a_child
        self.rounds += 1
        found: list[GenerateItemsResult] = []
        failure: dict[str, str] | None = None
        for first in range(0, len(items), share):
            request = self.child(items[first : first + share], result.epoch)
            try:
                if self.child_fails is not None:
                    raise self.child_fails
                found.append(generate_items.run(request, self.generating()))
            except HeadraceError as error:
                failure = {"type": type(error).__name__, "message": error.message}
        used = ChildrenUsed(
            children=-(-len(items) // share),
            seconds=sum(each.seconds for each in found),
            gb_seconds=sum(each.gb_seconds for each in found),
        )
        halted = next((each.halted for each in found if each.halted is not None), None)
        told = {"children": used.model_dump(), "halted": halted and halted.model_dump()}
        return {**told, "error": failure}

    def _tick(self) -> float:
        self.clock += 0.01
        return self.clock

    def _sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.clock += seconds

    def _desk(self) -> StepContext:
        return StepContext(self.jobs, lambda: self.now, self._tick, 1.0)

    def _preparing(self) -> prepare_batch.Deps:
        return prepare_batch.Deps(
            desk=self._desk(),
            objects=self.objects,
            models=lambda: StageModels(served_models(), catalogue().prices),
            place=CallRegion("us-east-1"),
            models_of=lambda tenant: None,
            prompts=self._prompts,
            concurrency=2,
        )

    def _prompts(self, tenant: str) -> PromptRenderer:
        return PromptRenderer(partial(self.library.version, tenant), lambda: FENCE, self._tick)

    def _harvesting(self) -> harvest_batch.Deps:
        self.service.objects, self.service.now = self.objects, self.now
        return harvest_batch.Deps(
            desk=self._desk(),
            objects=self.objects,
            jobs=self.service,
            budgets=self.budgets,
            accounts=CostModel(served_models(), catalogue().prices),
            screens=lambda spender: self.screens,
            poll_seconds=300,
            log=self.logged.append,
        )

    def _reducing(self) -> reduce_batch.Deps:
        return reduce_batch.Deps(
            desk=self._desk(),
            objects=self.objects,
            catalogue=catalogue,
            recount=self.ledger.recount,
            concurrency=2,
        )
