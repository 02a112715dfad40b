"""Names and shapes of integrations: pure functions of botocore's models."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from localcloud.stepfunctions.integrations import sdk_shapes
from localcloud.stepfunctions.integrations.aws_sdk import SERVICES
from localcloud.stepfunctions.integrations.integration import IntegrationPattern, TaskResource
from localcloud.stepfunctions.integrations.registry import resource_problem
from localcloud.stepfunctions.integrations.sdk_shapes import exception_name, java_sdk_name
from localcloud.stepfunctions.language.values import Json
from localcloud.wire.service_models import service_model
from tests.clients import client
from tests.unit.stepfunctions.bench import Bench
from tests.unit.stepfunctions.recorded import QUEUE, one


def test_services_should_have_the_names_of_their_models() -> None:
    ids = {name: str(service_model(name).service_id) for name in SERVICES.values()}
    assert {java_sdk_name(ids[name]).lower(): name for name in ids} == SERVICES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Bucket", "Bucket"),
        ("ETag", "ETag"),
        ("MD5OfMessageBody", "Md5OfMessageBody"),
        ("stateMachineArn", "StateMachineArn"),
        ("SSEKMSKeyId", "SsekmsKeyId"),
        ("BOOL", "Bool"),
        ("SS", "Ss"),
        ("NULL", "Nul"),
        ("DynamoDB", "DynamoDb"),
        ("Secrets Manager", "SecretsManager"),
        ("SFN", "Sfn"),
        ("CloudWatch Logs", "CloudWatchLogs"),
    ],
)
def test_names_are_those_of_the_java_sdk(name: str, expected: str) -> None:
    assert java_sdk_name(name) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("NoSuchKey", "NoSuchKeyException"),
        ("ConditionalCheckFailedException", "ConditionalCheckFailedException"),
        ("InternalFault", "InternalException"),
        ("AWS.SimpleQueueService.NonExistentQueue", "NonExistentQueueException"),
    ],
)
def test_exceptions_are_named_after_their_code(code: str, expected: str) -> None:
    assert exception_name(code) == expected


def test_a_resource_is_taken_apart() -> None:
    resource = TaskResource.parse("arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken")
    assert (resource.service, resource.action, resource.pattern) == (
        "dynamodb",
        "putItem",
        IntegrationPattern.TOKEN,
    )
    assert resource.resource_type == "aws-sdk:dynamodb"
    assert resource.resource == "putItem.waitForTaskToken"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:states:::lambda:invoke",
        "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "arn:aws:states:::states:startExecution.sync:2",
        "arn:aws:states:::sagemaker:createTrainingJob",
        "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "arn:aws:states:::sagemaker:createHyperParameterTuningJob.sync",
        "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "arn:aws:states:::sagemaker:createTransformJob",
        "arn:aws:states:::sagemaker:createTransformJob.sync",
        "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "arn:aws:states:::aws-sdk:eventbridge:putEvents",
        "arn:aws:states:::aws-sdk:cloudwatchlogs:putLogEvents",
        "arn:aws:lambda:us-east-1:000000000000:function:f:live",
    ],
)
def test_what_the_local_cloud_has_can_be_called(arn: str) -> None:
    assert resource_problem(arn) is None


@pytest.mark.parametrize(
    "arn",
    [
        "nonsense",
        "arn:aws:states:::lambda:invoke.sync",
        "arn:aws:states:::lambda:invoke.often",
        "arn:aws:states:::lambda:delete",
        "arn:aws:states:::sqs:receiveMessage",
        "arn:aws:states:::sns:subscribe",
        "arn:aws:states:::events:putRule",
        "arn:aws:states:::states:stopExecution",
        "arn:aws:states:::sagemaker:createTrainingJob.waitForTaskToken",
        "arn:aws:states:::sagemaker:createLabelingJob.sync",
    ],
)
def test_what_it_lacks_is_told(arn: str) -> None:
    assert resource_problem(arn)


def model(service: str, operation: str) -> Any:
    return client(service).meta.service_model.operation_model(operation)


def test_parameters_go_by_their_java_names() -> None:
    shape = model("dynamodb", "PutItem").input_shape
    given: dict[str, Json] = {
        "TableName": "t",
        "Item": {"a": {"Bool": True}, "b": {"Ss": ["x"]}},
        "Expected": None,
    }
    assert sdk_shapes.to_call_parameters(shape, given, java_sdk_name) == {
        "TableName": "t",
        "Item": {"a": {"BOOL": True}, "b": {"SS": ["x"]}},
    }


def test_a_parameter_that_is_not_there_is_refused() -> None:
    shape = model("dynamodb", "PutItem").input_shape
    with pytest.raises(Exception, match="The field 'tableName' is not supported"):
        sdk_shapes.to_call_parameters(shape, {"tableName": "t"}, java_sdk_name)


def test_results_are_plain_json() -> None:
    shape = model("s3", "GetObject").output_shape
    answer = {
        "Body": io.BytesIO(b"text"),
        "ETag": "e",
        "LastModified": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "ResponseMetadata": {},
    }
    assert sdk_shapes.to_json(shape, answer, java_sdk_name) == {
        "Body": "text",
        "ETag": "e",
        "LastModified": "2026-01-02T03:04:05Z",
    }
    binary = {"Body": io.BytesIO(b"\xff")}
    assert sdk_shapes.to_json(shape, binary, java_sdk_name) == {"Body": "/w=="}


def test_a_service_that_does_not_answer_is_the_clients_error(tmp_path: Path) -> None:
    """LS error_handling/test_task_service_sqs.py::test_send_message_no_such_queue"""

    def silent(_: dict[str, Any]) -> dict[str, Any]:
        raise EndpointConnectionError(endpoint_url="http://nowhere")

    bench = Bench(tmp_path, {"sqs.send_message": silent})
    given = {"QueueUrl": QUEUE, "MessageBody": "m"}
    resource = "arn:aws:states:::sqs:sendMessage"
    described = bench.run(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    assert described["error"] == "SQS.SdkClientException"
    assert described["cause"].startswith("Unable to execute HTTP request: ")


def test_an_optimised_result_carries_the_answers_metadata(tmp_path: Path) -> None:
    """LS callback/test_callback.py::test_sqs_wait_for_task_token"""
    answer = {"MessageId": "m", "MD5OfMessageBody": "5"}
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: answer})
    given = {"QueueUrl": QUEUE, "MessageBody": {"a": 1}}
    resource = "arn:aws:states:::sqs:sendMessage"
    arn = bench.begin(one({"Type": "Task", "Resource": resource, "Parameters": given}))
    bench.finish(arn)
    output = bench.output(arn)
    assert list(output) == [
        "MD5OfMessageBody",
        "MessageId",
        "SdkHttpMetadata",
        "SdkResponseMetadata",
    ]
    assert output["SdkHttpMetadata"]["HttpStatusCode"] == 200
    assert bench.calls[0][1]["MessageBody"] == '{"a":1}'


def test_a_role_of_the_task_is_used(tmp_path: Path) -> None:
    """concepts-access-cross-acct-resources.html"""
    bench = Bench(tmp_path, {"sqs.send_message": lambda _: {"MessageId": "m"}})
    roles: list[str] = []
    client = bench.clients

    def noting(service: str, role_arn: str) -> Any:
        roles.append(role_arn)
        return client(service, role_arn)

    bench.restart_with(noting)
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": QUEUE, "MessageBody": "m"},
        "Credentials": {"RoleArn": "arn:aws:iam::111111111111:role/other"},
    }
    arn = bench.begin(one(task))
    bench.finish(arn)
    assert roles == ["arn:aws:iam::111111111111:role/other"]
    scheduled = bench.events(arn)[2]["taskScheduledEventDetails"]
    assert scheduled["taskCredentials"] == {"roleArn": "arn:aws:iam::111111111111:role/other"}
