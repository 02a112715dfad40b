"""Recorded histories of tasks."""

from __future__ import annotations

from tests.unit.stepfunctions.recorded import (
    FAILURE,
    FUNCTION,
    HANDLED,
    LAMBDA,
    SENT,
    SQS_TOKEN,
    STARTED,
    WHOLE,
    Case,
    entered,
    failing,
    machine,
    one,
    refusing,
    service,
)

TASKS = [
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
]
