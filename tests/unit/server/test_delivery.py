"""How deliveries reach Lambda and Step Functions in process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.delivery import lambda_deliverer, state_machine_deliverer
from localcloud.errors import AwsError


class FakeService:
    """Takes what is asked of it; raises `error` when it has one."""

    name = "fake"

    def __init__(self, error: AwsError | None = None) -> None:
        self.error = error
        self.asked: list[Mapping[str, Any]] = []

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def start_execution(self, params: Mapping[str, Any]) -> None:
        self.asked.append(params)
        if self.error:
            raise self.error

    invoke = start_execution


def test_a_function_should_be_invoked_asynchronously() -> None:
    service = FakeService()
    lambda_deliverer(service)("arn:f", {"a": [1]}, {})  # type: ignore[arg-type]
    (asked,) = service.asked
    assert asked == {"FunctionName": "arn:f", "InvocationType": "Event", "Payload": b'{"a": [1]}'}


def test_an_execution_should_be_named_after_its_delivery() -> None:
    service = FakeService()
    state_machine_deliverer(service)("arn:m", {"a": 1}, {"DeduplicationId": "d-1"})
    state_machine_deliverer(service)("arn:m", {"a": 1}, {})
    assert service.asked == [
        {"stateMachineArn": "arn:m", "input": '{"a": 1}', "name": "d-1"},
        {"stateMachineArn": "arn:m", "input": '{"a": 1}'},
    ]


def test_a_delivery_that_started_its_execution_before_should_be_done() -> None:
    service = FakeService(AwsError("ExecutionAlreadyExists", "There is one."))
    state_machine_deliverer(service)("arn:m", {}, {"DeduplicationId": "d-1"})
    assert len(service.asked) == 1


def test_any_other_failure_should_be_the_deliverer_s_to_try_again() -> None:
    service = FakeService(AwsError("StateMachineDoesNotExist", "None."))
    with pytest.raises(AwsError, match="StateMachineDoesNotExist"):
        state_machine_deliverer(service)("arn:m", {}, {"DeduplicationId": "d-1"})
