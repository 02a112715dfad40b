"""The benchmark of cold starts has a first event for each function of the template."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any, cast

from benchmarks.coldstart_events import ERRORS, cold_starts
from benchmarks.running_cloud import Caller
from tests.architecture.templates import plain


def invoked(**payload: Any) -> dict[str, Any]:
    parameters = json.dumps({"Payload": payload})
    details = {"resourceType": "lambda", "parameters": parameters}
    return {"type": "TaskScheduled", "taskScheduledEventDetails": details}


class IngestedOnPaper:
    """What the events are made from, of a cloud that has the template's functions."""

    def __init__(self) -> None:
        functions = [
            {
                "FunctionName": name,
                "Handler": resource["Properties"]["Handler"],
                "MemorySize": 512,
                "Environment": {"Variables": {}},
            }
            for name, resource in plain("dev")["Resources"].items()
            if resource["Type"] == "AWS::Lambda::Function"
        ]
        self.listed = functions
        outputs = dict.fromkeys(
            ("DocumentsBucketName", "IngestMachineArn", "ExportMachineArn"), "arn:stateMachine:x"
        )
        self.cloud = SimpleNamespace(outputs=outputs, api_key="key")

    def functions(self) -> list[dict[str, Any]]:
        return self.listed

    def announce(self, path: str, content: bytes, collection: str) -> dict[str, Any]:
        return {"document_id": path}

    def post(self, announced: dict[str, Any], content: bytes) -> None:
        assert content

    def settled(self, document_id: str) -> dict[str, Any]:
        return {"document_id": document_id, "version": document_id}

    def history(self, version: str) -> list[dict[str, Any]]:
        given = {
            "bucket": "b", "key": "k", "bytes": 1, "object_version_id": "v", "order": "0",
        }  # fmt: skip
        begun = {"executionStartedEventDetails": {"input": json.dumps(given)}}
        steps = [{"recognise": [1]}] if version == "scan.pdf" else [{}, {}, {}]
        return [begun | {"type": "ExecutionStarted"}, *(invoked(**step) for step in steps)]


def test_every_function_has_a_first_event_and_the_api_two() -> None:
    caller = IngestedOnPaper()
    starts = cold_starts(cast("Caller", caller))
    handlers = sorted(each["Handler"] for each in caller.listed)
    assert sorted(start.handler for start in starts) == sorted([*handlers, "app.app"])
    assert len({start.name for start in starts}) == len(starts)
    assert {start.name for start in starts if start.error} == set(ERRORS)
