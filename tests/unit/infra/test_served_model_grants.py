"""Which models a policy lets a role ask: those that are served, directly or through a profile."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend
from infra.synthesis.transforms import insert_served_models
from localcloud.iam.actions import required_permissions
from localcloud.iam.policy import AccessRequest, PolicyDocument, evaluate, parse_policy
from localcloud.iam.resources import AccountResources

PLACE = AccountResources("eu-west-1", "000000000000")
PSEUDO = {
    "${AWS::Partition}": "aws",
    "${AWS::Region}": PLACE.region,
    "${AWS::AccountId}": PLACE.account_id,
}
BACKENDS = [
    model.backend
    for model in served_models().models.values()
    if isinstance(model.backend, BedrockBackend)
]
BY_PROFILE = [backend.model_id for backend in BACKENDS if backend.profiles]
GEOGRAPHIES = st.sampled_from(["eu.", "us.", "global."])


def written(resource: Any) -> dict[str, Any]:
    statement = {"Sid": "Ask", "Effect": "Allow", "Action": "bedrock:InvokeModel"}
    return {
        "Version": "2012-10-17",
        "Statement": [{**statement, "Resource": resource}],
    }


def resolved(value: Any, *, customises: bool = False) -> Any:
    """Return `value` as a stage has it that fine-tunes models or not."""
    if isinstance(value, dict):
        if set(value) == {"Fn::If"}:
            assert value["Fn::If"][0] == "Customises"
            return resolved(value["Fn::If"][1 if customises else 2], customises=customises)
        if set(value) == {"Fn::Sub"}:
            text = str(value["Fn::Sub"])
            for name, put in PSEUDO.items():
                text = text.replace(name, put)
            return text
        return {name: resolved(each, customises=customises) for name, each in value.items()}
    if not isinstance(value, list):
        return value
    parts = [resolved(each, customises=customises) for each in value]
    return [each for each in parts if each != {"Ref": "AWS::NoValue"}]


def policy(*, customises: bool = False) -> PolicyDocument:
    document = written({"Ref": "ServedModels"})
    insert_served_models({"Resources": {"Role": {"Policies": [{"PolicyDocument": document}]}}})
    return parse_policy(json.dumps(resolved(document, customises=customises)), "asking")


ALLOWED = policy()


def may_ask(model: str, allowed: PolicyDocument = ALLOWED) -> bool:
    needs = required_permissions("bedrock-runtime", "Converse", {"modelId": model}, PLACE)
    requests = [AccessRequest(need.action, need.resource, context=need.context) for need in needs]
    return all(evaluate(request, [allowed]).allowed for request in requests)


def test_only_a_stage_that_fine_tunes_models_asks_what_is_deployed_of_them() -> None:
    deployment = PLACE.arn("bedrock", "custom-model-deployment/abc123def456")
    tuning = policy(customises=True)
    imported = PLACE.arn("bedrock", "imported-model/abc123def456")
    for own in (deployment, imported):
        assert may_ask(own, tuning)
        assert not may_ask(own)
    assert not may_ask(deployment.replace(PLACE.account_id, "111111111111"), tuning)


@pytest.mark.parametrize("backend", BACKENDS, ids=lambda backend: backend.model_id)
def test_a_role_should_ask_each_model_that_is_served(backend: BedrockBackend) -> None:
    assert may_ask(backend.model_id)


@given(GEOGRAPHIES, st.sampled_from(BY_PROFILE))
def test_a_role_should_ask_a_served_model_through_its_profiles(geography: str, model: str) -> None:
    assert may_ask(geography + model)


@given(st.sampled_from(["", "eu.", "us.", "global."]), st.sampled_from(BY_PROFILE))
def test_a_role_should_ask_no_model_that_is_not_served(geography: str, model: str) -> None:
    assert not may_ask(f"{geography}{model}0")
    assert not may_ask(f"{geography}another.{model}")


@pytest.mark.parametrize("resource", ["*", {"Ref": "ChatModelId"}, [{"Ref": "ServedModels"}]])
def test_any_other_statement_should_stay_as_it_is(resource: Any) -> None:
    template = {"Resources": {"Role": {"Policies": [written(resource)]}}}
    before = copy.deepcopy(template)
    insert_served_models(template)
    assert template == before
