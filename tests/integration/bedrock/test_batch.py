"""Batch jobs through boto3 on a whole local cloud: roles, S3, events, faults, usage and a kill.

https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference.html
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.deployment.account import Account
from infra.deployment.removal.service_resources import find_service_resources, stop_service_jobs
from tests.cloud import CloudProcess
from tests.integration.permitting import let_rules_send
from tests.unit.infra.deployment.voices import Heard

TITAN = "amazon.titan-embed-text-v2:0"
NOVA = "amazon.nova-micro-v1:0"
PROFILE = f"{'0' * 12}:inference-profile/us.{NOVA}"
TRUSTED = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
SLOW = {
    "faults": [
        {"name": "pace", "service": "bedrock", "operation": "ModelInvocationJob", "latency_ms": 20}
    ]
}


@pytest.fixture(scope="module")
def batch_cloud(
    tmp_path_factory: pytest.TempPathFactory, models_pulled: Path
) -> Iterator[CloudProcess]:
    """A cloud of its own, whose batch jobs take 20 ms a record, and which may be killed."""
    folder = tmp_path_factory.mktemp("batch-cloud")
    (folder / "faults.json").write_text(json.dumps(SLOW))
    process = CloudProcess(folder).start()
    process.client("s3").create_bucket(Bucket="batch")
    yield process
    process.stop()


def role(cloud: CloudProcess, *actions: str, models: Sequence[str] = ()) -> str:
    """Make a role that Bedrock may assume and that may do `actions` in the bucket.

    It may invoke `models`, which are named by the ends of their ARNs.
    """
    name = f"batch-{uuid.uuid4().hex[:8]}"
    iam = cloud.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUSTED))
    statement = {
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": ["arn:aws:s3:::batch", "arn:aws:s3:::batch/*"],
    }
    invoke = {
        "Effect": "Allow",
        "Action": "bedrock:InvokeModel",
        "Resource": [f"arn:aws:bedrock:*:{model}" for model in models],
    }
    statements = [statement, *([invoke] if models else [])]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy)
    return str(made["Role"]["Arn"])


def both(cloud: CloudProcess) -> str:
    return role(cloud, "s3:GetObject", "s3:PutObject", "s3:ListBucket")


def create(cloud: CloudProcess, role_arn: str, inputs: list[Any], **more: Any) -> str:
    name = uuid.uuid4().hex[:8]
    lines = (json.dumps({"recordId": f"R{n}", "modelInput": each}) for n, each in enumerate(inputs))
    cloud.client("s3").put_object(
        Bucket="batch", Key=f"in/{name}/records.jsonl", Body="\n".join(lines).encode()
    )
    place = f"s3://batch/in/{name}/records.jsonl"
    made = cloud.client("bedrock").create_model_invocation_job(
        jobName=f"headrace-{name}",
        roleArn=role_arn,
        modelId=more.pop("modelId", TITAN),
        inputDataConfig={"s3InputDataConfig": {"s3Uri": place}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://batch/out/"}},
        **more,
    )
    return str(made["jobArn"])


def wait_for(
    cloud: CloudProcess, arn: str, true: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    end = time.monotonic() + 60
    while True:
        job: dict[str, Any] = cloud.client("bedrock").get_model_invocation_job(jobIdentifier=arn)
        if true(job):
            return job
        assert time.monotonic() < end, job
        time.sleep(0.05)


def finish(cloud: CloudProcess, arn: str) -> dict[str, Any]:
    return wait_for(cloud, arn, lambda job: "endTime" in job)


def output(cloud: CloudProcess, arn: str, name: str = "records.jsonl.out") -> list[dict[str, Any]]:
    key = f"out/{arn.rpartition('/')[2]}/{name}"
    body = cloud.client("s3").get_object(Bucket="batch", Key=key)["Body"].read()
    return [json.loads(line) for line in body.splitlines()]


def usage(cloud: CloudProcess, arn: str) -> list[dict[str, Any]]:
    job = arn.rpartition("/")[2]
    lines = (cloud.data_dir / "bedrock" / "usage.jsonl").read_text().splitlines()
    read = [json.loads(line) for line in lines]
    return [line for line in read if line["request_id"].startswith(f"{job}/")]


def texts(count: int) -> list[dict[str, str]]:
    return [{"inputText": f"Sluice {number}."} for number in range(count)]


def test_a_job_should_answer_every_record_and_account_for_it(batch_cloud: CloudProcess) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html"""
    sqs, events = batch_cloud.client("sqs"), batch_cloud.client("events")
    queue = sqs.create_queue(QueueName="statuses")["QueueUrl"]
    events.put_rule(
        Name="statuses",
        EventPattern=json.dumps({"detail-type": ["Batch Inference Job State Change"]}),
    )
    events.put_targets(Rule="statuses", Targets=[{"Id": "1", "Arn": let_rules_send(sqs, queue)}])
    caller = both(batch_cloud)
    arn = create(batch_cloud, caller, [*texts(99), {"inputText": ""}])
    job = finish(batch_cloud, arn)
    assert job["status"] == "Completed", job
    lines = output(batch_cloud, arn)
    assert [line["recordId"] for line in lines] == [f"R{n}" for n in range(100)]
    assert all(len(line["modelOutput"]["embedding"]) == 384 for line in lines[:99])
    assert lines[99]["error"]["errorCode"] == 400
    (manifest,) = output(batch_cloud, arn, "manifest.json.out")
    assert (manifest["successRecordCount"], manifest["errorRecordCount"]) == (99, 1)
    logged = usage(batch_cloud, arn)
    assert sum(line["tokens_in"] for line in logged) == manifest["inputTokenCount"] > 300
    assert Counter(line["outcome"] for line in logged) == {"answered": 99, "refused": 1}
    assert {line["caller"] for line in logged} == {caller}
    statuses: list[str] = []
    end = time.monotonic() + 20
    while len(statuses) < 5:
        assert time.monotonic() < end, statuses
        got = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        details = [json.loads(message["Body"])["detail"] for message in got.get("Messages", ())]
        statuses += [each["status"] for each in details if each["batchJobArn"] == arn]
    assert sorted(statuses) == ["Completed", "InProgress", "Scheduled", "Submitted", "Validating"]


