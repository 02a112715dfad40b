"""How a job goes from status to status, with S3, the model and the clock in the test's hands.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ModelInvocationJobSummary.html
"""

from __future__ import annotations

import io
import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.generation.catalogue import catalogue
from localcloud.bedrock.batch.job_files import BatchQuotas
from localcloud.bedrock.batch.jobs import InvocationJobStore
from localcloud.bedrock.batch.operations import BatchOperations
from localcloud.bedrock.batch.runner import BatchRunner
from localcloud.errors import AwsError
from localcloud.model_usage import TOKENS_IN, TOKENS_OUT
from localcloud.service import EXTRA_HEADERS, CloudContext, call_through

TITAN = "amazon.titan-embed-text-v2:0"
ROLE = "arn:aws:iam::000000000000:role/batch"
TRUST = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "bedrock.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ]
}


class FakeS3:
    """A bucket in memory, as a boto3 client has it."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.broken = False

    def head_object(self, **call: Any) -> dict[str, Any]:
        return {"ContentLength": len(self._get(call["Key"]))}

    def get_object(self, **call: Any) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._get(call["Key"]))}

    def put_object(self, **call: Any) -> None:
        if self.broken:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}}, "PutObject")
        body = call["Body"]
        self.objects[call["Key"]] = body if isinstance(body, bytes) else body.read()

    def get_paginator(self, name: str) -> FakeS3:
        return self

    def paginate(self, **call: Any) -> Iterator[dict[str, Any]]:
        yield {
            "Contents": [
                {"Key": key, "Size": len(body)}
                for key, body in self.objects.items()
                if key.startswith(call["Prefix"])
            ]
        }

    def _get(self, key: str) -> bytes:
        if key not in self.objects:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")
        return self.objects[key]


class FakeIam:
    def get_role(self, **call: Any) -> dict[str, Any]:
        name = call["RoleName"]
        if name not in ("batch", "other"):
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": "No."}}, "GetRole")
        trust = TRUST if name == "batch" else {"Statement": []}
        arn = f"arn:aws:iam::000000000000:role/{name}"
        return {"Role": {"Arn": arn, "AssumeRolePolicyDocument": trust}}


class World:
    """One account with a batch runner, whose model answers as `answer` says."""

    def __init__(self, folder: Path) -> None:
        self.s3, self.now = FakeS3(), 1_790_000_000.0
        self.events: list[dict[str, Any]] = []
        self.asked: list[Any] = []
        self.answer: Callable[[], None] = lambda: None
        self._folder = folder
        self.open()

    def open(self) -> None:
        surroundings = CloudContext(self._folder, "http://127.0.0.1:1")
        self.jobs = InvocationJobStore(surroundings.folder("bedrock"), lambda: self.now)
        clients = {"s3": self.s3, "iam": FakeIam()}
        self.runner = BatchRunner(
            surroundings,
            self.jobs,
            lambda service, role: clients[service],
            self.events.append,
            self._ask,
            call_through,
        )
        self.runner.quotas = BatchQuotas(min_records=3, max_records=10, file_bytes=2000)
        self.operations = BatchOperations(
            surroundings,
            catalogue(),
            self.jobs,
            self.runner,
            lambda service, role: clients[service],
        )

    def _ask(self, operation: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        self.asked.append(json.loads(params["body"]))
        self.answer()
        if self.asked[-1].get("inputText") == "bad":
            raise AwsError("ValidationException", "bad request")
        return {"body": b'{"ok":true}', EXTRA_HEADERS: {TOKENS_IN: "3", TOKENS_OUT: "1"}}

    def put(self, *texts: str, key: str = "in/a.jsonl") -> None:
        lines = (
            json.dumps({"recordId": f"R{n}", "modelInput": {"inputText": text}})
            for n, text in enumerate(texts)
        )
        self.s3.objects[key] = "\n".join(lines).encode()

    def create(self, **more: Any) -> str:
        asked = {
            "jobName": "nightly",
            "roleArn": ROLE,
            "modelId": TITAN,
            "inputDataConfig": {"s3InputDataConfig": {"s3Uri": "s3://b/in/a.jsonl"}},
            "outputDataConfig": {"s3OutputDataConfig": {"s3Uri": "s3://b/out/"}},
            **more,
        }
        arn = self.operations.create_model_invocation_job(asked)["jobArn"]
        return str(arn)

    def get(self, arn: str) -> Mapping[str, Any]:
        return self.operations.get_model_invocation_job({"jobIdentifier": arn})

    def finish(self, arn: str) -> Mapping[str, Any]:
        end = time.monotonic() + 20
        while "endTime" not in (job := self.get(arn)):
            assert time.monotonic() < end, job
            time.sleep(0.01)
        return job

    def output(self, arn: str, name: str = "a.jsonl.out") -> list[dict[str, Any]]:
        written = self.s3.objects[f"out/{arn.rpartition('/')[2]}/{name}"]
        return [json.loads(line) for line in written.splitlines()]

    def statuses(self, arn: str) -> list[str]:
        details = [event["detail"] for event in self.events]
        return [detail["status"] for detail in details if detail["batchJobArn"] == arn]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.runner.stop()
    made.jobs.close()


def test_records_should_be_answered_and_what_fails_said(world: World) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-results.html"""
    world.put("one", "bad", "three")
    arn = world.create()
    world.runner.start()
    job = world.finish(arn)
    assert job["status"] == "Completed"
    assert (job["totalRecordCount"], job["errorRecordCount"], job["successRecordCount"]) == (
        3,
        1,
        2,
    )
    first, second, third = world.output(arn)
    assert first == {
        "recordId": "R0",
        "modelInput": {"inputText": "one"},
        "modelOutput": {"ok": True},
    }
    assert second["error"] == {"errorCode": 400, "errorMessage": "bad request"}
    assert "modelOutput" not in second
    assert third["recordId"] == "R2"
    (manifest,) = world.output(arn, "manifest.json.out")
    assert manifest == {
        "totalRecordCount": 3,
        "processedRecordCount": 3,
        "successRecordCount": 2,
        "errorRecordCount": 1,
        "inputTokenCount": 6,
        "outputTokenCount": 2,
    }


