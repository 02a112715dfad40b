"""Rollouts ended by a person, while a look goes on or their execution rests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from chalicelib.contracts.rollouts import RolloutStop, RolloutView
from chalicelib.errors import Conflict
from chalicelib.rollouts.library import RolloutLibrary
from chalicelib.rollouts.settlement import RolloutSettler
from chalicelib.rollouts.transitions import end_rollout, pointer_of
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


def test_an_abort_should_say_that_a_look_was_quicker_to_promote() -> None:
    world = World()
    world.begin(stage=3)

    class Late(FakeRollouts):
        """Rollouts of which a look promotes one while it is aborted."""

        def put(self, stop: RolloutStop) -> None:
            self.put = super().put  # type: ignore[method-assign]  # once
            kept = self.kept[TENANT, ID]
            ended = end_rollout(kept, "promoted", "Every stage has passed.", NOW)
            promoted = world.subject.promoted(TENANT, ended.rollout, NOW)
            assert self.change(ended.model_copy(update={"revision": 2}), None, promoted)
            super().put(stop)

    world.records = Late(kept=world.records.kept, pointers=world.records.pointers)
    with pytest.raises(Conflict, match="Version 4 is live already"):
        world.abort()
    assert world.records.kept[TENANT, ID].rollout.status == "promoted"
    assert world.records.promotions == ["4"]
