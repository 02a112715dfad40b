"""A real first event for every function, taken from a local cloud that has ingested a document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.running_cloud import Caller
from benchmarks.small_documents import KINDS, question

PROJECT = Path(__file__).resolve().parent.parent
COLLECTION = "bench"


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A function with its environment, and the event that it is first invoked with."""

    name: str
    handler: str
    environment: Mapping[str, str]
    event: Mapping[str, Any]


def cold_starts(caller: Caller) -> list[ColdStart]:
    """Return every function of the template, the API's twice: for its records and for a search."""
    content = KINDS["pdf"](1)
    announced = caller.announce("sluice-1.pdf", content, COLLECTION)
    caller.post(announced, content)
    document = caller.settled(announced["document_id"])
    events = _events(caller, document)
    listed = caller.cloud.client("lambda").list_functions(MaxItems=50)["Functions"]
    found = []
    for function in sorted(listed, key=lambda each: each["FunctionName"]):
        for label, event in events.pop(function["Handler"]).items():
            variables = {
                **function["Environment"]["Variables"],
                "AWS_LAMBDA_FUNCTION_NAME": function["FunctionName"],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function["MemorySize"]),
            }
            found.append(ColdStart(label, function["Handler"], variables, event))
    return found


def _events(caller: Caller, document: dict[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return events by handler and by the name that the figure gets."""
    history = caller.history(document["version"])
    steps = _payloads(history)
    execution = json.loads(history[0]["executionStartedEventDetails"]["input"])
    search = {"query": question(1), "collection": COLLECTION}
    path = f"/v1/documents/{document['document_id']}"
    return {
        "app.app": {
            "API, GET a document": _http(
                "GET", "/v1/documents/{document_id}", path, document_id=document["document_id"]
            ),
            "API, POST a search": _http("POST", "/v1/search", "/v1/search", json.dumps(search)),
        },
        "app.authorizer": {"authorizer": _authorizer(caller)},
        "app.object_created": {"object_created": _arrival(execution)},
        "app.execution_ended": {"execution_ended": _ended(caller, document, execution)},
        "app.sweep": {"sweep": _event("aws.events", "Scheduled Event", {})},
        "functions.embed_text.handler.handler": {
            "embed_text": json.loads(
                (PROJECT / "functions" / "embed_text" / "event.json").read_text()
            )
        },
        **{
            f"functions.{name}.handler.handler": {name: payload}
            for name, payload in zip(
                ("read_document", "chunk_document", "embed_chunks"), steps, strict=True
            )
        },
    }


def _payloads(history: list[dict[str, Any]]) -> list[Mapping[str, Any]]:
    """Return what the execution invoked its functions with, in order."""
    scheduled = [
        event["taskScheduledEventDetails"] for event in history if event["type"] == "TaskScheduled"
    ]
    return [
        json.loads(details["parameters"])["Payload"]
        for details in scheduled
        if details["resourceType"] == "lambda"
    ]


def _http(
    method: str, resource: str, path: str, body: str | None = None, **parameters: str
) -> dict[str, Any]:
    headers = {"Content-Type": "application/json", "Host": "localhost"}
    return {
        "resource": resource,
        "path": path,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "requestId": "00000000-0000-0000-0000-000000000001",
            "resourcePath": resource,
            "httpMethod": method,
            "path": path,
            "stage": "local",
            "identity": {"sourceIp": "127.0.0.1"},
            "authorizer": {"principalId": "local", "tenant": "local"},
        },
        "body": body,
        "isBase64Encoded": False,
    }


def _authorizer(caller: Caller) -> dict[str, Any]:
    return {
        "type": "TOKEN",
        "authorizationToken": f"Bearer {caller.cloud.api_key}",
        "methodArn": "arn:aws:execute-api:us-east-1:000000000000:api/local/GET/v1/documents",
    }


def _event(source: str, kind: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": kind,
        "source": source,
        "account": "000000000000",
        "time": "2026-05-04T12:29:59Z",
        "region": "us-east-1",
        "resources": [],
        "detail": dict(detail),
    }


def _arrival(execution: Mapping[str, Any]) -> dict[str, Any]:
    """Return a batch with the arrival of the document again, which is claimed already."""
    sample = json.loads((PROJECT / "tests" / "events" / "object-created.json").read_text())
    sample["detail"]["bucket"]["name"] = execution["bucket"]
    sample["detail"]["object"] |= {
        "key": execution["key"],
        "size": execution["bytes"],
        "version-id": execution["object_version_id"],
        "sequencer": execution["order"],
    }
    record = {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "none",
        "body": json.dumps(sample),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:headrace-local-inbox",
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


def _ended(
    caller: Caller, document: dict[str, Any], execution: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the end of the document's execution, which is settled already."""
    machine = caller.cloud.outputs["IngestMachineArn"]
    name = f"{document['version']}-1"
    return _event(
        "aws.states",
        "Step Functions Execution Status Change",
        {
            "executionArn": f"{machine.replace(':stateMachine:', ':execution:')}:{name}",
            "stateMachineArn": machine,
            "name": name,
            "status": "SUCCEEDED",
            "startDate": 1777897800000,
            "stopDate": 1777897801000,
            "input": json.dumps(execution),
            "output": None,
            "inputDetails": {"included": True},
            "outputDetails": None,
            "error": None,
            "cause": None,
        },
    )
