"""Histories as AWS records them, reduced to what tells.

Each case names its source. `LS` is the set of recordings of the real service that LocalStack
publishes under tests/aws/services/stepfunctions/v2 (the `*.snapshot.json` files; Apache-2.0):
the facts are taken from there, the state machines are our own. An event is
`(previousEventId, type, details)`; its id is its place, its details are compared where given.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.unit.stepfunctions.bench import aws_error

Events = list[tuple[int, str, dict[str, Any]]]
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
LAMBDA = "arn:aws:states:::lambda:invoke"
QUEUE = "http://sqs.us-east-1.localhost/000000000000/q"
WHOLE = {"truncated": False}
FAILURE = '{"errorMessage":"Some exception was raised.","errorType":"Exception"}'


@dataclass(frozen=True)
class Case:
    name: str
    source: str
    definition: dict[str, Any]
    events: Events
    value: Any = None
    answers: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = field(default_factory=dict)


def machine(states: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"StartAt": next(iter(states)), "States": states, **more}


def one(state: dict[str, Any], **more: Any) -> dict[str, Any]:
    return machine({"S": {**state, "End": True}}, **more)


def payload(value: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    text = json.dumps(value).encode()
    return lambda _: {"StatusCode": 200, "Payload": io.BytesIO(text)}


def failing(_: dict[str, Any]) -> dict[str, Any]:
    body = io.BytesIO(FAILURE.encode())
    return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": body}


def refusing(code: str, message: str, status: int = 400) -> Callable[[Any], dict[str, Any]]:
    def refuse(_: dict[str, Any]) -> dict[str, Any]:
        raise aws_error(code, message, status)

    return refuse


def entered(name: str, value: str) -> dict[str, Any]:
    return {"name": name, "input": value, "inputDetails": WHOLE}


def exited(name: str, output: str) -> dict[str, Any]:
    return {"name": name, "output": output, "outputDetails": WHOLE}


def service(kind: str, action: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": kind, "resource": action, **more}


STARTED = (0, "ExecutionStarted", {"inputDetails": WHOLE})
SENT = {"MessageBody": {"Token.$": "$$.Task.Token"}, "QueueUrl": QUEUE}
SQS_TOKEN = service("sqs", "sendMessage.waitForTaskToken")
HANDLED = {"ErrorEquals": ["States.ALL"], "Next": "Caught"}
ITERATION = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}
BROKEN = {"StartAt": "I", "States": {"I": {"Type": "Fail", "Error": "E", "Cause": "C"}}}
DISTRIBUTED = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
FROM_S3 = {
    "Resource": "arn:aws:states:::s3:getObject",
    "ReaderConfig": {"InputType": "JSON"},
    "Parameters": {"Bucket": "b", "Key": "k"},
}


def stored(text: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda _: {"Body": io.BytesIO(text.encode())}


def iteration(index: int) -> dict[str, Any]:
    return {"name": "S", "index": index}


PASS = one({"Type": "Pass", "Result": {"Arg1": "argument1"}})
WAIT = one({"Type": "Wait", "Seconds": 60})
