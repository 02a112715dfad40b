"""The paths through the `import` state machine: how long it waits, and what is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.ingest_definition import ROOT, definition_text
from tests.unit.stepfunctions.bench import Bench

FILE = ROOT / "statemachines" / "import.asl.json"
ARN = "arn:aws:bedrock:us-east-1:000000000000:model-import-job/abc"
ROLE = "arn:aws:iam::000000000000:role/tunes"
SOURCE = {"S3DataSource": {"S3Uri": "s3://bucket/models/bases/abc/"}}
JOB = {"JobName": "notes-1", "ImportedModelName": "notes", "ModelDataSource": SOURCE}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.service.stop()


def run(bench: Bench, *statuses: str) -> tuple[dict[str, Any], list[str]]:
    """Run an execution; return how it ended and the states that it went through."""
    left = list(statuses)

    def look(_: dict[str, Any]) -> dict[str, Any]:
        status = left.pop(0)
        return {
            "jobArn": ARN,
            "status": status,
            "creationTime": datetime.now(UTC),
            "modelDataSource": {"s3DataSource": {"s3Uri": "s3://bucket/models/bases/abc/"}},
            **({"importedModelArn": "arn:model"} if status == "Completed" else {}),
            **({"failureMessage": "no such architecture"} if status == "Failed" else {}),
        }

    bench.answers |= {
        "bedrock.create_model_import_job": lambda _: {"jobArn": ARN},
        "bedrock.get_model_import_job": look,
        "events.put_events": lambda _: {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
    }
    text = definition_text(FILE).replace("${CustomisationRoleArn}", ROLE)
    ended = bench.run(json.loads(text.replace("${EventBus}", "bus")), {"job": JOB})
    entered = [each.get("stateEnteredEventDetails") for each in bench.events(ended["executionArn"])]
    return ended, [each["name"] for each in entered if each]


def told(bench: Bench) -> dict[str, Any]:
    """Return the detail of the one event."""
    (given,) = (given for name, given in bench.calls if name == "events.put_events")
    (entry,) = given["Entries"]
    return {"type": entry["DetailType"], **json.loads(entry["Detail"])}


def test_an_import_is_waited_for_and_announced(bench: Bench) -> None:
    ended, states = run(bench, "InProgress", "Completed")
    look = ["Rest", "Look", "Ended"]
    assert states == ["Import", *look, *look, "AnnounceRegistered"]
    artefact = "s3://bucket/models/bases/abc/"
    assert json.loads(ended["output"]) == {"arn": "arn:model", "artefact": artefact}
    assert told(bench)["type"] == "model.registered"
    ((_, asked),) = (call for call in bench.calls if call[0] == "bedrock.create_model_import_job")
    assert asked["roleArn"] == ROLE


def test_an_import_that_failed_says_why(bench: Bench) -> None:
    ended, states = run(bench, "Failed")
    assert states[-2:] == ["RecordFailure", "Failed"]
    assert (ended["error"], ended["cause"]) == ("ImportFailed", "no such architecture")
    assert told(bench)["reason"] == "no such architecture"


def test_an_import_without_an_end_is_told_after_a_day(bench: Bench) -> None:
    """The execution's own timeout would tell nobody."""
    ended, states = run(bench, *["InProgress"] * 200)
    assert (ended["error"], states[-2:]) == ("ImportTimeout", ["RecordFailure", "Failed"])
    assert "headrace models imports" in told(bench)["reason"]
    hours = (ended["stopDate"] - ended["startDate"]).total_seconds() / 3600
    assert 24 < hours < 25.5
    assert states.count("Look") < 150
