"""The stage's guardrail: who asks models knows of it, and may ask it only where there is one."""

from __future__ import annotations

from tests.architecture.templates import plain

BY_JOBS = {"HarvestBatch"}
"""Has whole jobs of Bedrock asked, which no guardrail can look into: it only has to know of one."""


def test_who_is_told_of_the_guardrail_should_be_let_ask_it_where_there_is_one() -> None:
    template = plain("local")
    resources = template["Resources"]
    told = {
        name
        for name, resource in resources.items()
        if "HEADRACE_GUARDRAIL_ID"
        in resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    }
    asks = {
        resource["Properties"]["RoleName"]["Ref"]: resource
        for resource in resources.values()
        if resource["Type"] == "AWS::IAM::RolePolicy"
        and resource["Properties"]["PolicyName"] == "AskGuardrail"
    }
    roles = {resources[name]["Properties"]["Role"]["Fn::GetAtt"][0] for name in told - BY_JOBS}
    assert set(asks) == roles
    assert told >= BY_JOBS
    for resource in asks.values():
        assert resource["Condition"] == "HasGuardrail"
        (statement,) = resource["Properties"]["PolicyDocument"]["Statement"]
        assert statement["Action"] == "bedrock:ApplyGuardrail"
        assert "guardrail/${GuardrailId}" in str(statement["Resource"])


def test_who_asks_models_by_the_router_should_be_told_of_the_guardrail() -> None:
    for name, resource in plain("local")["Resources"].items():
        given = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
        assert ("HEADRACE_SCREENING" in given) is ("HEADRACE_GUARDRAIL_ID" in given), name


def test_a_stage_should_have_no_guardrail_unless_it_is_given_one() -> None:
    parameters = plain("local")["Parameters"]
    assert parameters["GuardrailId"]["Default"] == ""
    assert parameters["GuardrailVersion"]["Default"] == "DRAFT"
