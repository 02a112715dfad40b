"""Rollouts as their owner begins and approves them."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.rollouts import CreateRolloutRequest
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.rollouts.library import RolloutLibrary
from chalicelib.rollouts.settlement import RolloutSettler
from chalicelib.rollouts.transitions import wait_for_approval
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.rollouts.examples import ID, SUBJECT, TENANT
from tests.unit.rollouts.test_advance import STAGES, World

JOB = JobInput(tenant=TENANT, job_id="other", kind="rollout", bucket="b", correlation_id="c")


@dataclass
class Owner:
    """A library of rollouts, and what the stage's machine does with them."""

    world: World = field(default_factory=World)
    jobs: FakeJobs = field(default_factory=FakeJobs)
    sent: list[str] = field(default_factory=list)

    @property
    def library(self) -> RolloutLibrary:
        records, bus = self.world.records, self.world.bus
        return RolloutLibrary(
            records=records,
            subjects={"prompt": self.world.subject},
            is_monitored=lambda tenant, subject: True,
            launcher=JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.world.now),
            settler=RolloutSettler(records, records, bus, lambda: self.world.now),
            tasks=self,
            now=lambda: self.world.now,
        )

    def succeed(self, token: str) -> None:
        self.sent.append(token)

    def begin(self) -> None:
        asking = STAGES[1].model_copy(update={"approval": True})
        request = CreateRolloutRequest(subject=SUBJECT, to="4", stages=(asking, STAGES[2]))
        for _ in range(2):
            planned = self.world.records.state(TENANT, ID)
            view = planned.rollout if planned else self.library.plan(TENANT, ID, request)
            self.library.begin(view, JOB, "key-1")

    def wait(self) -> None:
        self.world.look()
        self.world.serve(400)
        self.world.look(61)
        waiting = wait_for_approval(self.world.kept, "token")
        waiting = waiting.model_copy(update={"revision": self.world.kept.revision + 1})
        assert self.world.records.change(waiting, self.world.records.pointer(TENANT, SUBJECT))


def test_should_begin_once_and_refuse_another_of_its_subject() -> None:
    owner = Owner()
    owner.begin()
    assert [*owner.jobs.kept] == [(TENANT, ID)]
    assert owner.world.kept.key == "key-1"
    request = CreateRolloutRequest(subject=SUBJECT, to="5")
    with pytest.raises(Conflict, match=f"Rollout {ID} of faq runs"):
        owner.library.plan(TENANT, "other", request)


def test_should_decide_only_what_waits() -> None:
    owner = Owner()
    owner.begin()
    for decide in (owner.library.approve, owner.library.reject):
        with pytest.raises(Conflict, match="does not wait for a decision; it is preparing"):
            decide(TENANT, ID, "key-2", "")
    with pytest.raises(NotFound):
        owner.library.show(TENANT, "other")


def test_should_store_an_approval_and_wake_the_execution() -> None:
    owner = Owner()
    owner.begin()
    owner.wait()
    owner.library.approve(TENANT, ID, "key-2", "Fine.")
    assert owner.sent == ["token"]
    assert owner.world.kept.decided == (0,)
    with pytest.raises(Conflict, match="does not wait"):
        owner.library.approve(TENANT, ID, "key-2", "")
    owner.world.look()
    assert owner.world.kept.rollout.stage == 1
