"""Rollouts that move the weights of an endpoint's variants on the local SageMaker."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from chalicelib.adapters.sagemaker_variants import SageMakerVariants
from chalicelib.contracts.rollout_weights import EndpointWeights
from chalicelib.errors import Conflict, NotFound
from chalicelib.rollouts.advance import NextLook
from tests.integration.sagemaker.conftest import Bench, eventually
from tests.integration.sagemaker.test_variants import answers, divided, weights
from tests.unit.rollouts.fakes import FakeSubject
from tests.unit.rollouts.test_advance import World
from tests.unit.rollouts.test_endpoint_weights import OWN, STAGES


def rolling(bench: Bench) -> World:
    """Return a rollout from `champion` to `challenger` of the endpoint `e`."""
    divided(bench, 1, 0)
    world = World(
        subject=FakeSubject(now_live="own"),
        endpoint=SageMakerVariants(bench.sagemaker),  # type: ignore[arg-type]
        find=lambda tenant, live, to: EndpointWeights(endpoint="e", candidate="challenger"),
    )
    world.begin(subject=OWN, live="own", to="own@challenger", stages=STAGES)
    return world


def at_rest(world: World) -> NextLook:
    """Look until the endpoint has the weights of the stage."""

    def look() -> NextLook | None:
        found = world.look(5)
        kept = world.kept.rollout.weights
        return found if kept is not None and not kept.reason else None

    found: NextLook = eventually(look)
    return found


def current(bench: Bench) -> dict[str, float]:
    return {name: round(current, 4) for name, (current, _, _) in weights(bench).items()}


def test_who_asks_the_endpoint_itself_should_be_shared_as_the_stages_say(
    make_bench: Callable[..., Bench],
) -> None:
    bench = make_bench()
    world = rolling(bench)
    world.look()
    assert bench.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Updating"
    at_rest(world)
    assert current(bench) == {"champion": 0.8, "challenger": 0.2}
    bench = make_bench()  # the power fails, and the weights are there
    world.endpoint = SageMakerVariants(bench.sagemaker)  # type: ignore[assignment]
    assert current(bench) == {"champion": 0.8, "challenger": 0.2}
    world.serve(400)
    at_rest(world)
    assert answers(bench) == {("challenger", "new")}
    assert answers(bench, TargetVariant="champion") == {("champion", "old")}, "arms stay"
    world.serve(50)
    assert at_rest(world).action == "ended"
    assert world.status == "promoted"
    assert current(bench) == {"champion": 0, "challenger": 1}


def test_a_bad_variant_should_lose_its_weight_within_seconds(bench: Bench) -> None:
    world = rolling(bench)
    world.look()
    at_rest(world)
    world.serve(400, candidate_errors=2)
    assert world.look(5).action == "stop"
    stopped_at = time.monotonic()
    assert at_rest(world).action == "ended"
    assert time.monotonic() - stopped_at < 10
    assert answers(bench) == {("champion", "old")}
    assert current(bench) == {"champion": 1, "challenger": 0}


def test_what_sagemaker_refuses_should_be_told_by_kind(bench: Bench) -> None:
    world = rolling(bench)
    variants = SageMakerVariants(bench.sagemaker)
    with pytest.raises(NotFound):
        variants.traffic("none")
    with pytest.raises(NotFound):
        variants.set_weights("none", {"champion": 1})
    with pytest.raises(Conflict, match="no variant x"):
        variants.set_weights("e", {"x": 1})
    variants.set_weights("e", {"champion": 1})
    with pytest.raises(Conflict, match="Cannot update in-progress endpoint"):
        variants.set_weights("e", {"champion": 1})
    bench.settled("e")
    world.look()
    bench.settled("e")
    bench.sagemaker.delete_endpoint(EndpointName="e")
    gone = eventually(lambda: world.look(5).reason)
    assert gone == "There is no endpoint e any more."
    world.look()
    assert world.status == "rolled_back"
