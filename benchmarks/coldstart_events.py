"""First events of every function, from a local cloud with an ingested document and scan.

Events of executions and of the API are replayed. Functions of jobs and of batches, the one that
gathers parts and the one that draws get a job, parts or a model that do not exist: they create
their clients, look them up, and report that, or do nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.running_cloud import Caller
from benchmarks.small_documents import KINDS, question
from functions.run_model.handler import TASKS
from tests.data.formats import make_pdfs
from tests.samples import samples

PROJECT = Path(__file__).resolve().parent.parent
COLLECTION = "bench"
SAMPLED = (
    *("check_support", "embed_text", "rerank_passages", "stream_answer", "gather_parts"),
    *("export_documents", "remove_data", "reindex_tenant", "reembed_passages"),
    *("screen_image", "screen_text", "label_picture", "stream_chat"),
    *("prepare_batch", "generate_items", "generate_one", "harvest_batch", "reduce_batch"),
    "generate_image",
    *("answer_image", "caption_image", "classify_image", "embed_image"),
    *("complete_text", "label_text", "score_answer", "run_schedule", "render_page"),
    *("run_evaluation", "evaluate_cases", "run_code", "extract_fields"),
    *("advance_rollout", "replay_calls", "stop_rollout", "improve_model", "transcribe_speech"),
    "read_media",
)
"""The functions whose sample is the event, or nearly so."""

FEW_WORDS = {"stream": True, "max_tokens": 4, "temperature": 0}
"""What bounds a chat, whose model answers in another process."""

ERRORS = {
    "advance_rollout": "NotFound",
    "replay_calls": "NotFound",
    "answer_image": "Conflict",
    "caption_image": "Conflict",
    "classify_image": "Conflict",
    "complete_text": "Conflict",
    "embed_image": "Conflict",
    "gather_parts": "NotFound",
    "read_media": "NotFound",
    "export_documents": "NotFound",
    "extract_fields": "NotFound",
    "remove_data": "NotFound",
    "reindex_tenant": "NotFound",
    "prepare_batch": "NotFound",
    "generate_image": "Conflict",
    "label_text": "Conflict",
    "generate_one": "NotFound",
    "harvest_batch": "NotFound",
    "reduce_batch": "NotFound",
    "render_page": "NotFound",
    "run_evaluation": "NotFound",
    "run_schedule": "NotFound",
    "score_answer": "Conflict",
}
"""By function: what it says of a job, or of parts, that are not there."""


@dataclass(frozen=True, slots=True)
class ColdStart:
    """A function with its environment, and the event of its first invocation.

    `error` is the name of the error that it answers with, or empty for none.
    """

    name: str
    handler: str
    environment: Mapping[str, str]
    event: Mapping[str, Any]
    error: str = ""

    @property
    def streams(self) -> bool:
        """Return whether the function uses the Runtime API by itself."""
        return "AWS_LAMBDA_EXEC_WRAPPER" in self.environment


def cold_starts(caller: Caller) -> list[ColdStart]:
    """Return every function of the template; the API twice: for its records and for a search."""
    document = _ingested(caller, "sluice-1.pdf", KINDS["pdf"](1))
    scan = _ingested(caller, "scan.pdf", make_pdfs.mixed())
    events = _events(caller, document) | _of_rooms(caller, document, scan)
    starts = []
    for function in sorted(caller.functions(), key=lambda each: each["FunctionName"]):
        for label, event in events.pop(function["Handler"]).items():
            variables = {
                **function["Environment"]["Variables"],
                "AWS_LAMBDA_FUNCTION_NAME": function["FunctionName"],
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function["MemorySize"]),
            }
            error = ERRORS.get(label, "")
            starts.append(ColdStart(label, function["Handler"], variables, event, error))
    return starts


def _ingested(caller: Caller, path: str, content: bytes) -> dict[str, Any]:
    announced = caller.announce(path, content, COLLECTION)
    caller.post(announced, content)
    return caller.settled(announced["document_id"])


def _events(caller: Caller, document: dict[str, Any]) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return events by handler and by the name of the figure."""
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
        "app.sweep_jobs": {"sweep_jobs": _event("aws.events", "Scheduled Event", {})},
        "app.job_ended": {"job_ended": _job_ended(caller)},
        "app.schedule_due": {"schedule_due": schedule_due_event()},
        "app.webhook_due": {"webhook_due": _announced()},
        **{
            f"functions.{name}.handler.handler": {name: payload}
            for name, payload in zip(
                ("read_document", "chunk_document", "embed_chunks"), steps, strict=True
            )
        },
    }


