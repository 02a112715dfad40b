"""Provisioned throughput of custom models: its states, its limits, and what it keeps from going."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.bedrock.customisation.store import CREATING_S
from localcloud.errors import AwsError
from tests.unit.bedrock.customisation.test_service import World, members


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    made.service.start()
    yield made
    made.service.stop()


def provision(world: World, model: str, **changed: Any) -> str:
    given = {"provisionedModelName": "live", "modelId": model, "modelUnits": 1, **changed}
    made = world.service.throughputs.create_provisioned_model_throughput(given)
    return str(made["provisionedModelArn"])


def test_a_model_answers_once_it_is_in_service_and_stays_while_it_is_paid_for(
    world: World,
) -> None:
    job = world.ended(world.create())
    model, operations = job["outputModelArn"], world.service.throughputs
    arn = provision(world, model)
    shown = dict(operations.get_provisioned_model_throughput({"provisionedModelId": arn}))
    assert shown["status"] == "Creating"
    assert set(shown) <= members("GetProvisionedModelThroughput")
    assert shown["foundationModelArn"].endswith("foundation-model/amazon.nova-micro-v1:0:128k")
    with pytest.raises(AwsError, match="is Creating and not yet InService"):
        world.service.deployed(arn)
    world.later = CREATING_S
    found, path = world.service.deployed(arn)
    assert (found.request["customModelName"], path.read_bytes()) == ("notes", b"GGUF")
    with pytest.raises(AwsError, match="provisioned as live"):
        world.jobs.delete_custom_model({"modelIdentifier": model})
    filters = {"statusEquals": "InService", "modelArnEquals": model, "nameContains": "li"}
    (listed,) = dict(operations.list_provisioned_model_throughputs(filters))[
        "provisionedModelSummaries"
    ]
    assert listed["provisionedModelArn"] == arn
    operations.delete_provisioned_model_throughput({"provisionedModelId": "live"})
    with pytest.raises(AwsError, match="could not be found"):
        world.service.deployed(arn)
    world.jobs.delete_custom_model({"modelIdentifier": model})


def test_two_units_are_the_most_names_are_used_once_and_tokens_repeat(world: World) -> None:
    model = world.ended(world.create())["outputModelArn"]
    first = provision(world, model, clientRequestToken="once")
    assert provision(world, model, clientRequestToken="once") == first
    with pytest.raises(AwsError, match="in use"):
        provision(world, model)
    with pytest.raises(AwsError, match="2 model units without commitment, and uses 1"):
        provision(world, model, provisionedModelName="other", modelUnits=2)


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"provisionedModelName": "a b"}, "provisionedModelName has to satisfy the pattern"),
        ({"commitmentDuration": "OneMonth"}, "leave out commitmentDuration"),
        ({"modelId": "arn:aws:bedrock:us-east-1::foundation-model/a.b"}, "custom models alone"),
        ({"modelId": "arn:aws:bedrock:us-east-1:0:custom-model/a.b/none"}, "could not be found"),
    ],
)
def test_what_is_not_provisioned_is_refused(
    world: World, changed: dict[str, Any], says: str
) -> None:
    with pytest.raises(AwsError, match=says):
        provision(world, "notes", **changed)
