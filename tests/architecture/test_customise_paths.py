"""The paths through the `customise` state machine: what is told, and what is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.ingest_definition import ROOT, definition_text
from tests.unit.stepfunctions.bench import Bench, aws_error

FILE = ROOT / "statemachines" / "customise.asl.json"
ARN = "arn:aws:bedrock:us-east-1:000000000000:model-customization-job/amazon.nova-micro/abc"
JOB = {
    "JobName": "notes",
    "CustomModelName": "notes",
    "BaseModelIdentifier": "amazon.nova-micro-v1:0:128k",
    "TrainingDataConfig": {"S3Uri": "s3://bucket/models/bedrock/rows/notes/train.jsonl"},
    "OutputDataConfig": {"S3Uri": "s3://bucket/models/bedrock/notes/"},
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.service.stop()


def run(bench: Bench, status: str, *, deletes: bool = True) -> tuple[dict[str, Any], list[str]]:
    """Run an execution; return how it ended and the states that it went through."""

    def delete(_: dict[str, Any]) -> dict[str, Any]:
        if not deletes:
            raise aws_error("AccessDenied", "no", 403)
        return {}

    shown = {
        "jobArn": ARN,
        "jobName": "notes",
        "outputModelName": "notes",
        "roleArn": "arn:aws:iam::000000000000:role/tunes",
        "status": status,
        "baseModelArn": "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-micro-v1:0",
        "creationTime": datetime.now(UTC),
        "trainingDataConfig": {"s3Uri": "s3://bucket/t"},
        "outputDataConfig": {"s3Uri": "s3://bucket/o"},
        "outputModelArn": ARN.replace("model-customization-job", "custom-model"),
        **({"failureMessage": "too few"} if status == "Failed" else {}),
    }
    bench.answers |= {
        "bedrock.create_model_customization_job": lambda _: {"jobArn": ARN},
        "bedrock.get_model_customization_job": lambda _: shown,
        "bedrock.stop_model_customization_job": lambda _: {},
        "s3.delete_object": delete,
        "events.put_events": lambda _: {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
    }
    text = definition_text(FILE)
    for name, value in (
        ("CustomisationRoleArn", "arn:aws:iam::000000000000:role/tunes"),
        ("DocumentsBucket", "bucket"),
        ("EventBus", "bus"),
    ):
        text = text.replace(f"${{{name}}}", value)
    ended = bench.run(json.loads(text), {"job": JOB})
    entered = [each.get("stateEnteredEventDetails") for each in bench.events(ended["executionArn"])]
    return ended, [each["name"] for each in entered if each]


@pytest.mark.parametrize("deletes", [True, False])
def test_conversations_are_deleted_once_there_is_a_model(bench: Bench, deletes: bool) -> None:
    ended, states = run(bench, "Completed", deletes=deletes)
    assert states == ["Customise", "DeleteRows", "AnnounceRegistered"]
    assert ended["status"] == "SUCCEEDED"
    assert json.loads(ended["output"])["arn"].endswith("custom-model/amazon.nova-micro/abc")
    (deleted,) = (given for name, given in bench.calls if name == "s3.delete_object")
    assert deleted == {"Bucket": "bucket", "Key": "models/bedrock/rows/notes/train.jsonl"}


@pytest.mark.parametrize("deletes", [True, False])
@pytest.mark.parametrize(
    ("status", "reason"), [("Failed", "too few"), ("Stopped", "The job ended as Stopped")]
)
def test_conversations_of_a_job_that_failed_are_deleted(
    bench: Bench, status: str, reason: str, deletes: bool
) -> None:
    ended, states = run(bench, status, deletes=deletes)
    assert states == ["Customise", "RecordFailure", "DeleteLeftRows", "AnnounceFailed", "Failed"]
    assert (ended["status"], ended["cause"]) == ("FAILED", reason)
    (told,) = (given for name, given in bench.calls if name == "events.put_events")
    assert json.loads(told["Entries"][0]["Detail"])["reason"] == reason
    assert [name for name, _ in bench.calls if name == "s3.delete_object"]
