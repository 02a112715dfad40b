"""Records and delays of asynchronous invocations."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from localcloud.lambdas.destinations import (
    FailedInvocation,
    InvocationAttempt,
    backoff_s,
    destination_messages,
    invocation_record,
    retry_delay_s,
)
from localcloud.lambdas.registry import RegisteredFunction

_QUEUE = "arn:aws:sqs:us-east-1:000000000000:failures"
_GIVEN_UP = FailedInvocation(
    request_id="r-1",
    request=b'{"a": 1}',
    condition="RetriesExhausted",
    invoke_count=3,
    last=InvocationAttempt(200, "boom", "Unhandled", b'{"errorMessage": "boom"}'),
    now=0.0,
)


def test_the_record_is_that_of_aws() -> None:
    assert invocation_record("arn:f", _GIVEN_UP) == {
        "version": "1.0",
        "timestamp": "1970-01-01T00:00:00.000Z",
        "requestContext": {
            "requestId": "r-1",
            "functionArn": "arn:f:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3,
        },
        "requestPayload": {"a": 1},
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled",
        },
        "responsePayload": {"errorMessage": "boom"},
    }


def test_both_targets_are_told_each_in_its_own_form(
    make_function: Callable[..., RegisteredFunction],
) -> None:
    function = make_function(failure_destination=_QUEUE, dead_letter=f"{_QUEUE}-2")
    destination, dead = destination_messages(function, _GIVEN_UP)
    assert json.loads(destination.body)["version"] == "1.0"
    assert destination.attributes == {}
    assert json.loads(dead.body) == {"a": 1}
    assert dead.attributes == {"RequestID": "r-1", "ErrorCode": "200", "ErrorMessage": "boom"}


def test_nobody_is_told_when_nobody_asked(make_function: Callable[..., RegisteredFunction]) -> None:
    assert list(destination_messages(make_function(), _GIVEN_UP)) == []


def test_function_errors_wait_one_and_two_minutes() -> None:
    assert [retry_delay_s(n) for n in (1, 2)] == [60.0, 120.0]


@pytest.mark.parametrize(("refusals", "seconds"), [(1, 1), (2, 2), (5, 16), (9, 256), (10, 300)])
def test_throttling_backs_off_from_a_second_to_five_minutes(refusals: int, seconds: float) -> None:
    assert backoff_s(refusals) == seconds
    assert backoff_s(10_000) == 300