def _of_rooms(
    caller: Caller, document: dict[str, Any], scan: dict[str, Any]
) -> dict[str, dict[str, Mapping[str, Any]]]:
    """Return the events of the functions that an ingest of a small file does not invoke."""
    bucket = caller.cloud.outputs["DocumentsBucketName"]
    events = {name: _sample(name) for name in SAMPLED}
    for name in ERRORS:
        events[name] |= {"tenant": "local", "bucket": bucket}
    events["gather_parts"]["results"] |= {"Bucket": bucket}
    for name in ("generate_items", "evaluate_cases"):
        events[name]["BatchInput"] |= {"tenant": "local", "bucket": bucket}
    events["reembed_passages"] |= {
        "tenant": "local",
        "document_id": document["document_id"],
        "version": document["version"],
    }
    streamed = {
        "stream_answer": {"question": question(1), "collection": COLLECTION},
        "stream_chat": {**json.loads(events["stream_chat"]["body"]), **FEW_WORDS},
    }
    for name, request in streamed.items():
        events[name] |= {"body": json.dumps(request)}
        events[name]["requestContext"]["authorizer"] |= {"tenant": "local"}
    events["recognise_pages"] = next(
        payload for payload in _payloads(caller.history(scan["version"])) if "recognise" in payload
    )
    return {_handler(name): {name: event} for name, event in events.items()}


def _handler(name: str) -> str:
    module, attribute = ("run_model", name) if name in TASKS else (name, "handler")
    return f"functions.{module}.handler.{attribute}"


def _sample(name: str) -> Any:
    return json.loads(samples()[name].read_text())


def _payloads(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the payloads with which the execution invoked its functions, in order."""
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
    """Return an event batch with the document's arrival again, which is claimed already."""
    sample = json.loads((PROJECT / "tests" / "events" / "object-created.json").read_text())
    sample["detail"]["bucket"]["name"] = execution["bucket"]
    sample["detail"]["object"] |= {
        "key": execution["key"],
        "size": execution["bytes"],
        "version-id": execution["object_version_id"],
        "sequencer": execution["order"],
    }
    return _batch(sample, "inbox")


def _announced() -> dict[str, Any]:
    """Return an event batch with an event that no webhook of the tenant subscribes to."""
    sample = json.loads((PROJECT / "tests" / "events" / "document.ready.json").read_text())
    sample["detail"]["tenant"] = "local"
    return _batch(sample, "webhooks")


def schedule_due_event() -> dict[str, Any]:
    """Return an event batch with the time of a schedule that is gone."""
    due = {
        "tenant": "local",
        "schedule": "nightly",
        "schedule_id": "01J9ZQ3V5B8X6N2M4K7T0RWFHD",
        "scheduled_at": "2027-01-01T02:00:00Z",
    }
    return _batch(due, "schedules")


def _batch(body: Mapping[str, Any], queue: str) -> dict[str, Any]:
    record = {
        "messageId": "059f36b4-87a3-44ab-83d2-661975830a7d",
        "receiptHandle": "none",
        "body": json.dumps(body),
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "",
        "eventSource": "aws:sqs",
        "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:headrace-local-{queue}",
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


def _ended(
    caller: Caller, document: dict[str, Any], execution: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the end event of the document's execution, which is settled already."""
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


def _job_ended(caller: Caller) -> dict[str, Any]:
    """Return the end event of an execution of a job without a record."""
    machine = caller.cloud.outputs["ExportMachineArn"]
    sample: dict[str, Any] = json.loads(
        (PROJECT / "tests" / "events" / "execution-ended.json").read_text()
    )
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:01J9ZQ3V5B8X6N2M4K7T0RWFHD-1"
    sample["resources"] = [execution]
    sample["detail"] |= {
        "executionArn": execution,
        "stateMachineArn": machine,
        "name": "01J9ZQ3V5B8X6N2M4K7T0RWFHD-1",
        "input": json.dumps({"tenant": "local", "job_id": "01J9ZQ3V5B8X6N2M4K7T0RWFHD"}),
    }
    return sample