def test_fewer_records_than_the_quota_should_fail_the_job(batch_cloud: CloudProcess) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/bedrock.html"""
    job = finish(batch_cloud, create(batch_cloud, both(batch_cloud), texts(99)))
    assert job["status"] == "Failed"
    assert "has 99 records; a job has 100 to 50000" in job["message"]


@pytest.mark.parametrize(
    ("actions", "message"),
    [(("s3:PutObject",), "input can't be read"), (("s3:GetObject",), "output can't be written")],
)
def test_a_role_should_do_no_more_than_its_policy_says(
    batch_cloud: CloudProcess, actions: tuple[str, ...], message: str
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html"""
    job = finish(batch_cloud, create(batch_cloud, role(batch_cloud, *actions), texts(100)))
    assert job["status"] == "Failed"
    assert message in job["message"]


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ((), f"bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1:{'0' * 12}:inference-"),
        ((PROFILE,), "bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-"),
        ((PROFILE, f":foundation-model/{NOVA}"), "has 99 records"),
    ],
)
def test_a_role_should_need_to_invoke_the_profile_and_its_model(
    batch_cloud: CloudProcess, models: Sequence[str], message: str
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-iam-sr.html

    "To run batch inference with an inference profile, a service role must have permissions to
    invoke the inference profile in an AWS Region, in addition to the model in each Region".
    """
    caller = role(batch_cloud, "s3:GetObject", "s3:PutObject", models=models)
    job = finish(batch_cloud, create(batch_cloud, caller, texts(99), modelId=f"us.{NOVA}"))
    assert job["status"] == "Failed"
    assert message in job["message"]


def test_a_caller_should_need_to_hand_the_role_on(batch_cloud: CloudProcess) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-permissions.html"""
    name = f"caller-{uuid.uuid4().hex[:8]}"
    iam = batch_cloud.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUSTED))
    statement = {
        "Effect": "Allow",
        "Action": "bedrock:CreateModelInvocationJob",
        "Resource": "*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="may", PolicyDocument=policy)
    key = batch_cloud.client("sts").assume_role(
        RoleArn=made["Role"]["Arn"], RoleSessionName="by-hand"
    )["Credentials"]
    bedrock = boto3.client(
        "bedrock",
        region_name="us-east-1",
        endpoint_url=batch_cloud.endpoint_url,
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
        aws_session_token=key["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(ClientError, match=r"AccessDeniedException.*iam:PassRole"):
        bedrock.create_model_invocation_job(
            jobName="x",
            roleArn=both(batch_cloud),
            modelId=TITAN,
            inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://batch/in/a.jsonl"}},
            outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://batch/out/"}},
        )


def test_a_job_should_be_stopped_where_it_is_when_its_stage_is_removed(
    batch_cloud: CloudProcess,
) -> None:
    """It is of no stack, and would be billed after all else is gone.

    https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-stop.html
    """
    arn = create(batch_cloud, both(batch_cloud), texts(400))
    wait_for(batch_cloud, arn, lambda job: job.get("processedRecordCount", 0) > 3)
    account, voice = Account("0" * 12, "us-east-1", "aws", "someone", batch_cloud.client), Heard()
    assert not find_service_resources(account, "dev", ["of-another-stage"]).jobs
    (found,) = find_service_resources(account, "dev", ["batch"]).jobs
    assert (found.id, found.status) == (arn, "InProgress")
    assert stop_service_jobs(account, "dev", [found], voice, lambda _: time.sleep(0.05)) == []
    assert voice.lines == [f"Stopping the batch job of Bedrock {found.name}."]
    job = batch_cloud.client("bedrock").get_model_invocation_job(jobIdentifier=arn)
    assert job["status"] == "Stopped"
    assert 3 < len(output(batch_cloud, arn)) == job["processedRecordCount"] < 400


def test_bodies_of_converse_should_be_taken_where_the_job_says_so(
    batch_cloud: CloudProcess,
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-data.html"""
    made = batch_cloud.client("bedrock").create_guardrail(
        name="no-weirs",
        wordPolicyConfig={"wordsConfig": [{"text": "weir"}]},
        blockedInputMessaging="Not about weirs.",
        blockedOutputsMessaging="No.",
    )
    guardrail = {"guardrailIdentifier": made["guardrailId"], "guardrailVersion": "DRAFT"}
    asked = {
        "messages": [{"role": "user", "content": [{"text": "What is a weir?"}]}],
        "guardrailConfig": guardrail,
    }
    wrong = {"messages": [{"role": "user", "content": [{"words": "What?"}]}]}
    arn = create(
        batch_cloud,
        both(batch_cloud),
        [asked] * 99 + [wrong],
        modelId="amazon.nova-micro-v1:0",
        modelInvocationType="Converse",
    )
    job = finish(batch_cloud, arn)
    assert (job["successRecordCount"], job["errorRecordCount"]) == (99, 1)
    first, *_, last = output(batch_cloud, arn)
    answer = first["modelOutput"]
    assert answer["stopReason"] == "guardrail_intervened"
    assert answer["output"]["message"]["content"] == [{"text": "Not about weirs."}]
    assert "Unknown parameter in messages[0].content[0]: words" in last["error"]["errorMessage"]


def test_a_job_should_be_done_whole_through_kills(batch_cloud: CloudProcess) -> None:
    arn = create(batch_cloud, both(batch_cloud), texts(120))
    for done in (5, 40, 80):
        wait_for(batch_cloud, arn, lambda job, n=done: job.get("processedRecordCount", 0) > n)  # type: ignore[misc]
        batch_cloud.kill()
        batch_cloud.start()
    job = finish(batch_cloud, arn)
    assert job["status"] == "Completed", job
    ids = [line["recordId"] for line in output(batch_cloud, arn)]
    assert ids == [f"R{n}" for n in range(120)]
    assert job["successRecordCount"] == 120
    asked = Counter(line["request_id"] for line in usage(batch_cloud, arn))
    assert len(asked) == 120
    assert sum(asked.values()) <= 123