def test_every_status_should_be_told_in_its_order(world: World) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html"""
    world.put("one", "two", "three")
    arn = world.create()
    world.runner.start()
    world.finish(arn)
    world.runner.stop()
    assert world.statuses(arn) == [
        "Submitted",
        "Validating",
        "Scheduled",
        "InProgress",
        "Completed",
    ]
    event = world.events[-1]
    assert (event["source"], event["detail-type"]) == (
        "aws.bedrock",
        "Batch Inference Job State Change",
    )
    assert event["resources"] == [arn]
    assert event["detail"]["batchModelId"].endswith(f"::foundation-model/{TITAN}")
    assert event["detail"]["creationTime"] == "Sep 21, 2026, 02:13:20 PM"


def test_a_folder_should_have_an_output_for_each_of_its_files(world: World) -> None:
    world.put("one", "two", key="in/a.jsonl")
    world.put("three", key="in/more/b.jsonl")
    world.s3.objects["in/readme.txt"] = b"not records"
    arn = world.create(inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://b/in/"}})
    world.runner.start()
    assert world.finish(arn)["totalRecordCount"] == 3
    assert len(world.output(arn)) == 2
    assert len(world.output(arn, "more/b.jsonl.out")) == 1


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["one", "two"], "has 2 records; a job has 3 to 10"),
        (["x"] * 11, "has 11 records"),
        (["x" * 900] * 3, "larger than the quotas allow"),
        ([], "can't be read|has 0 records"),
    ],
)
def test_input_beyond_the_quotas_should_fail_the_job(
    world: World, texts: list[str], message: str
) -> None:
    """https://docs.aws.amazon.com/general/latest/gr/bedrock.html"""
    if texts:
        world.put(*texts)
    arn = world.create()
    world.runner.start()
    job = world.finish(arn)
    assert job["status"] == "Failed"
    assert re.search(message, job["message"])
    assert world.asked == []


def test_a_job_that_did_not_begin_in_time_should_expire(world: World) -> None:
    world.put("one", "two", "three")
    arn = world.create(timeoutDurationInHours=24)
    world.now += 24 * 3600
    world.runner.start()
    assert world.finish(arn)["status"] == "Expired"
    assert world.asked == []


def test_a_job_that_is_not_done_in_time_should_keep_what_is_done(world: World) -> None:
    world.put("one", "two", "three", "four")
    arn = world.create(timeoutDurationInHours=24)

    def late() -> None:
        if len(world.asked) == 2:
            world.now += 24 * 3600

    world.answer = late
    world.runner.start()
    job = world.finish(arn)
    assert job["status"] == "PartiallyCompleted"
    assert (job["totalRecordCount"], job["processedRecordCount"]) == (4, 2)
    assert [line["recordId"] for line in world.output(arn)] == ["R0", "R1"]


