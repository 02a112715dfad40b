"""Rollouts ended by a person, while a look goes on or their execution rests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from chalicelib.contracts.rollouts import RolloutView
from chalicelib.errors import Conflict
from chalicelib.rollouts.library import RolloutLibrary
from chalicelib.rollouts.settlement import RolloutSettler
from chalicelib.rollouts.transitions import pointer_of
from tests.unit.rollouts.examples import ID, NOW, SUBJECT, TENANT, state
from tests.unit.rollouts.fakes import FakeBus, FakeRollouts, FakeSubject


@dataclass
class World:
    """A rollout of the prompt `faq` from version 3 to 4, in its first stage."""

    records: FakeRollouts = field(default_factory=FakeRollouts)
    subject: FakeSubject = field(default_factory=FakeSubject)
    bus: FakeBus = field(default_factory=FakeBus)
    tokens: list[str] = field(default_factory=list)

    def begin(self, *, token: str = "", **changes: object) -> None:
        made = state(status="running", **changes).model_copy(update={"task_token": token})
        pointer = pointer_of(made)
        assert pointer is not None
        self.records.create(made, pointer)

    def succeed(self, token: str) -> None:
        self.tokens.append(token)

    def abort(self) -> RolloutView:
        return self.library.abort(TENANT, ID, "key-2", "")

    @property
    def library(self) -> RolloutLibrary:
        def now() -> datetime:
            return NOW

        return RolloutLibrary(
            records=self.records,
            subjects={"prompt": self.subject},
            is_monitored=lambda tenant, subject: False,
            launcher=None,  # type: ignore[arg-type]  # begins jobs, and none is begun here
            settler=RolloutSettler(self.records, self.records, self.bus, now),
            tasks=self,
            now=now,
        )


def test_an_abort_should_free_its_subject_before_the_execution_looks_again() -> None:
    world = World()
    world.begin(token="token-1")
    ended = world.abort()
    assert (ended.status, ended.reason) == ("rolled_back", "Aborted by key-2")
    assert world.records.kept[TENANT, ID].rollout.status == "rolled_back"
    assert world.records.pointer(TENANT, SUBJECT) is None
    assert world.tokens == ["token-1"]
    assert world.bus.types == ["rollout.rolled_back"]
    with pytest.raises(Conflict, match="has ended as rolled_back"):
        world.abort()


def test_an_abort_should_hold_although_others_keep_changing_the_rollout() -> None:
    world = World()
    world.begin()
    world.records.fails = 3
    assert world.abort().status == "rolled_back"
    assert world.records.stop(TENANT, ID) is not None, "the next look ends the rollout"


def test_an_abort_should_be_refused_once_the_label_points_to_the_candidate() -> None:
    world = World()
    world.begin(stage=3)
    world.subject.now_live = "4"
    with pytest.raises(Conflict, match="Version 4 is live already"):
        world.abort()
    assert world.records.stop(TENANT, ID) is None
