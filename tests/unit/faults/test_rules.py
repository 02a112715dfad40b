"""Which calls a fault is for, which of them it hits, and what it takes to be one."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from localcloud.faults.rules import Fault, FaultsFile
from localcloud.service import ServiceCall


def service_call(service: str, operation: str, model: str = "") -> ServiceCall:
    return ServiceCall(service, operation, {"modelId": model} if model else {})


@pytest.mark.parametrize(
    ("patterns", "call", "matches"),
    [
        ({}, ("sqs", "SendMessage"), True),
        ({"service": "bedrock*"}, ("bedrock-runtime", "Converse"), True),
        ({"service": "bedrock"}, ("bedrock-runtime", "Converse"), False),
        ({"operation": "Converse*"}, ("bedrock-runtime", "ConverseStream"), True),
        ({"model": "amazon.nova-*"}, ("bedrock-runtime", "Converse", "amazon.nova-lite"), True),
        ({"model": "amazon.nova-*"}, ("bedrock-runtime", "Converse", "anthropic.claude"), False),
        ({"model": "amazon.*"}, ("sqs", "SendMessage"), False),
    ],
)
def test_a_fault_should_be_for_the_calls_that_it_names(
    patterns: dict[str, str], call: tuple[str, ...], matches: bool
) -> None:
    assert Fault(error="ThrottlingException", **patterns).matches(service_call(*call)) is matches  # type: ignore[arg-type]


@given(rate=st.floats(0, 1), seed=st.integers(0, 9))
def test_a_rate_should_hit_the_same_calls_each_time_and_about_as_many(
    rate: float, seed: int
) -> None:
    fault = Fault(error="X", rate=rate, seed=seed)
    hit = [fault.hits(number) for number in range(400)]
    assert hit == [fault.hits(number) for number in range(400)]
    assert abs(sum(hit) / 400 - rate) < 0.12


def test_a_rate_of_all_and_of_none_should_be_exact() -> None:
    assert all(Fault(error="X", rate=1).hits(number) for number in range(200))
    assert not any(Fault(error="X", rate=0).hits(number) for number in range(200))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"error": "ThrottlingException"}, 429),
        ({"error": "ServiceUnavailableException"}, 503),
        ({"error": "ModelTimeoutException"}, 408),
        ({"error": "InternalServerException"}, 500),
        ({"error": "ValidationException"}, 400),
        ({"error": "ThrottlingException", "status": 503}, 503),
    ],
)
def test_an_error_should_have_the_status_that_aws_gives_it(
    given: dict[str, Any], status: int
) -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html"""
    failure = Fault(**given).aws_error()
    assert failure is not None
    assert (failure.code, failure.status) == (given["error"], status)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"rate": 2, "error": "X"},
        {"status": 429},
        {"latency_ms": -1},
        {"error": "no spaces"},
        {"error": "X", "colour": "red"},
        {"latency_ms": 5, "after_events": 1},
        {"name": "a/b", "error": "X"},
    ],
)
def test_what_is_no_fault_should_be_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Fault.model_validate(given)


def test_two_faults_of_one_name_should_be_refused() -> None:
    fault = {"name": "a", "error": "X"}
    with pytest.raises(ValidationError, match="two faults are called 'a'"):
        FaultsFile.model_validate({"faults": [fault, fault]})
