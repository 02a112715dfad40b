"""Bedrock from state machines, each call as the machine's role.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-bedrock.html
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from localcloud.faults import PATH
from tests.cloud import CloudProcess
from tests.integration.bedrock.test_batch import TRUSTED
from tests.integration.permitting import make_role
from tests.integration.stepfunctions.test_through_the_front_door import one, task, unique, wait_for

TITAN = "amazon.titan-embed-text-v2:0"
COHERE = "cohere.embed-english-v3"


class Machine:
    """A machine of one task under a role that may do `actions`."""

    def __init__(self, cloud: CloudProcess, state: dict[str, Any], *actions: str) -> None:
        self._client = cloud.client("stepfunctions")
        role = self.role = make_role(cloud.client("iam"), unique("bedrock-states"), actions)
        made = self._client.create_state_machine(
            name=unique("bedrock"), definition=json.dumps(one(state)), roleArn=role
        )
        self._arn = made["stateMachineArn"]

    def run(self) -> dict[str, Any]:
        arn = self._client.start_execution(stateMachineArn=self._arn)["executionArn"]

        def ended() -> dict[str, Any] | None:
            described: dict[str, Any] = self._client.describe_execution(executionArn=arn)
            return None if described["status"] == "RUNNING" else described

        return dict(wait_for(ended))

    def output(self) -> Any:
        ended = self.run()
        assert ended["status"] == "SUCCEEDED", ended
        return json.loads(ended["output"])


@pytest.fixture(scope="module")
def bucket(cloud: CloudProcess) -> str:
    name = unique("bedrock")
    cloud.client("s3").create_bucket(Bucket=name)
    return name


def test_a_body_should_be_given_as_json_and_come_back_as_json(cloud: CloudProcess) -> None:
    given = {"ModelId": TITAN, "Body": {"inputText": "A mill."}}
    machine = Machine(cloud, task("bedrock:invokeModel", given), "bedrock:InvokeModel")
    output = machine.output()
    assert set(output) == {"Body", "ContentType"}
    assert output["ContentType"] == "application/json"
    assert len(output["Body"]["embedding"]) == 384
    lines = (cloud.data_dir / "bedrock" / "usage.jsonl").read_text().splitlines()
    (line,) = [each for each in map(json.loads, lines) if each["caller"] == machine.role]
    assert (line["model"], line["operation"], line["outcome"]) == (TITAN, "InvokeModel", "answered")
    assert line["tokens_in"] == output["Body"]["inputTextTokenCount"]


def test_input_and_output_should_go_by_s3(cloud: CloudProcess, bucket: str) -> None:
    s3 = cloud.client("s3")
    s3.put_object(Bucket=bucket, Key="in/ask.json", Body=b'{"inputText": "A weir."}')
    given = {
        "ModelId": TITAN,
        "Input": {"S3Uri": f"s3://{bucket}/in/ask.json"},
        "Output": {"S3Uri": f"s3://{bucket}/out/answer.json"},
    }
    actions = ("bedrock:InvokeModel", "s3:GetObject", "s3:PutObject")
    output = Machine(cloud, task("bedrock:invokeModel", given), *actions).output()
    assert output["Body"] == f"s3://{bucket}/out/answer.json"
    body = s3.get_object(Bucket=bucket, Key="out/answer.json")["Body"].read()
    assert len(json.loads(body)["embedding"]) == 384


@pytest.mark.parametrize(
    ("given", "actions", "error"),
    [
        ({"Body": {"inputText": "x"}}, ("s3:GetObject",), "Bedrock.AccessDeniedException"),
        (
            {"Input": {"S3Uri": "s3://{b}/in/ask.json"}},
            ("bedrock:InvokeModel",),
            "S3.AmazonS3Exception",
        ),
        ({"Body": {"words": "x"}}, ("bedrock:InvokeModel",), "Bedrock.ValidationException"),
        ({"Body": {}, "Input": {"S3Uri": "s3://b/k"}}, ("bedrock:InvokeModel",), "States.Runtime"),
        ({"Input": {"S3Uri": "nowhere"}}, ("bedrock:InvokeModel",), "States.Runtime"),
        ({}, ("bedrock:InvokeModel",), "States.Runtime"),
    ],
)
def test_what_fails_should_fail_the_task_by_its_name(
    cloud: CloudProcess, bucket: str, given: dict[str, Any], actions: tuple[str, ...], error: str
) -> None:
    filled = json.loads(json.dumps(given).replace("{b}", bucket))
    state = task("bedrock:invokeModel", {"ModelId": TITAN, **filled})
    ended = Machine(cloud, state, *actions).run()
    assert (ended["status"], ended["error"]) == ("FAILED", error), ended


def test_a_throttled_task_should_be_retried_by_name(cloud: CloudProcess) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html"""
    fault = {"model": COHERE, "error": "ThrottlingException", "times": 2}
    assert httpx.put(f"{cloud.endpoint_url}{PATH}/states", json=fault).status_code == 200
    given = {"ModelId": COHERE, "Body": {"texts": ["A mill."], "input_type": "search_query"}}
    retry = {
        "ErrorEquals": ["Bedrock.ThrottlingException"],
        "IntervalSeconds": 1,
        "MaxAttempts": 3,
        "BackoffRate": 1,
    }
    state = {**task("bedrock:invokeModel", given), "Retry": [retry]}
    try:
        output = Machine(cloud, state, "bedrock:InvokeModel").output()
        (shown,) = httpx.get(f"{cloud.endpoint_url}{PATH}").json()["faults"]
    finally:
        httpx.delete(f"{cloud.endpoint_url}{PATH}/states")
    assert len(output["Body"]["embeddings"][0]) == 384
    assert shown["counts"] == {"fitted": 3, "failed": 2, "delayed": 0, "throttled": 0}


