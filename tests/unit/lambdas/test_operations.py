"""What the service says of its functions, without running one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.errors import AwsError
from localcloud.lambdas import FunctionSpec, LambdaService
from localcloud.service import CloudContext, find_operation
from localcloud.sqs import SqsService

_QUEUE = "arn:aws:sqs:us-east-1:000000000000:failures"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[LambdaService]:
    context = CloudContext(tmp_path, "http://127.0.0.1:1")
    service = LambdaService(context, SqsService(context))
    service.register(
        FunctionSpec(
            "read",
            "app.handler",
            tmp_path,
            reserved_concurrency=3,
            failure_destination=_QUEUE,
            tags={"team": "documents"},
        )
    )
    yield service
    service.stop()


def test_a_function_is_shown_with_its_code_tags_and_concurrency(service: LambdaService) -> None:
    shown = service.get_function({"FunctionName": "read"})
    assert shown["Configuration"]["Handler"] == "app.handler"
    assert shown["Code"]["Location"].startswith("file:///")
    assert shown["Tags"] == {"team": "documents"}
    assert shown["Concurrency"] == {"ReservedConcurrentExecutions": 3}
    configuration = service.get_function_configuration({"FunctionName": "read"})
    assert configuration == shown["Configuration"]
    assert service.list_tags({"Resource": configuration["FunctionArn"]}) == {
        "Tags": {"team": "documents"}
    }


def test_the_settings_of_asynchronous_invocation_are_shown(service: LambdaService) -> None:
    shown = service.get_function_event_invoke_config({"FunctionName": "read"})
    assert shown["MaximumRetryAttempts"] == 2
    assert shown["MaximumEventAgeInSeconds"] == 21_600
    assert shown["DestinationConfig"]["OnFailure"] == {"Destination": _QUEUE}


def test_the_account_s_limits_are_shown(service: LambdaService) -> None:
    shown = service.get_account_settings({})
    assert shown["AccountLimit"]["ConcurrentExecutions"] == 10
    assert shown["AccountLimit"]["UnreservedConcurrentExecutions"] == 7
    assert shown["AccountUsage"]["FunctionCount"] == 1


def test_functions_are_listed_by_name_in_pages(service: LambdaService, tmp_path: Path) -> None:
    service.register(FunctionSpec("chunk", "app.handler", tmp_path))
    first = service.list_functions({"MaxItems": 1})
    assert [each["FunctionName"] for each in first["Functions"]] == ["chunk"]
    rest = service.list_functions({"Marker": first["NextMarker"]})
    assert [each["FunctionName"] for each in rest["Functions"]] == ["read"]
    assert "NextMarker" not in rest
    with pytest.raises(AwsError, match="Marker"):
        service.list_functions({"Marker": "%"})


def test_permissions_are_kept_shown_and_removed(service: LambdaService) -> None:
    statement = {
        "FunctionName": "read",
        "StatementId": "api",
        "Action": "lambda:InvokeFunction",
        "Principal": "apigateway.amazonaws.com",
        "SourceArn": "arn:aws:execute-api:us-east-1:000000000000:local/*",
    }
    service.add_permission(statement)
    with pytest.raises(AwsError, match="ResourceConflictException"):
        service.add_permission(statement)
    policy = json.loads(service.get_policy({"FunctionName": "read"})["Policy"])
    assert policy["Statement"][0]["Principal"] == {"Service": "apigateway.amazonaws.com"}
    assert policy["Statement"][0]["Condition"] == {
        "ArnLike": {"AWS:SourceArn": statement["SourceArn"]}
    }
    service.remove_permission({"FunctionName": "read", "StatementId": "api"})
    for lookup in (service.get_policy, service.remove_permission):
        with pytest.raises(AwsError, match="ResourceNotFoundException"):
            lookup({"FunctionName": "read", "StatementId": "api"})


@pytest.mark.parametrize(
    ("operation", "reason"),
    [
        ("PublishVersion", "LATEST"),
        ("CreateAlias", "LATEST"),
    ],
)
def test_what_cannot_be_done_here_is_refused_with_the_reason(
    service: LambdaService, operation: str, reason: str
) -> None:
    method = find_operation(service, operation)
    assert method is not None
    with pytest.raises(AwsError, match=reason) as refused:
        method({})
    assert refused.value.status == 501


def test_failures_to_a_topic_need_someone_who_delivers_them(
    service: LambdaService, tmp_path: Path
) -> None:
    topic = "arn:aws:sns:us-east-1:000000000000:failures"
    with pytest.raises(AwsError, match="failures of chunk to sns"):
        service.register(FunctionSpec("chunk", "app.handler", tmp_path, failure_destination=topic))
