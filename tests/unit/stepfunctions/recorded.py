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


CASES = [
    Case(
        "pass",
        "LS test_sfn_api.py::test_start_execution",
        one({"Type": "Pass", "Result": {"Arg1": "argument1"}}),
        [
            STARTED,
            (0, "PassStateEntered", entered("S", "{}")),
            (2, "PassStateExited", exited("S", '{"Arg1":"argument1"}')),
            (3, "ExecutionSucceeded", {"output": '{"Arg1":"argument1"}', "outputDetails": WHOLE}),
        ],
    ),
    Case(
        "map_one_at_a_time",
        "LS scenarios/test_base_scenarios.py::test_map_state_break_condition",
        one({"Type": "Map", "MaxConcurrency": 1, "ItemProcessor": ITERATION}),
        [
            STARTED,
            (0, "MapStateEntered", entered("S", '[1,"Hello"]')),
            (2, "MapStateStarted", {"length": 2}),
            (3, "MapIterationStarted", iteration(0)),
            (4, "PassStateEntered", entered("I", "1")),
            (5, "PassStateExited", exited("I", "1")),
            (6, "MapIterationSucceeded", iteration(0)),
            (6, "MapIterationStarted", iteration(1)),
            (8, "PassStateEntered", entered("I", '"Hello"')),
            (9, "PassStateExited", exited("I", '"Hello"')),
            (10, "MapIterationSucceeded", iteration(1)),
            (11, "MapStateSucceeded", {}),
            (11, "MapStateExited", exited("S", '[1,"Hello"]')),
            (13, "ExecutionSucceeded", {}),
        ],
        value=[1, "Hello"],
    ),
    Case(
        "map_caught",
        "LS scenarios/test_base_scenarios.py::test_map_state_catch",
        machine(
            {
                "S": {"Type": "Map", "ItemProcessor": BROKEN, "End": True, "Catch": [HANDLED]},
                "Caught": {"Type": "Pass", "End": True},
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 1}),
            (3, "MapIterationStarted", iteration(0)),
            (4, "FailStateEntered", entered("I", "1")),
            (5, "MapIterationFailed", iteration(0)),
            (5, "MapStateFailed", {}),
            (7, "MapStateExited", exited("S", '{"Error":"E","Cause":"C"}')),
            (8, "PassStateEntered", entered("Caught", '{"Error":"E","Cause":"C"}')),
            (9, "PassStateExited", {}),
            (10, "ExecutionSucceeded", {}),
        ],
        value=[1],
    ),
    Case(
        "map_retried",
        "LS scenarios/test_base_scenarios.py::test_map_state_retry",
        one(
            {
                "Type": "Map",
                "ItemProcessor": BROKEN,
                "Retry": [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 1}],
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 1}),
            (3, "MapIterationStarted", iteration(0)),
            (4, "FailStateEntered", {}),
            (5, "MapIterationFailed", iteration(0)),
            (5, "MapStateStarted", {"length": 1}),
            (7, "MapIterationStarted", iteration(0)),
            (8, "FailStateEntered", {}),
            (9, "MapIterationFailed", iteration(0)),
            (9, "MapStateFailed", {}),
            (11, "ExecutionFailed", {"error": "E", "cause": "C"}),
        ],
        value=[1],
    ),
    Case(
        "function_failed",
        "LS error_handling/test_task_lambda.py::test_raise_exception",
        one({"Type": "Task", "Resource": FUNCTION}),
        [
            STARTED,
            (0, "TaskStateEntered", entered("S", '{"a":1}')),
            (
                2,
                "LambdaFunctionScheduled",
                {"resource": FUNCTION, "input": '{"a":1}', "inputDetails": WHOLE},
            ),
            (3, "LambdaFunctionStarted", {}),
            (4, "LambdaFunctionFailed", {"error": "Exception", "cause": FAILURE}),
            (5, "ExecutionFailed", {"error": "Exception", "cause": FAILURE}),
        ],
        value={"a": 1},
        answers={"lambda.invoke": failing},
    ),
    Case(
        "function_retried_and_caught",
        "LS scenarios/test_base_scenarios.py::test_lambda_invoke_with_retry_base",
        machine(
            {
                "S": {
                    "Type": "Task",
                    "Resource": FUNCTION,
                    "Retry": [{"ErrorEquals": ["Exception"], "MaxAttempts": 1}],
                    "Catch": [HANDLED],
                    "End": True,
                },
                "Caught": {"Type": "Pass", "End": True},
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "LambdaFunctionScheduled", {}),
            (3, "LambdaFunctionStarted", {}),
            (4, "LambdaFunctionFailed", {}),
            (5, "LambdaFunctionScheduled", {}),
            (6, "LambdaFunctionStarted", {}),
            (7, "LambdaFunctionFailed", {}),
            (8, "TaskStateExited", {"name": "S"}),
            (9, "PassStateEntered", {"name": "Caught"}),
            (10, "PassStateExited", {}),
            (11, "ExecutionSucceeded", {}),
        ],
        answers={"lambda.invoke": failing},
    ),
    Case(
        "no_such_function",
        "LS error_handling/test_task_service_lambda.py::test_no_such_function",
        one({"Type": "Task", "Resource": LAMBDA, "Parameters": {"FunctionName": "no"}}),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (
                2,
                "TaskScheduled",
                service("lambda", "invoke", region="us-east-1", parameters='{"FunctionName":"no"}'),
            ),
            (3, "TaskStarted", service("lambda", "invoke")),
            (
                4,
                "TaskFailed",
                service(
                    "lambda",
                    "invoke",
                    error="Lambda.ResourceNotFoundException",
                    cause="Function not found: no (Service: AWSLambda; Status Code: 404; "
                    "Error Code: ResourceNotFoundException; Request ID: request-1; Proxy: null)",
                ),
            ),
            (5, "ExecutionFailed", {"error": "Lambda.ResourceNotFoundException"}),
        ],
        answers={
            "lambda.invoke": refusing("ResourceNotFoundException", "Function not found: no", 404)
        },
    ),
    Case(
        "no_such_table",
        "LS error_handling/test_task_service_dynamodb.py::test_put_item_no_such_table",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {"TableName": "t", "Item": {"id": {"S": "1"}}},
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", {"resourceType": "dynamodb"}),
            (3, "TaskStarted", {}),
            (
                4,
                "TaskFailed",
                service(
                    "dynamodb",
                    "putItem",
                    error="DynamoDB.ResourceNotFoundException",
                    cause="Requested resource not found (Service: AmazonDynamoDBv2; "
                    "Status Code: 400; Error Code: ResourceNotFoundException; "
                    "Request ID: request-1; Proxy: null)",
                ),
            ),
            (5, "ExecutionFailed", {"error": "DynamoDB.ResourceNotFoundException"}),
        ],
        answers={
            "dynamodb.put_item": refusing(
                "ResourceNotFoundException", "Requested resource not found"
            )
        },
    ),
    Case(
        "missing_item",
        "LS error_handling/test_task_service_dynamodb.py::test_invalid_param",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::dynamodb:putItem",
                "Parameters": {"TableName": "t", "Item": None},
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", {"parameters": '{"TableName":"t","Item":null}'}),
            (3, "TaskStarted", {}),
            (
                4,
                "TaskFailed",
                {
                    "error": "DynamoDB.AmazonDynamoDBException",
                    "cause": "1 validation error detected: Value null at 'item' failed to "
                    "satisfy constraint: Member must not be null (Service: AmazonDynamoDBv2; "
                    "Status Code: 400; Error Code: ValidationException; Request ID: ; "
                    "Proxy: null)",
                },
            ),
            (5, "ExecutionFailed", {}),
        ],
    ),
    Case(
        "sdk_error_of_the_model",
        "LS error_handling/test_aws_sdk.py::test_no_such_bucket",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:listObjects",
                "Parameters": {"Bucket": "b"},
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", service("aws-sdk:s3", "listObjects")),
            (3, "TaskStarted", {}),
            (
                4,
                "TaskFailed",
                {
                    "error": "S3.NoSuchBucketException",
                    "cause": "The specified bucket does not exist (Service: S3, "
                    "Status Code: 404, Request ID: request-1, Extended Request ID: None)",
                },
            ),
            (5, "ExecutionFailed", {}),
        ],
        answers={
            "s3.list_objects": refusing("NoSuchBucket", "The specified bucket does not exist", 404)
        },
    ),
    Case(
        "sdk_error_beyond_the_model",
        "LS error_handling/test_aws_sdk.py::test_invalid_secret_name",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:secretsmanager:createSecret",
                "Parameters": {"Name": "Invalid Name", "SecretString": "HelloWorld"},
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", service("aws-sdk:secretsmanager", "createSecret")),
            (3, "TaskStarted", {}),
            (
                4,
                "TaskFailed",
                {
                    "error": "SecretsManager.SecretsManagerException",
                    "cause": "Invalid name. (Service: SecretsManager, Status Code: 400, "
                    "Request ID: request-1)",
                },
            ),
            (5, "ExecutionFailed", {}),
        ],
        answers={"secretsmanager.create_secret": refusing("ValidationException", "Invalid name.")},
    ),
    Case(
        "malformed_event",
        "LS services/test_events_task_service.py::test_put_events_malformed_detail",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {"Entries": [{"Detail": "x", "DetailType": "t", "Source": "s"}]},
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", service("events", "putEvents")),
            (3, "TaskStarted", {}),
            (
                4,
                "TaskFailed",
                {
                    "error": "EventBridge.FailedEntry",
                    "cause": '{"Entries":[{"ErrorCode":"MalformedDetail",'
                    '"ErrorMessage":"Detail is malformed."}],"FailedEntryCount":1}',
                },
            ),
            (5, "ExecutionFailed", {"error": "EventBridge.FailedEntry"}),
        ],
        answers={
            "events.put_events": lambda _: {
                "FailedEntryCount": 1,
                "Entries": [
                    {"ErrorCode": "MalformedDetail", "ErrorMessage": "Detail is malformed."}
                ],
            }
        },
    ),
    Case(
        "token_never_comes",
        "LS callback/test_callback.py::test_sqs_wait_for_task_token_timeout",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": SENT,
                "TimeoutSeconds": 5,
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", {**SQS_TOKEN, "timeoutInSeconds": 5}),
            (3, "TaskStarted", SQS_TOKEN),
            (4, "TaskSubmitted", SQS_TOKEN),
            (5, "TaskTimedOut", {**SQS_TOKEN, "error": "States.Timeout"}),
            (6, "ExecutionFailed", {"error": "States.Timeout"}),
        ],
        answers={"sqs.send_message": lambda _: {"MessageId": "m", "MD5OfMessageBody": "5"}},
    ),
    Case(
        "no_heartbeat",
        "LS timeouts/test_heartbeats.py::test_heartbeat_timeout",
        one(
            {
                "Type": "Task",
                "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
                "Parameters": SENT,
                "TimeoutSeconds": 600,
                "HeartbeatSeconds": 5,
            }
        ),
        [
            STARTED,
            (0, "TaskStateEntered", {}),
            (2, "TaskScheduled", {"timeoutInSeconds": 600, "heartbeatInSeconds": 5}),
            (3, "TaskStarted", {}),
            (4, "TaskSubmitted", {}),
            (5, "TaskTimedOut", {"error": "States.Timeout"}),
            (6, "ExecutionFailed", {"error": "States.Timeout"}),
        ],
        answers={"sqs.send_message": lambda _: {"MessageId": "m", "MD5OfMessageBody": "5"}},
    ),
    Case(
        "items_from_s3",
        "LS scenarios/test_base_scenarios.py::test_map_item_reader_csv_headers_first_row…",
        one(
            {
                "Type": "Map",
                "ItemReader": FROM_S3,
                "ItemProcessor": {**ITERATION, "ProcessorConfig": DISTRIBUTED},
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 0}),
            (3, "MapRunStarted", {}),
            (4, "MapRunSucceeded", {}),
            (5, "MapStateSucceeded", {}),
            (5, "MapStateExited", exited("S", "[1,2]")),
            (7, "ExecutionSucceeded", {}),
        ],
        answers={"s3.get_object": stored("[1,2]")},
    ),
    Case(
        "no_items_in_s3",
        "LS scenarios/test_base_scenarios.py::test_map_item_reader_json_no_json_list_object",
        one(
            {
                "Type": "Map",
                "ItemReader": FROM_S3,
                "ItemProcessor": {**ITERATION, "ProcessorConfig": DISTRIBUTED},
            }
        ),
        [
            STARTED,
            (0, "MapStateEntered", {}),
            (2, "MapStateStarted", {"length": 0}),
            (3, "MapRunStarted", {}),
            (
                4,
                "MapRunFailed",
                {
                    "error": "States.ItemReaderFailed",
                    "cause": "Attempting to map over non-iterable node.",
                },
            ),
            (5, "MapStateFailed", {}),
            (
                6,
                "ExecutionFailed",
                {
                    "error": "States.ItemReaderFailed",
                    "cause": "Attempting to map over non-iterable node.",
                },
            ),
        ],
        answers={"s3.get_object": stored("3")},
    ),
]
