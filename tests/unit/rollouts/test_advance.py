"""Rollouts from look to look: promoted, stopped, asked about, cut off and repeated."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from chalicelib.contracts.rollouts import RolloutStage, RolloutStop, SmokeRequest
from chalicelib.errors import Transient
from chalicelib.rollouts.advance import NextLook, RolloutAdvance
from chalicelib.rollouts.endpoint_weights import FindVariants, WeightShift
from chalicelib.rollouts.records import RolloutState
from chalicelib.rollouts.rollout_weights import RolloutWeights, no_variants
from chalicelib.rollouts.transitions import ObservedCalls, approve_stage, pointer_of
from tests.unit.rollouts.examples import ID, NOW, TENANT, call, state
from tests.unit.rollouts.fakes import FakeBus, FakeCalls, FakeEndpoint, FakeRollouts, FakeSubject

STAGES = (
    RolloutStage(share=0, shadow=True, dwell_seconds=60, max_dwell_seconds=600, min_calls=50),
    RolloutStage(share=25, dwell_seconds=60, max_dwell_seconds=600, min_calls=50),
    RolloutStage(share=100, dwell_seconds=60, max_dwell_seconds=600, min_calls=50),
)


@dataclass
class World:
    """A rollout of the prompt `faq` from version 3 to 4, and calls of it."""

    records: FakeRollouts = field(default_factory=FakeRollouts)
    subject: FakeSubject = field(default_factory=FakeSubject)
    calls: FakeCalls = field(default_factory=FakeCalls)
    bus: FakeBus = field(default_factory=FakeBus)
    endpoint: FakeEndpoint = field(default_factory=FakeEndpoint)
    find: FindVariants = no_variants
    now: datetime = NOW

    def begin(self, **changes: object) -> None:
        made = state(**{"stages": STAGES, **changes})
        pointer = pointer_of(made)
        assert pointer is not None
        self.records.create(made, pointer)

    @property
    def advance(self) -> RolloutAdvance:
        subjects = {"prompt": self.subject, "model": self.subject}
        return RolloutAdvance(
            self.records,
            subjects,  # type: ignore[arg-type]
            self.calls,
            RolloutWeights(self.records, WeightShift(self.endpoint), self.find),
            self.bus,
            lambda: self.now,
        )

    @property
    def kept(self) -> RolloutState:
        return self.records.kept[TENANT, ID]

    @property
    def status(self) -> str:
        return self.kept.rollout.status

    def look(self, seconds: int = 0) -> NextLook:
        self.now += timedelta(seconds=seconds)
        look = self.advance.look(self.kept)
        if look.action == "stop":
            assert look.stopper is not None
            self.stop(look.reason)
        return look

    def stop(self, reason: str) -> None:
        self.records.put(
            RolloutStop(tenant=TENANT, rollout_id=ID, by="guard", reason=reason, at=self.now)
        )

    def serve(self, count: int, *, candidate_errors: int = 0) -> None:
        """Add calls of both arms, as many each; every `candidate_errors`th of one fails."""
        first = len(self.calls.calls)
        for n in range(first, first + count):
            bad = candidate_errors > 0 and n % candidate_errors == 0
            self.calls.calls += [call(n), call(n, "candidate", error=bad)]


def test_should_promote_stage_by_stage() -> None:
    world = World()
    world.begin()
    assert world.look().action == "shadow"
    assert world.records.pointers[TENANT, "prompt#faq@production"].shadow
    world.serve(400)
    assert world.look(61).action == "wait"
    assert world.records.pointers[TENANT, "prompt#faq@production"].share == 25
    assert world.look(61).reason == "", "no calls, nothing is proven, and nothing happens"
    assert world.kept.rollout.stage == 1
    world.serve(400)
    world.look(1)
    assert world.kept.rollout.stage == 2
    world.serve(50)
    assert world.look(61).action == "ended"
    assert world.status == "promoted"
    assert world.records.promotions == ["4"]
    assert world.records.pointers == {}
    assert world.bus.types == [*["rollout.advanced"] * 3, "rollout.promoted"]
    reports = world.kept.rollout.reports
    assert [each.candidate_calls for each in reports] == [400, 400, 50]
    assert all(each.ended_at for each in reports)


def test_should_stop_a_bad_version_once_and_never_promote_it() -> None:
    world = World()
    world.begin()
    world.look()
    world.serve(400, candidate_errors=5)
    look = world.look(5)
    assert (look.action, look.stopper) == ("stop", "guard")
    assert look.reason.startswith("errors in the shadow stage: 80 of 400 calls of the candidate")
    for _ in range(3):
        assert world.look(1).action == "ended"
    assert world.status == "rolled_back"
    assert world.kept.rollout.reason == look.reason
    assert world.records.promotions == []
    assert world.bus.types == ["rollout.advanced", "rollout.rolled_back"]


def test_should_neither_promote_nor_roll_back_without_data_but_ask() -> None:
    world = World()
    world.begin()
    world.look()
    for _ in range(3):
        assert world.look(100).action == "shadow"
    look = world.look(400)
    assert look.action == "approve"
    assert "0 of 50 calls" in look.reason
    assert world.status == "waiting"
    assert world.look(60).action == "approve"
    assert world.bus.types == ["rollout.advanced", "rollout.waiting"], "a person is asked once"


def test_should_go_on_where_a_person_says_so() -> None:
    world = World()
    asking = STAGES[1].model_copy(update={"approval": True})
    world.begin(stages=(asking, STAGES[2]))
    world.look()
    world.serve(400)
    assert world.look(61).action == "approve"
    approved = approve_stage(world.kept, "key-2", "Looks good.", world.now)
    approved = approved.model_copy(update={"revision": world.kept.revision + 1})
    assert world.records.change(approved, pointer_of(approved))
    world.look()
    assert world.kept.rollout.stage == 1
    report = world.kept.rollout.reports[0]
    assert (report.approved_by, report.note) == ("key-2", "Looks good.")


def test_should_watch_while_it_waits_for_a_person() -> None:
    world = World()
    asking = STAGES[1].model_copy(update={"approval": True})
    world.begin(stages=(asking, STAGES[2]))
    world.look()
    world.serve(400)
    world.look(61)
    world.serve(400, candidate_errors=3)
    assert world.look(60).action == "stop"


def test_should_let_a_move_by_hand_overrule_it() -> None:
    world = World()
    world.begin()
    world.look()
    world.subject.now_live = "2"
    look = world.look(1)
    assert (look.action, look.stopper) == ("stop", "person")
    assert look.reason == "Version 2 of faq was made live by hand; it was 3."
    world.look()
    assert world.status == "rolled_back"
    assert world.subject.now_live == "2"


def test_should_answer_smoke_requests_before_any_user_meets_it() -> None:
    world = World()
    world.begin(smoke=(SmokeRequest(input={"question": "Where?"}),))
    world.calls.smoke = None
    assert world.look().action == "shadow"
    assert world.status == "preparing"
    world.calls.smoke = "Request 1: ModelFailure."
    look = world.look()
    assert (look.action, look.stopper, look.reason) == ("stop", "smoke", "Request 1: ModelFailure.")
    world.look()
    assert world.status == "rolled_back"
    assert all(not each.share for each in world.records.pointers.values())


def test_should_do_a_look_again_that_was_cut_off() -> None:
    """Whatever is lost before its write is done again; what was written is not done twice."""
    world = World()
    world.begin()
    world.look()
    world.serve(400)
    before = world.kept
    world.records.fails = 1
    with pytest.raises(Transient):
        world.look(61)
    assert world.kept == before
    world.look()
    assert world.kept.rollout.reports[0].candidate_calls == 400
    stale = before
    with pytest.raises(Transient):
        world.advance.look(stale)
    assert world.kept.rollout.stage == 1


def test_should_not_promote_what_was_rejected_meanwhile() -> None:
    world = World()
    world.begin(stages=(STAGES[1], STAGES[2]))
    world.look()
    world.serve(400)
    world.look(61)
    world.serve(50)
    world.subject.rejected = ("4",)
    look = world.look(61)
    assert (look.action, look.reason) == ("stop", "Version 4 did not pass.")
    world.look()
    assert (world.status, world.records.promotions) == ("rolled_back", [])


def test_should_write_the_choice_of_a_model_with_the_end() -> None:
    world = World()
    world.begin(stages=(STAGES[1], STAGES[2]))
    world.look()
    world.serve(400)
    world.look(61)
    world.serve(50)
    world.look(61)
    (choice,) = world.records.choices.values()
    assert (choice.version, choice.rollout_id) == ("4", ID)


def test_should_look_less_often_the_longer_a_stage_lasts() -> None:
    world = World()
    slow = STAGES[1].model_copy(update={"dwell_seconds": 0, "max_dwell_seconds": 900_000})
    world.begin(stages=(slow, STAGES[2]), window_seconds=10)
    world.look()
    seconds = [world.look(elapsed).seconds for elapsed in (1, 99, 900, 100_000)]
    assert seconds == [10, 10, 50, 3_600]


@dataclass
class StoppedCalls(FakeCalls):
    """Calls during whose counting a person stops the rollout."""

    world: World | None = None

    def since(self, state: RolloutState, now: datetime) -> ObservedCalls:
        if self.world is not None:
            self.world.stop("Aborted.")
        return super().since(state, now)


def test_should_not_promote_what_was_stopped_while_calls_were_counted() -> None:
    world = World(calls=StoppedCalls())
    world.begin(stages=STAGES[1:])
    world.look()
    world.serve(400)
    world.look(61)
    world.serve(50)
    assert isinstance(world.calls, StoppedCalls)
    world.calls.world = world
    with pytest.raises(Transient):
        world.look(61)
    assert world.look().action == "ended"
    assert world.status == "rolled_back"
    assert world.records.promotions == []


def test_a_stop_should_come_too_late_once_the_label_was_moved_by_hand() -> None:
    world = World()
    world.begin(stages=STAGES[1:])
    world.look()
    world.serve(400)
    world.look(61)
    world.subject.now_live = "4"
    world.stop("Aborted.")
    assert world.look().action == "ended"
    assert world.status == "promoted"
    assert world.bus.types[-1] == "rollout.promoted"