def test_a_batch_job_should_be_made_and_asked_after_by_the_sdk(
    cloud: CloudProcess, bucket: str
) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html"""
    iam, name = cloud.client("iam"), f"batch-{uuid.uuid4().hex[:8]}"
    service = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUSTED))
    given = {
        "JobName": "from-a-machine",
        "RoleArn": service["Role"]["Arn"],
        "ModelId": TITAN,
        "InputDataConfig": {"S3InputDataConfig": {"S3Uri": f"s3://{bucket}/none.jsonl"}},
        "OutputDataConfig": {"S3OutputDataConfig": {"S3Uri": f"s3://{bucket}/out/"}},
    }
    create = task("aws-sdk:bedrock:createModelInvocationJob", given)
    refused = Machine(cloud, create, "bedrock:CreateModelInvocationJob").run()
    assert refused["error"] == "Bedrock.AccessDeniedException"
    assert "iam:PassRole" in refused["cause"]
    actions = ("bedrock:CreateModelInvocationJob", "iam:PassRole")
    arn = Machine(cloud, create, *actions).output()["JobArn"]
    get = task("aws-sdk:bedrock:getModelInvocationJob", {"JobIdentifier": arn})
    shown = Machine(cloud, get, "bedrock:GetModelInvocationJob").output()
    assert (shown["JobName"], shown["ModelId"]) == ("from-a-machine", TITAN)


def test_a_fine_tuning_should_be_waited_for_and_fail_with_its_reason(
    cloud: CloudProcess, bucket: str
) -> None:
    """The data has one record less than Bedrock asks for, so that nothing is trained."""
    row = {
        "messages": [
            {"role": "user", "content": [{"text": "a"}]},
            {"role": "assistant", "content": [{"text": "b"}]},
        ]
    }
    cloud.client("s3").put_object(
        Bucket=bucket, Key="tune/train.jsonl", Body=(json.dumps(row) + "\n").encode() * 7
    )
    iam, name = cloud.client("iam"), f"tunes-{uuid.uuid4().hex[:8]}"
    service = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUSTED))
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="reads", PolicyDocument=policy)
    given = {
        "JobName": name,
        "CustomModelName": name,
        "RoleArn": service["Role"]["Arn"],
        "BaseModelIdentifier": "amazon.nova-micro-v1:0:128k",
        "HyperParameters": {"epochCount": "1"},
        "TrainingDataConfig": {"S3Uri": f"s3://{bucket}/tune/train.jsonl"},
        "OutputDataConfig": {"S3Uri": f"s3://{bucket}/tune/out"},
    }
    state = task("bedrock:createModelCustomizationJob.sync", given)
    refused = Machine(cloud, state, "bedrock:CreateModelCustomizationJob").run()
    assert refused["error"] == "Bedrock.AccessDeniedException"
    assert "iam:PassRole" in refused["cause"]
    actions = ("CreateModelCustomizationJob", "GetModelCustomizationJob")
    may = (*(f"bedrock:{action}" for action in actions), "iam:PassRole")
    ended = Machine(cloud, state, *may).run()
    assert ended["error"] == "States.TaskFailed", ended
    cause = json.loads(ended["cause"])
    assert (cause["Status"], cause["JobName"]) == ("Failed", name)
    assert "7 records" in cause["FailureMessage"]


def test_what_only_aws_has_should_be_refused_when_the_machine_is_made(cloud: CloudProcess) -> None:
    client = cloud.client("stepfunctions")
    state = task("bedrock:createProvisionedModelThroughput", {})
    with pytest.raises(client.exceptions.InvalidDefinition, match="works on AWS only"):
        Machine(cloud, state, "bedrock:InvokeModel")


def test_a_conversation_should_be_held_by_the_sdk(cloud: CloudProcess) -> None:
    """https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html"""
    given = {
        "ModelId": "amazon.nova-micro-v1:0",
        "Messages": [{"Role": "user", "Content": [{"Text": "Hi"}]}],
        "InferenceConfig": {"MaxTokens": 2},
    }
    state = task("aws-sdk:bedrockruntime:converse", given)
    output = Machine(cloud, state, "bedrock:InvokeModel").output()
    assert output["Output"]["Message"]["Content"][0]["Text"]
    assert 1 <= output["Usage"]["OutputTokens"] <= 2
