"""Weights of an endpoint's variants, moved look by look, cut off, repeated and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.rollout_weights import MAX_WEIGHT_ATTEMPTS, EndpointWeights
from chalicelib.contracts.rollouts import LivePointer, RolloutStage, Subject
from chalicelib.errors import Conflict, NotFound, Throttled, Transient
from chalicelib.generation.model_file import parse_served_models
from chalicelib.rollouts.arms import LiveTraffic, assign_version
from chalicelib.rollouts.endpoint_weights import WeightShift, divided_variants
from chalicelib.rollouts.records import PromotedVersion, RolloutState
from chalicelib.rollouts.rollout_weights import RolloutWeights
from chalicelib.rollouts.settlement import RolloutSettler
from tests.unit.rollouts.examples import ID, TENANT
from tests.unit.rollouts.fakes import FakeEndpoint, FakeRollouts, FakeSubject
from tests.unit.rollouts.test_advance import World

OWN = Subject(kind="model", name="own")
STAGES = (
    RolloutStage(share=20, dwell_seconds=0, max_dwell_seconds=600, min_calls=50),
    RolloutStage(share=100, dwell_seconds=0, max_dwell_seconds=600, min_calls=50),
)
JOB = JobInput(tenant=TENANT, job_id=ID, kind="rollout", bucket="b", correlation_id="c")


def variants(tenant: str, live: str, to: str) -> EndpointWeights:
    return EndpointWeights(endpoint="e", candidate="next")


def rolling(**parts: Any) -> World:
    """Return a rollout of the model `own`, by weights, to the variant `next` of its endpoint."""
    subject = FakeSubject(now_live="own")
    world = World(subject=subject, find=variants, **parts)
    world.begin(subject=OWN, live="own", to="own@next", stages=STAGES)
    return world


def weights(world: World) -> EndpointWeights:
    found = world.kept.rollout.weights
    assert found is not None
    return found


def broken(world: World) -> str:
    """Return why a rollout cannot go on, once it is rolled back."""
    look = world.look()
    assert (look.action, look.stopper) == ("stop", "failure"), look
    world.look()
    assert world.status == "rolled_back"
    return world.kept.rollout.reason


def test_weights_should_follow_the_stages_and_stay_with_who_is_promoted() -> None:
    world = rolling(endpoint=FakeEndpoint({"main": 3.0, "next": 0.0, "other": 0.0}))
    first = world.look()
    assert (first.action, first.seconds) == ("approve", 5), "a stop wakes it"
    assert world.endpoint.weights == {"main": 2.4, "next": 0.6, "other": 0.0}
    assert weights(world).reason == "next gets 20 % of the weight."
    world.serve(400)
    world.look(5)
    assert world.endpoint.weights == {"main": 0.0, "next": 3.0, "other": 0.0}
    world.serve(50)
    assert world.look(5).action == "ended"
    assert (world.status, weights(world).share) == ("promoted", 100)
    assert world.records.choices[TENANT, OWN.key].version == "own@next"
    assert len(world.endpoint.moves) == 2


def test_the_live_arm_should_keep_its_variant_while_weights_are_divided() -> None:
    world = rolling()
    world.look()
    pointer = world.records.pointers[TENANT, OWN.key]
    assert (pointer.live, pointer.live_as, pointer.to) == ("own", "own@main", "own@next")
    traffic = LiveTraffic({OWN.key: pointer})
    answering = {
        assign_version(traffic, TENANT, OWN.key, f"user-{n}", "own").version for n in range(40)
    }
    assert answering == {"own@main", "own@next"}


def test_a_guard_should_give_all_weight_back() -> None:
    world = rolling()
    world.look()
    world.serve(400, candidate_errors=2)
    assert world.look(5).stopper == "guard"
    assert world.endpoint.weights == {"main": 0.8, "next": 0.2}, "who stops moves no weight"
    assert world.look().action == "wait"
    assert world.endpoint.weights == {"main": 1.0, "next": 0.0}
    assert world.status == "rolled_back"
    assert world.look().action == "ended"
    assert (weights(world).share, weights(world).reason) == (0, "")


def test_an_endpoint_that_is_updated_should_hold_the_stage_but_no_guard() -> None:
    world = rolling()
    world.look()
    world.endpoint.status = "Updating"
    world.serve(400)
    look = world.look(5)
    assert (world.kept.rollout.stage, weights(world).reason) == (0, "The endpoint e is Updating.")
    assert look.seconds == 10, "it is looked at ever more seldom"
    assert world.kept.rollout.reports[0].candidate_calls == 400
    world.endpoint.status = "InService"
    world.look()
    assert world.kept.rollout.stage == 1
    world.endpoint.status = "Updating"
    world.serve(400, candidate_errors=2)
    assert world.look(5).stopper == "guard"


def test_what_cannot_be_moved_should_be_tried_again_with_bounds_and_then_rolled_back() -> None:
    world = rolling()
    world.endpoint.errors = [Throttled("Slow down."), Transient("Cut off.")]
    assert world.look().seconds == 5
    assert (weights(world).attempts, weights(world).reason) == (1, "Slow down.")
    assert world.look().seconds == 10
    assert world.status == "preparing", "no stage begins before"
    world.look()
    assert world.endpoint.weights["next"] == 0.2
    world.endpoint.status = "SystemUpdating"
    looks = 1
    while (look := world.look(300)).action != "stop":
        looks += 1
    assert looks == MAX_WEIGHT_ATTEMPTS - 1, "the move itself was the first"
    assert "could not be moved to 20 %: The endpoint e is SystemUpdating." in look.reason
    while world.look().action != "ended":
        looks += 1
    assert looks == 2 * MAX_WEIGHT_ATTEMPTS - 2
    assert (world.status, weights(world).share) == ("rolled_back", 0)
    assert weights(world).reason == "The endpoint e is SystemUpdating.", "the record says so"


def test_weights_that_were_moved_by_hand_should_overrule_a_rollout_and_stay() -> None:
    world = rolling()
    world.look()
    world.look(5)
    world.endpoint.weights = {"main": 1.0, "next": 0.0}
    assert broken(world) == "The weights of e were moved by hand: main 1, next 0."
    world = rolling()
    world.look()
    world.endpoint.weights = {"main": 0.5, "next": 0.5}
    assert broken(world) == "The weights of e were moved by hand: main 0.5, next 0.5."
    assert world.endpoint.weights == {"main": 0.5, "next": 0.5}
    assert world.look().action == "ended"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (FakeEndpoint(errors=[NotFound("Gone.")] * 3), "There is no endpoint e any more."),
        (FakeEndpoint(status="Deleting"), "The endpoint e is Deleting."),
        (FakeEndpoint({"main": 1.0}), "The endpoint e has no variant next."),
        (
            FakeEndpoint({"main": 1.0, "other": 1.0, "next": 0.0}),
            "e serves by main, other; give all weight to one variant first.",
        ),
    ],
)
def test_an_endpoint_that_cannot_be_divided_should_be_named(given: FakeEndpoint, why: str) -> None:
    world = rolling(endpoint=given)
    assert broken(world) == why
    assert world.look().action == "ended"
    assert given.moves == []


def test_a_candidate_with_weight_should_wait_for_who_takes_it_away_but_not_for_long() -> None:
    world = rolling(endpoint=FakeEndpoint({"main": 0.8, "next": 0.2}))
    for _ in range(3):
        assert world.look().action == "wait"
    assert broken(world).startswith("The variant next of e has the weight 0.2 already; set it to 0")
    world = rolling(endpoint=FakeEndpoint({"main": 0.8, "next": 0.2}))
    world.look()
    world.endpoint.weights = {"main": 1.0, "next": 0.0}
    world.look()
    assert world.status == "running"


class Killed(Exception):  # noqa: N818 - named for what it is
    """Raised where a process ends."""


@dataclass
class Kills:
    """Ends the process before or after its `at`th effect on the world, once."""

    at: int
    before: bool
    effects: int = 0

    def around(self, effect: Callable[[], Any]) -> Any:
        self.effects += 1
        if self.effects == self.at and self.before:
            raise Killed
        done = effect()
        if self.effects == self.at:
            raise Killed
        return done


@dataclass
class MortalRollouts(FakeRollouts):
    kills: Kills = field(default_factory=lambda: Kills(0, before=True))

    def change(
        self,
        after: RolloutState,
        pointer: LivePointer | None,
        promoted: PromotedVersion | None = None,
    ) -> bool:
        change = super().change
        return bool(self.kills.around(lambda: change(after, pointer, promoted)))

    def mark_told(self, state: RolloutState) -> None:
        mark_told = super().mark_told
        self.kills.around(lambda: mark_told(state))

    def annotate(self, after: RolloutState) -> bool:
        annotate = super().annotate
        return bool(self.kills.around(lambda: annotate(after)))


@dataclass
class MortalEndpoint(FakeEndpoint):
    kills: Kills = field(default_factory=lambda: Kills(0, before=True))

    def set_weights(self, endpoint: str, weights: Any) -> None:
        set_weights = super().set_weights
        self.kills.around(lambda: set_weights(endpoint, weights))


def ended(kills: Kills, candidate_errors: int) -> World:
    """Return a rollout after its end, whose process is killed once and whose looks are doubled."""
    world = rolling(records=MortalRollouts(kills=kills), endpoint=MortalEndpoint(kills=kills))
    for _ in range(30):
        world.serve(100, candidate_errors=candidate_errors)
        stale = world.kept
        try:
            look = world.look(5)
        except Killed:
            continue
        if look.action == "ended":
            return world
        try:
            world.advance.look(stale)
        except (Killed, Transient):
            continue
    return pytest.fail("it did not end")


@pytest.mark.parametrize(
    ("errors", "status", "share"), [(0, "promoted", 1.0), (2, "rolled_back", 0.0)]
)
def test_a_kill_at_each_step_should_leave_the_weights_where_the_rollout_ended(
    errors: int, status: str, share: float
) -> None:
    counted = Kills(0, before=True)
    ended(counted, errors)
    assert counted.effects > 6
    for at in range(1, counted.effects + 1):
        for before in (True, False):
            world = ended(Kills(at, before=before), errors)
            assert world.status == status, (at, before, world.kept.rollout.reason)
            assert world.endpoint.weights == {"main": 1.0 - share, "next": share}
            assert (weights(world).share, weights(world).reason) == (share * 100, "")


def test_who_settles_a_dead_execution_should_take_the_weight_away() -> None:
    world = rolling()
    world.look()
    moved = RolloutWeights(world.records, WeightShift(world.endpoint))
    settler = RolloutSettler(world.records, world.records, world.bus, lambda: world.now, moved)
    with pytest.raises(Transient, match="next gets 0 % of the weight"):
        settler.rollout_ended(JOB)
    settler.rollout_ended(JOB)
    assert world.status == "rolled_back"
    assert world.endpoint.weights == {"main": 1.0, "next": 0.0}
    assert world.kept.rollout.reason == "Its execution ended before the rollout did."
    settler.rollout_ended(JOB)
    assert len(world.endpoint.moves) == 2


def test_the_next_rollout_should_keep_its_pointer_while_weights_of_the_last_are_settled() -> None:
    world = rolling()
    world.look()
    world.stop("Aborted.")
    world.endpoint.errors = [Conflict("Cannot update in-progress endpoint.")]
    assert world.look().action == "wait"
    following = LivePointer(subject=OWN, rollout_id="next", live="own", to="own@next", salt="next")
    world.records.pointers[TENANT, OWN.key] = following
    world.look()
    world.look()
    assert world.endpoint.weights == {"main": 1.0, "next": 0.0}
    assert world.records.pointers[TENANT, OWN.key] == following


def test_only_the_tenant_of_the_catalogue_should_move_weights_of_one_endpoint() -> None:
    backend = {"kind": "endpoint", "endpoint": "e", "schema": "openai-chat"}
    entry = {
        "title": "Own",
        "provider": "us",
        "task": "chat",
        "tier": 1,
        "licence": "Apache-2.0",
        "limits": {"context_tokens": 256, "output_tokens": 64},
        "inputs": ["text"],
        "outputs": ["text"],
        "abilities": [],
        "lifecycle": {"status": "active"},
    }
    served = parse_served_models(
        {
            "facts": {"date": "2026-11-30", "sources": ["a test"]},
            "areas": {},
            "models": [
                {"name": "own", **entry, "backend": {**backend, "weights_tenant": TENANT}},
                {"name": "shared", **entry, "backend": backend},
            ],
        }
    )
    found = divided_variants(served, TENANT, "own", "own@next")
    assert found == EndpointWeights(endpoint="e", candidate="next")
    named = divided_variants(served, TENANT, "own@main", "own@next")
    assert named is not None
    assert named.live == "main"
    for tenant, live, to in (
        ("other", "own", "own@next"),
        (TENANT, "shared", "shared@next"),
        (TENANT, "own@main", "own"),
        (TENANT, "shared", "own@next"),
        (TENANT, "", ""),
    ):
        assert divided_variants(served, tenant, live, to) is None
