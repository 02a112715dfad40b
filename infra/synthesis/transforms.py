"""Transforms of the merged template: narrower roles, cost tags, model resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import BedrockBackend, FunctionBackend

Template = dict[str, Any]


WRITE_LOGS: Mapping[str, Any] = {
    "Sid": "WriteLogs",
    "Effect": "Allow",
    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
    "Resource": {"Fn::GetAtt": ["FunctionLogs", "Arn"]},
}
"""The attribute ends in `:*`, so that it names the group's streams.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html
"""


WRITE_TRACES: Mapping[str, Any] = {
    "Sid": "WriteTraces",
    "Effect": "Allow",
    "Action": ["xray:PutTraceSegments", "xray:PutTelemetryRecords"],
    "Resource": "*",
}
"""X-Ray has no resource that a policy could name for these actions.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsx-ray.html
"""


_NARROWED: Mapping[str, Mapping[str, Any]] = {
    "service-role/AWSLambdaBasicExecutionRole": WRITE_LOGS,
    "AWSXRayDaemonWriteAccess": WRITE_TRACES,
    "AWSXrayWriteOnlyAccess": WRITE_TRACES,
}


def narrow_roles(template: Template) -> None:
    """Replace the policies that SAM attached to the roles of `template` by own statements.

    Other managed policies that a role names stay, because the template's author chose them.
    """
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::IAM::Role":
            _narrow_role(resource["Properties"])


def _narrow_role(properties: dict[str, Any]) -> None:
    attached = properties.pop("ManagedPolicyArns", [])
    remaining = [arn for arn in attached if _policy_name(arn) not in _NARROWED]
    statements = [
        _NARROWED[_policy_name(arn)] for arn in attached if _policy_name(arn) in _NARROWED
    ]
    if remaining:
        properties["ManagedPolicyArns"] = remaining
    if statements:
        document = {"Version": "2012-10-17", "Statement": statements}
        policy = {"PolicyName": "WriteLogsAndTraces", "PolicyDocument": document}
        properties.setdefault("Policies", []).append(policy)


def _policy_name(arn: Any) -> str:
    """Return the path and name of an AWS managed policy, whose ARN may be an `Fn::Sub`."""
    text = str(arn.get("Fn::Sub", "") if isinstance(arn, Mapping) else arn)
    return text.partition(":policy/")[2]


COMPONENT_TAG = "headrace:component"


_TAG_LISTS = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::DynamoDB::Table",
        "AWS::Events::EventBus",
        "AWS::KMS::Key",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3Vectors::VectorBucket",
        "AWS::SageMaker::Endpoint",
        "AWS::SageMaker::EndpointConfig",
        "AWS::SageMaker::Model",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
    }
)
"""Types whose tags are a list of keys and values."""


_TAG_MAPS = frozenset(
    {"AWS::Serverless::Api", "AWS::Serverless::Function", "AWS::Serverless::StateMachine"}
)
"""Types of SAM's, whose tags are a map."""


def tag_resources(resources: dict[str, Any], component: str) -> None:
    """Tag each of `resources` that can be tagged with the component that it belongs to."""
    for resource in resources.values():
        properties = resource.setdefault("Properties", {})
        if resource["Type"] in _TAG_LISTS:
            properties.setdefault("Tags", []).append({"Key": COMPONENT_TAG, "Value": component})
        elif resource["Type"] in _TAG_MAPS:
            properties["Tags"] = {**properties.get("Tags", {}), COMPONENT_TAG: component}


_MODEL_FUNCTIONS = {"Ref": "ModelFunctions"}


def model_functions() -> tuple[str, ...]:
    """Return the catalogue's names of the functions, in the order of the file."""
    backends = [model.backend for model in served_models().models.values()]
    names = [each.function for each in backends if isinstance(each, FunctionBackend)]
    return tuple(dict.fromkeys(names))


def logical_id(function: str) -> str:
    """Return the logical id of the function that the catalogue calls `function`."""
    return "".join(word.capitalize() for word in function.split("_"))


def insert_model_functions(template: Any) -> None:
    """Replace each `!Ref ModelFunctions`, anywhere in `template`."""
    places = enumerate(template) if isinstance(template, list) else list(template.items())
    for place, value in places:
        if value == _MODEL_FUNCTIONS:
            template[place] = _function_arns() if place == "Resource" else _function_names()
        elif isinstance(value, dict | list):
            insert_model_functions(value)


_SPEECH = "transcription"
"""The task of models that one role alone asks, which names their function itself."""


def _function_arns() -> list[dict[str, Any]]:
    speech = {
        model.backend.function
        for model in served_models().models.values()
        if model.task == _SPEECH and isinstance(model.backend, FunctionBackend)
    }
    asked = [each for each in model_functions() if each not in speech]
    return [{"Fn::GetAtt": [logical_id(each), "Arn"]} for each in asked]


def _function_names() -> dict[str, str]:
    return {"Fn::Sub": " ".join(f"{each}=${{{logical_id(each)}}}" for each in model_functions())}


_SERVED_MODELS = {"Ref": "ServedModels"}


_BEDROCK = "arn:${AWS::Partition}:bedrock"


def insert_served_models(template: Any) -> None:
    """Give each statement on `ServedModels`, anywhere in `template`, the ARNs of all of them."""
    if isinstance(template, dict):
        for statement in template.get("Statement") or ():
            if isinstance(statement, dict) and statement.get("Resource") == _SERVED_MODELS:
                statement["Resource"] = _served_model_arns()
        template = list(template.values())
    if isinstance(template, list):
        for each in template:
            insert_served_models(each)


_CUSTOM_KINDS = ("custom-model-deployment", "imported-model", "provisioned-model")
"""What a stage that customises may call beside the catalogue's models, by the names in ARNs."""


def _served_model_arns() -> list[dict[str, Any]]:
    """Return the ARNs of all served models, in any region, and of their inference profiles.

    A stage that fine-tunes models may call what is deployed of them, too.

    A role's policies hold 10,240 characters, so a profile's geography is left open: it leads only
    to models that may be called anyway.
    """
    arns = []
    for model in served_models().models.values():
        backend = model.backend
        if isinstance(backend, BedrockBackend):
            arns.append(f"{_BEDROCK}:*::foundation-model/{backend.model_id}")
            if backend.profiles:
                own = f"${{AWS::Region}}:${{AWS::AccountId}}:inference-profile/*.{backend.model_id}"
                arns.append(f"{_BEDROCK}:{own}")
    own = f"{_BEDROCK}:${{AWS::Region}}:${{AWS::AccountId}}"
    custom = [f"{own}:{kind}/*" for kind in _CUSTOM_KINDS]
    of_tuning = [
        {"Fn::If": ["Customises", {"Fn::Sub": arn}, {"Ref": "AWS::NoValue"}]} for arn in custom
    ]
    return [*({"Fn::Sub": arn} for arn in arns), *of_tuning]