def test_a_stopped_job_should_keep_what_is_done(world: World) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/batch-inference-stop.html"""
    world.put("one", "two", "three")
    arn = world.create()

    def stop() -> None:
        if len(world.asked) == 2:
            world.operations.stop_model_invocation_job({"jobIdentifier": arn})

    world.answer = stop
    world.runner.start()
    assert world.finish(arn)["status"] == "Stopped"
    assert len(world.output(arn)) == 2
    world.runner.stop()
    assert world.statuses(arn)[-2:] == ["Stopping", "Stopped"]
    with pytest.raises(AwsError, match="ConflictException"):
        world.operations.stop_model_invocation_job({"jobIdentifier": arn})


def test_a_job_should_go_on_where_a_stop_of_the_cloud_left_it(world: World) -> None:
    world.put("one", "two", "three", "four")
    arn = world.create()
    reached = threading.Event()

    def halt() -> None:
        if len(world.asked) == 3:
            reached.set()
            time.sleep(0.2)

    world.answer = halt
    world.runner.start()
    assert reached.wait(10)
    world.runner.stop()
    world.jobs.close()
    assert world.get(arn)["status"] == "InProgress"
    world.answer = lambda: None
    world.open()
    world.runner.start()
    assert world.finish(arn)["status"] == "Completed"
    assert [line["recordId"] for line in world.output(arn)] == ["R0", "R1", "R2", "R3"]
    texts = [asked["inputText"] for asked in world.asked]
    assert texts == ["one", "two", "three", "three", "four"]


def test_a_new_job_should_be_looked_at_while_another_goes_on(world: World) -> None:
    world.put(*["x"] * 6)
    first = world.create()
    others: list[str] = []

    def another() -> None:
        if len(world.asked) == 2:
            others.append(world.create(modelId="amazon.nova-micro-v1:0"))

    world.answer = another
    world.runner.start()
    world.finish(first)
    world.finish(others[0])
    told = [(e["detail"]["batchJobArn"], e["detail"]["status"]) for e in world.events]
    assert told.index((others[0], "Scheduled")) < told.index((first, "Completed"))


def test_output_that_cannot_be_written_should_fail_the_job(world: World) -> None:
    world.put("one", "two", "three")
    world.s3.broken = True
    arn = world.create()
    world.runner.start()
    job = world.finish(arn)
    assert job["status"] == "Failed"
    assert "The output can't be written" in job["message"]


def test_the_same_token_should_make_one_job(world: World) -> None:
    world.put("one", "two", "three")
    assert world.create(clientRequestToken="t1") == world.create(clientRequestToken="t1")
    assert world.create(clientRequestToken="t2") != world.create()


def test_more_jobs_of_a_model_than_the_quota_should_be_refused(world: World) -> None:
    for _ in range(20):
        world.create()
    with pytest.raises(AwsError, match="ServiceQuotaExceededException"):
        world.create()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"roleArn": "arn:aws:iam::000000000000:role/none"}, "does not exist"),
        ({"roleArn": "arn:aws:iam::000000000000:role/other"}, "can't assume the role"),
        ({"modelId": "amazon.nova-unheard-of-v9:0"}, "identifier is invalid"),
        ({"vpcConfig": {"subnetIds": [], "securityGroupIds": []}}, "no networks"),
        (
            {
                "outputDataConfig": {
                    "s3OutputDataConfig": {"s3Uri": "s3://b/", "s3EncryptionKeyId": "k"}
                }
            },
            "encrypts nothing",
        ),
        ({"outputDataConfig": {}}, "must name locations in S3"),
        (
            {
                "inputDataConfig": {
                    "s3InputDataConfig": {"s3Uri": "s3://b/a.jsonl", "s3BucketOwner": "1" * 12}
                }
            },
            "buckets of the account 000000000000 only",
        ),
    ],
)
def test_what_cannot_be_a_job_should_be_refused(
    world: World, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        world.create(**more)


def test_jobs_should_be_listed_in_pages_and_narrowed(world: World) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListModelInvocationJobs.html"""
    arns = [world.create(jobName=f"job-{n}") for n in range(3)]
    listed = world.operations.list_model_invocation_jobs
    page = listed({"maxResults": 2})
    assert [job["jobArn"] for job in page["invocationJobSummaries"]] == [arns[2], arns[1]]
    rest = listed({"maxResults": 2, "nextToken": page["nextToken"]})
    assert [job["jobArn"] for job in rest["invocationJobSummaries"]] == [arns[0]]
    assert "nextToken" not in rest
    named = listed({"nameContains": "b-1", "sortOrder": "Ascending", "statusEquals": "Submitted"})
    assert [job["jobName"] for job in named["invocationJobSummaries"]] == ["job-1"]
    with pytest.raises(AwsError, match="ResourceNotFoundException"):
        world.get("aaaaaaaaaaaa")
