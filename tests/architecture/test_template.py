"""The template that both clouds read."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.architecture.templates import FROM_SNAPSHOTS, plain


def test_stages_differ_by_their_names_and_by_defaults_of_parameters_alone() -> None:
    stages = {}
    for name in ("dev", "prod"):
        template = plain(name)
        said = re.sub(rf"{name}(?!uc)", "stage", json.dumps(template["Resources"]))
        # SAM names a deployment after what it deploys, where the stage's name is, too.
        stages[name] = re.sub(r"(RestAPIDeployment|deployment id: )[0-9a-f]+", r"\1", said)
    assert stages["dev"] == stages["prod"]
    dev, prod = (plain(name)["Parameters"] for name in ("dev", "prod"))
    assert dev.keys() == prod.keys()
    other = {name: prod[name]["Default"] for name in dev if dev[name] != prod[name]}
    assert other == {"TableProtection": "on"}


def test_what_cannot_be_made_again_outlives_its_stack() -> None:
    kept = {
        resource["Type"]
        for resource in plain("prod")["Resources"].values()
        if resource.get("DeletionPolicy") == resource.get("UpdateReplacePolicy") == "Retain"
    }
    assert kept >= {
        "AWS::DynamoDB::Table",
        "AWS::KMS::Key",
        "AWS::S3::Bucket",
        "AWS::S3Vectors::VectorBucket",
    }


def test_everything_that_logs_does_so_into_a_group_of_the_stage() -> None:
    resources = plain("dev")["Resources"].values()
    functions = [each["Properties"] for each in resources if each["Type"].endswith("::Function")]
    for function in functions:
        assert function["LoggingConfig"] == {
            "LogGroup": {"Ref": "FunctionLogs"},
            "LogFormat": "JSON",
        }
        assert function["TracingConfig"] == {"Mode": {"Ref": "Tracing"}}
    machines = [each for each in resources if each["Type"].endswith("::StateMachine")]
    for machine in machines:
        logging = machine["Properties"]["LoggingConfiguration"]
        assert (logging["Level"], logging["IncludeExecutionData"]) == ("ERROR", False)
    assert len(functions) > len(machines) > 0


def test_whatever_calls_models_should_know_the_region_for_images() -> None:
    """Without it, prompts go to another region of the geography, even where that is ruled out."""
    told = {
        name: function["Environment"]["Variables"].get("HEADRACE_IMAGE_REGION")
        for name, function in of_type(plain("dev")["Resources"], "AWS::Lambda::Function").items()
        if "HEADRACE_MODEL_FUNCTIONS" in function.get("Environment", {}).get("Variables", {})
    }
    assert told.keys() == {
        *("APIHandler", "GenerateItems", "GenerateOne", "StreamChat"),
        *("EvaluateCases", "ReplayCalls"),
    }
    assert all(region == {"Ref": "ImageRegion"} for region in told.values()), told


@pytest.mark.parametrize(
    ("stage", "options"),
    [("dev", ()), ("try", ()), ("prod", FROM_SNAPSHOTS)],
    ids=["of its own name", "of the default name", "prod from snapshots"],
)
def test_the_api_should_have_the_one_stage_that_is_throttled_and_logged(
    stage: str, options: tuple[str, ...]
) -> None:
    """A deployment that names a stage has CloudFormation make one more, with nothing set on it."""
    resources = plain(stage, *options)["Resources"]
    deployments = of_type(resources, "AWS::ApiGateway::Deployment")
    (deployment,) = deployments
    assert "StageName" not in deployments[deployment]
    (served,) = of_type(resources, "AWS::ApiGateway::Stage").values()
    assert served["DeploymentId"] == {"Ref": deployment}
    assert served["MethodSettings"]
    assert {"AccessLogSetting", "TracingEnabled"} <= served.keys()


@pytest.mark.parametrize("stage", ["dev", "try"])
def test_the_api_should_invoke_functions_from_its_own_stage_alone(stage: str) -> None:
    resources = plain(stage)["Resources"]
    (served,) = of_type(resources, "AWS::ApiGateway::Stage")
    granted = {
        name: _source_of(permission["SourceArn"])
        for name, permission in of_type(resources, "AWS::Lambda::Permission").items()
        if permission["Principal"] == "apigateway.amazonaws.com"
    }
    api = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${RestAPI}"
    assert granted == {
        "APIHandlerInvokePermission": f"{api}/${{{served}}}/*",
        "AuthorizerInvokePermission": f"{api}/authorizers/*",
        "StreamAnswerInvokePermission": f"{api}/${{{served}}}/POST/v1/ask/stream",
        "ChatInvokePermission": f"{api}/${{{served}}}/POST/v1/chat/completions",
        "ResponsesInvokePermission": f"{api}/${{{served}}}/POST/v1/responses",
        "EmbeddingsInvokePermission": f"{api}/${{{served}}}/POST/v1/embeddings",
        "ImagesInvokePermission": f"{api}/${{{served}}}/POST/v1/images/generations",
        "TranscriptionsInvokePermission": f"{api}/${{{served}}}/POST/v1/audio/transcriptions",
        "TranslationsInvokePermission": f"{api}/${{{served}}}/POST/v1/audio/translations",
    }
    streamed = {
        (method, path, function)
        for path, methods in resources["RestAPI"]["Properties"]["Body"]["paths"].items()
        for method, operation in methods.items()
        for function in ("StreamAnswer", "StreamChat")
        if f"{function}.Arn" in json.dumps(operation)
    }
    assert streamed == {
        ("post", "/v1/ask/stream", "StreamAnswer"),
        ("post", "/v1/chat/completions", "StreamChat"),
        ("post", "/v1/responses", "StreamChat"),
        ("post", "/v1/embeddings", "StreamChat"),
        ("post", "/v1/images/generations", "StreamChat"),
        ("post", "/v1/audio/transcriptions", "StreamChat"),
        ("post", "/v1/audio/translations", "StreamChat"),
    }


def test_every_method_should_describe_what_it_answers() -> None:
    """An operation of Swagger 2.0 must have `responses`, also one that is streamed.

    https://spec.openapis.org/oas/v2.0#operation-object
    """
    (api,) = of_type(plain("dev")["Resources"], "AWS::ApiGateway::RestApi").values()
    without = [
        (method, path)
        for path, methods in api["Body"]["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and not operation.get("responses")
    ]
    assert without == []


def of_type(resources: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    return {key: each["Properties"] for key, each in resources.items() if each["Type"] == name}


def _source_of(arn: dict[str, Any]) -> str:
    """Return the text of an `Fn::Sub`, its own names put in for those that it is given."""
    sub = arn["Fn::Sub"]
    text, named = sub if isinstance(sub, list) else (sub, {})
    for name, value in named.items():
        text = text.replace(f"${{{name}}}", f"${{{value['Ref']}}}")
    return str(text)
