"""Which models a policy lets a role ask: those that are named, directly or through a profile."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.asking import name_models
from localcloud.iam.actions import needs_of
from localcloud.iam.needs import Place
from localcloud.iam.policy import Policy, Request, evaluate, parse

PLACE = Place("eu-west-1", "000000000000")
PSEUDO = {
    "${AWS::Partition}": "aws",
    "${AWS::Region}": PLACE.region,
    "${AWS::AccountId}": PLACE.account_id,
}
MICRO, LITE = "amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0"
IDS = st.builds(
    lambda geography, model: geography + model,
    st.sampled_from(["", "eu.", "us.", "global."]),
    st.sampled_from([MICRO, LITE, "anthropic.claude-haiku-4-5-20251001-v1:0"]),
)


def written(resource: Any) -> dict[str, Any]:
    statement = {"Sid": "Ask", "Effect": "Allow", "Action": "bedrock:InvokeModel"}
    return {"Version": "2012-10-17", "Statement": [{**statement, "Resource": resource}]}


def resolved(value: Any, model: str) -> Any:
    """Return `value` as a stage has it whose `ChatModelId` is `model`."""
    if isinstance(value, dict):
        if set(value) == {"Fn::Sub"}:
            text = str(value["Fn::Sub"])
            for name, put in {**PSEUDO, "${ChatModelId}": model}.items():
                text = text.replace(name, put)
            return text
        return {name: resolved(each, model) for name, each in value.items()}
    return [resolved(each, model) for each in value] if isinstance(value, list) else value


def policy(model: str, asked: Sequence[str] = ("${ChatModelId}",)) -> Policy:
    document = written({"Ref": "ChatModelId"})
    name_models({"Resources": {"Role": {"Policies": [{"PolicyDocument": document}]}}}, asked)
    return parse(json.dumps(resolved(document, model)), "asking")


def may_ask(allowed: Policy, model: str) -> bool:
    needs = needs_of("bedrock-runtime", "Converse", {"modelId": model}, PLACE)
    requests = [Request(need.action, need.resource, context=need.context) for need in needs]
    return all(evaluate(request, [allowed]).allowed for request in requests)


@given(chosen=IDS, asked=IDS)
def test_a_stage_should_ask_its_model_or_profile_and_no_other(chosen: str, asked: str) -> None:
    assert may_ask(policy(chosen), asked) is (asked == chosen)


@given(st.lists(IDS, max_size=3), IDS, IDS)
def test_models_that_are_listed_as_well_should_be_asked_as_well(
    listed: list[str], chosen: str, asked: str
) -> None:
    allowed = policy(chosen, ["${ChatModelId}", *listed])
    assert may_ask(allowed, asked) is (asked in {chosen, *listed})


@given(IDS)
def test_a_stage_without_a_model_should_ask_none(asked: str) -> None:
    assert not may_ask(policy(""), asked)


def test_a_model_should_not_be_asked_in_another_region() -> None:
    other = f"arn:aws:bedrock:us-east-1::foundation-model/{MICRO}"
    request = Request("bedrock:InvokeModel", other)
    assert not evaluate(request, [policy(MICRO)]).allowed


@pytest.mark.parametrize("resource", ["*", {"Ref": "Stage"}, [{"Ref": "ChatModelId"}]])
def test_any_other_statement_should_stay_as_it_is(resource: Any) -> None:
    template = {"Resources": {"Role": {"Policies": [written(resource)]}}}
    before = copy.deepcopy(template)
    name_models(template)
    assert template == before
