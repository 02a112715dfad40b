"""Runs of schedules that cost too much, or are cancelled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.contracts.budgets import BudgetReport, DollarBudget
from chalicelib.jobs.launcher import JobLauncher
from tests.unit.functions.run_schedule.batch_world import (
    DOCUMENTS,
    FIRST_NIGHT,
    World,
    place_of,
)
from tests.unit.functions.run_schedule.test_batch_runs import of_source
from tests.unit.jobs.fakes import FakeJobExecutions


@pytest.mark.parametrize("budget", ["0.09", "0"])
def test_a_run_above_its_budget_should_cancel_its_batch_and_say_what_to_do(budget: str) -> None:
    world = World()
    world.put("a.txt")
    request = world.begin(DOCUMENTS, budget=Decimal(budget))
    state = world.finish(request)
    assert state.job.error is not None
    assert state.job.error.type == "QuotaExceeded"
    assert "$0.10" in state.job.error.message
    assert f"${budget}" in state.job.error.message
    assert world.batch(state).job.status == "cancelled"
    assert world.answers() == {}
    assert world.watermark.at is None
    world.estimate = Decimal("0.01")
    assert world.retry(request).job.error is not None, "the estimate is that of the batch"


def test_a_run_within_its_budget_should_go_on() -> None:
    world = World()
    world.put("a.txt")
    assert world.run(budget=Decimal("0.10")).job.status == "succeeded"


@pytest.mark.parametrize(("scope", "name"), [("tenant", ""), ("key", "k1")])
def test_a_run_should_not_begin_what_its_tenant_or_key_cannot_pay(scope: Any, name: str) -> None:
    world = World()
    world.put("a.txt")
    limit = DollarBudget(
        scope=scope,
        name=name,
        period="day",
        limit=Decimal(1),
        spent=Decimal("0.95"),
        reserved=Decimal(0),
        left=Decimal("0.05"),
        resets_at=FIRST_NIGHT + timedelta(days=1),
    )
    world.left = BudgetReport(dollars=(limit,), a_minute=())
    assert world.run(key="k2").job.status == ("failed" if scope == "tenant" else "succeeded")
    request = world.begin(of_source(changed=False), key="k1")
    state = world.finish(request)
    assert state.job.error is not None
    assert "$0.05 is left" in state.job.error.message
    world.left = BudgetReport(dollars=(), a_minute=())
    assert world.retry(request).job.status == "succeeded", "the limit was raised meanwhile"


@pytest.mark.parametrize(("budget", "is_enough"), [("0.35", True), ("0.34", False)])
def test_a_retry_should_be_held_to_the_budget_beside_what_was_spent(
    budget: str, is_enough: bool
) -> None:
    world = World()
    world.put("a.txt")
    world.failing = {"a.txt"}
    request = world.begin(DOCUMENTS, budget=Decimal(budget))
    assert world.finish(request).job.error is not None
    error = world.retry(request).job.error
    assert error is not None
    assert error.type == ("NoAnswer" if is_enough else "QuotaExceeded")
    assert ("$0.1 by its estimate after the $0.25 that it has spent" in error.message) != is_enough
    assert world.batch(world.state(request)).job.attempt == (3 if is_enough else 2)


def test_a_cancelled_run_should_cancel_its_batch_at_any_step() -> None:
    for steps in range(6):
        world = World()
        world.put("a.txt")
        request = world.begin(DOCUMENTS)
        for _ in range(steps):
            world.step(request)
            if steps != 3:
                world.play_batches()
        state = world.state(request)
        if not state.is_open:
            continue
        JobLauncher(world.jobs, FakeJobExecutions(), lambda: FIRST_NIGHT).cancel(state)
        assert world.step(request).next == "ended"
        batches = [each for each in world.jobs.kept.values() if each.job.kind == "batch"]
        assert all(not each.is_open for each in batches)


def test_a_batch_should_not_go_on_until_its_cancelled_run_looks_at_it() -> None:
    world = World()
    world.put("a.txt")
    request = world.begin(DOCUMENTS)
    while not place_of(world.state(request)).child:
        world.step(request)
    launcher = JobLauncher(world.jobs, FakeJobExecutions(), lambda: FIRST_NIGHT)
    launcher.cancel(world.state(request))
    assert world.batch(world.state(request)).job.status == "cancelled"
    assert world.step(request).next == "ended"


def test_a_batch_that_somebody_cancelled_should_end_the_run_as_cancelled() -> None:
    world = World()
    world.put("a.txt")
    request = world.begin(DOCUMENTS)
    while not place_of(world.state(request)).child:
        world.step(request)
    child = world.batch(world.state(request))
    JobLauncher(world.jobs, FakeJobExecutions(), lambda: FIRST_NIGHT).cancel(child)
    assert world.finish(request).job.status == "cancelled"
