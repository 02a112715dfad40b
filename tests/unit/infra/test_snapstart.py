from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from chalicelib.generation.catalogue import catalogue
from infra.costs.idle import cost_lines, idle_charges
from infra.synthesis.snapstart import SnapStartError, snap_start, snap_start_prices
from tests.architecture.templates import plain

CHOSEN = ("APIHandler", "Authorizer", "EmbedText", "ObjectCreated", "ChunkDocument", "Sweep")


def template(**properties: Any) -> dict[str, Any]:
    function = {"Runtime": "python3.13", "Role": {"Fn::GetAtt": ["Role", "Arn"]}, **properties}
    return {
        "Parameters": {"Stage": {"Type": "String"}, "Model": {"Type": "String"}},
        "Resources": {
            "F": {"Type": "AWS::Lambda::Function", "Properties": function},
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Name": {"Fn::Sub": "on-${Stage}-${F}"},
                    "Targets": [{"Id": "t", "Arn": {"Fn::GetAtt": ["F", "Arn"]}}],
                },
            },
        },
        "Outputs": {"Name": {"Value": {"Ref": "F"}}},
    }


def version_of(made: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    kind = "AWS::Lambda::Version"
    (name,) = [name for name, each in made["Resources"].items() if each["Type"] == kind]
    return name, made["Resources"][name]


def test_should_lead_every_reference_to_the_alias() -> None:
    made = template()
    snap_start(made, ["F"])
    resources = made["Resources"]
    version_id, version = version_of(made)
    assert resources["F"]["Properties"]["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert version["Properties"] == {"FunctionName": {"Ref": "F"}}
    assert resources["FLive"]["Properties"] == {
        "Name": "live",
        "FunctionName": {"Ref": "F"},
        "FunctionVersion": {"Fn::GetAtt": [version_id, "Version"]},
    }
    rule = resources["Rule"]["Properties"]
    assert rule["Targets"][0]["Arn"] == {"Ref": "FLive"}
    assert rule["Name"] == {"Fn::Sub": "on-${Stage}-${FLive}"}
    assert made["Outputs"]["Name"]["Value"] == {"Ref": "FLive"}
    assert resources["F"]["Properties"]["Role"] == {"Fn::GetAtt": ["Role", "Arn"]}


def test_should_publish_anew_when_code_settings_or_parameters_change() -> None:
    ids = set()
    for code in ("one", "two"):
        made = template(Code={"S3Key": code}, Environment={"Variables": {"M": {"Ref": "Model"}}})
        snap_start(made, ["F"])
        version_id, version = version_of(made)
        ids.add(version_id)
        assert version["Properties"]["Description"] == {"Fn::Join": [" ", [{"Ref": "Model"}]]}
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("properties", "why"),
    [
        ({"Runtime": "python3.11"}, "python3.12"),
        ({"Runtime": "nodejs22.x"}, "python3.12"),
        ({"EphemeralStorage": {"Size": 1024}}, "1024 MB"),
        ({"FileSystemConfigs": [{}]}, "file system"),
        ({"Environment": {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/x"}}}, "loop of its own"),
    ],
)
def test_should_refuse_a_function_of_which_no_snapshot_can_be_taken(
    properties: dict[str, Any], why: str
) -> None:
    made = template(**properties)
    before = copy.deepcopy(made)
    with pytest.raises(SnapStartError, match=why):
        snap_start(made, ["F"])
    assert made == before


def test_should_name_the_functions_that_there_are_when_one_is_not() -> None:
    with pytest.raises(SnapStartError, match=r"no function G; SnapStart is for F\."):
        snap_start(template(), ["F", "G"])


def test_should_leave_nothing_of_the_stage_that_calls_past_the_alias() -> None:
    made = copy.deepcopy(plain("dev"))
    deployments = deployments_of(made)
    snap_start(made, CHOSEN)
    for name in CHOSEN:
        for other, resource in made["Resources"].items():
            if other == name or resource["Type"] in ("AWS::Lambda::Version", "AWS::Lambda::Alias"):
                continue
            said = json.dumps(resource)
            for reference in (
                f'"Ref": "{name}"',
                f'["{name}", "Arn"]',
                f"${{{name}.",
                f"${{{name}}}",
            ):
                assert reference not in said, (other, reference)
    assert deployments_of(made).isdisjoint(deployments)
    said = json.dumps(made)
    assert all(f'"{each}"' in said for each in deployments_of(made))
    assert not any(f'"{each}"' in said for each in deployments)


def deployments_of(made: dict[str, Any]) -> set[str]:
    kind = "AWS::ApiGateway::Deployment"
    return {name for name, each in made["Resources"].items() if each["Type"] == kind}


def test_should_say_what_the_bill_of_standing_things_says() -> None:
    made = copy.deepcopy(plain("dev"))
    snap_start(made, CHOSEN)
    said = sum(price.kept for price in snap_start_prices(made, CHOSEN, catalogue()))
    billed = cost_lines(idle_charges(made, {"Stage": "dev"}), catalogue())
    (cached,) = [line for line in billed if line.unit == "lambda.snapstart.cache.gb_second"]
    assert said == cached.listed
    assert "a month for each version that is kept" in str(
        snap_start_prices(made, CHOSEN, catalogue())[0]
    )
