"""The stage's functions that run models, as policies and environments name them."""

from __future__ import annotations

from typing import Any

from chalicelib.settings import GenerationSettings
from infra.synthesis.transforms import insert_model_functions, logical_id, model_functions
from tests.architecture.templates import plain

MARK = {"Ref": "ModelFunctions"}


def test_each_should_be_a_function_of_the_template() -> None:
    resources = plain("dev")["Resources"]
    for name in model_functions():
        function = resources[logical_id(name)]["Properties"]
        module, _, handler = function["Handler"].rpartition(".")
        own = f"functions.{name}.handler"
        assert (module, handler) in {(own, "handler"), ("functions.run_model.handler", name)}


def test_a_policy_should_have_their_arns_and_an_environment_their_names() -> None:
    template: dict[str, Any] = {
        "Statement": [{"Resource": MARK}, {"Resource": "*"}],
        "Variables": {"HEADRACE_MODEL_FUNCTIONS": MARK, "OTHER": {"Ref": "Stage"}},
    }
    insert_model_functions(template)
    asked = [each for each in model_functions() if each != "transcribe_speech"]
    arns = [{"Fn::GetAtt": [logical_id(each), "Arn"]} for each in asked]
    assert template["Statement"] == [{"Resource": arns}, {"Resource": "*"}]
    named = template["Variables"]["HEADRACE_MODEL_FUNCTIONS"]["Fn::Sub"]
    assert "generate_image=${GenerateImage}" in named.split()
    assert template["Variables"]["OTHER"] == {"Ref": "Stage"}
    settings = GenerationSettings(records_table="t", model_functions=named)
    assert tuple(settings.functions) == model_functions()


def test_who_may_ask_them_should_know_their_names() -> None:
    resources = plain("dev")["Resources"]
    asks = {
        name
        for name, resource in resources.items()
        if resource["Type"] == "AWS::IAM::Role" and "AskOurOwnModels" in str(resource)
    }
    knows = {
        resource["Properties"]["Role"]["Fn::GetAtt"][0]
        for resource in resources.values()
        if resource["Type"] == "AWS::Lambda::Function"
        and "HEADRACE_MODEL_FUNCTIONS"
        in resource["Properties"].get("Environment", {}).get("Variables", {})
    }
    assert asks == knows
    assert len(asks) == 6
