"""A small application whose functions start from snapshots, in the local cloud."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.cloudformation.errors import TemplateError
from infra.synthesis.snapstart import snap_start
from localcloud.clients import Clients
from localcloud.composition import run_cloud
from tests.integration.lambdas.conftest import eventually

CODE = """
import json, os, boto3

def answer(event, context):
    return {
        "arn": context.invoked_function_arn,
        "version": context.function_version,
        "seen": event,
    }

def ask(event, context):
    client = boto3.client("lambda")
    asked = client.invoke(FunctionName=os.environ["ANSWERS"], Payload=json.dumps(event))
    return json.load(asked["Payload"])

def take(event, context):
    boto3.client("sqs").send_message(
        QueueUrl=os.environ["DONE"], MessageBody=context.invoked_function_arn
    )
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}


def function(handler: str, role: str, **variables: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::Lambda::Function",
        "Properties": {
            "FunctionName": handler,
            "Handler": f"app.{handler}",
            "Runtime": "python3.13",
            "Role": {"Fn::GetAtt": [role, "Arn"]},
            "Timeout": 20,
            "Environment": {"Variables": variables},
        },
    }


def role(name: str, *policies: Any) -> dict[str, Any]:
    properties = {"RoleName": name, "AssumeRolePolicyDocument": TRUST, "Policies": list(policies)}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def template() -> dict[str, Any]:
    grants = [
        ("lambda:InvokeFunction", {"Fn::GetAtt": ["Answer", "Arn"]}),
        ("sqs:SendMessage", {"Fn::GetAtt": ["Done", "Arn"]}),
        *(
            (action, {"Fn::GetAtt": ["Work", "Arn"]})
            for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
        ),
    ]
    statements = [{"Effect": "Allow", "Action": does, "Resource": on} for does, on in grants]
    policy = {"Version": "2012-10-17", "Statement": statements}
    return {
        "Resources": {
            "Idle": role("idle"),
            "Caller": role("caller", {"PolicyName": "all", "PolicyDocument": policy}),
            "Work": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "work"}},
            "Done": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "done"}},
            "Answer": function("answer", "Idle"),
            "Ask": function("ask", "Caller", ANSWERS={"Ref": "Answer"}),
            "Take": function("take", "Caller", DONE={"Ref": "Done"}),
            "Source": {
                "Type": "AWS::Lambda::EventSourceMapping",
                "Properties": {
                    "EventSourceArn": {"Fn::GetAtt": ["Work", "Arn"]},
                    "FunctionName": {"Ref": "Take"},
                },
            },
            "Rule": {
                "Type": "AWS::Events::Rule",
                "Properties": {
                    "Name": "wanted",
                    "EventPattern": {"source": ["test"]},
                    "Targets": [{"Id": "take", "Arn": {"Fn::GetAtt": ["Take", "Arn"]}}],
                },
            },
            "RuleMayTake": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "Take"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "events.amazonaws.com",
                    "SourceArn": {"Fn::GetAtt": ["Rule", "Arn"]},
                },
            },
        },
        "Outputs": {
            name: {"Value": {"Ref": name}} for name in ("Answer", "Ask", "Take", "Work", "Done")
        },
    }


@contextmanager
def small_app(folder: Path, made: Mapping[str, Any]) -> Iterator[tuple[Clients, Mapping[str, str]]]:
    project = folder / "project"
    project.mkdir(exist_ok=True)
    (project / "app.py").write_text(CODE)
    with run_cloud(folder / "data", made, {}, project, 0) as (cloud, outputs):
        yield cloud.client, outputs


def received(client: Clients, queue: str) -> list[str]:
    answer = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", ())]


def test_everything_should_call_the_alias_once_functions_start_from_snapshots(
    tmp_path: Path,
) -> None:
    made = template()
    snap_start(made, ["Answer", "Ask", "Take"])
    with small_app(tmp_path, made) as (client, outputs):
        assert outputs["Answer"].endswith(":function:answer:live")
        answer = client("lambda").invoke(FunctionName=outputs["Ask"], Payload=b'{"n": 1}')
        assert answer["ExecutedVersion"] == "1"
        told = json.load(answer["Payload"])
        assert told == {"arn": outputs["Answer"], "version": "1", "seen": {"n": 1}}
        client("sqs").send_message(QueueUrl=outputs["Work"], MessageBody="x")
        done = eventually(lambda: received(client, outputs["Done"]))
        entry = {"Source": "test", "DetailType": "t", "Detail": "{}"}
        client("events").put_events(Entries=[entry])
        done += eventually(lambda: received(client, outputs["Done"]))
        assert done == [outputs["Take"]] * 2
        shown = client("lambda").get_function_configuration(FunctionName="take", Qualifier="live")
        assert shown["SnapStart"] == {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}


def test_a_changed_function_should_get_a_new_version_and_a_restart_should_not(
    tmp_path: Path,
) -> None:
    versions = []
    for memory in (128, 128, 256):
        made = template()
        made["Resources"]["Answer"]["Properties"]["MemorySize"] = memory
        snap_start(made, ["Answer"])
        with small_app(tmp_path, made) as (client, outputs):
            answer = client("lambda").invoke(FunctionName=outputs["Answer"], Payload=b"1")
            versions.append(answer["ExecutedVersion"])
    assert versions == ["1", "1", "2"]


def test_a_version_that_nobody_published_should_be_told_missing(tmp_path: Path) -> None:
    with small_app(tmp_path, template()) as (client, _):
        with pytest.raises(ClientError) as refused:
            client("lambda").invoke(FunctionName="answer", Qualifier="live", Payload=b"1")
        assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"
        assert "function:answer:live" in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize("unknown", ["RoutingConfig", "ProvisionedConcurrencyConfig"])
def test_an_alias_of_more_than_one_version_should_be_refused(tmp_path: Path, unknown: str) -> None:
    made = template()
    snap_start(made, ["Answer"])
    made["Resources"]["AnswerLive"]["Properties"][unknown] = {}
    with pytest.raises(TemplateError, match=unknown), small_app(tmp_path, made):
        pass
