"""How an invocation's end is worded."""

from __future__ import annotations

import json

import pytest

from localcloud.lambdas.log_lines import InvocationMetrics, report_line
from localcloud.lambdas.outcome import outcome_from_signal
from localcloud.lambdas.runtime_api import (
    InitFailed,
    InvocationResponse,
    ProcessExited,
    RuntimeInvocation,
    RuntimeSignal,
)

_CALL = RuntimeInvocation("r-1", "arn", b"{}", 0, "trace")


def test_an_answer_is_a_success() -> None:
    outcome = outcome_from_signal(InvocationResponse(b"1"), _CALL, 3)
    assert (outcome.payload, outcome.error_type, outcome.reusable) == (b"1", None, True)


def test_an_error_of_the_function_leaves_the_worker_usable() -> None:
    outcome = outcome_from_signal(
        InvocationResponse(b'{"errorType": "KeyError"}', is_error=True), _CALL, 3
    )
    assert (outcome.error_type, outcome.reusable) == ("KeyError", True)


@pytest.mark.parametrize(
    ("ended", "error_type", "message"),
    [
        (None, "Sandbox.Timedout", "RequestId: r-1 Error: Task timed out after 3.00 seconds"),
        (
            ProcessExited(2),
            "Runtime.ExitError",
            "RequestId: r-1 Error: Runtime exited with error: exit status 2",
        ),
        (
            ProcessExited(0),
            "Runtime.ExitError",
            "RequestId: r-1 Error: Runtime exited without providing a reason",
        ),
        (
            ProcessExited(-9),
            "Runtime.ExitError",
            "RequestId: r-1 Error: Runtime exited with error: signal: killed",
        ),
        (
            ProcessExited(-11),
            "Runtime.ExitError",
            "RequestId: r-1 Error: Runtime exited with error: signal: segmentation fault",
        ),
        (
            InvocationResponse(b"", size=7_000_000),
            "Function.ResponseSizeTooLarge",
            (
                "Response payload size (7000000 bytes) exceeded maximum allowed payload size "
                "(6291556 bytes)."
            ),
        ),
    ],
)
def test_an_end_by_the_platform_spends_the_worker(
    ended: RuntimeSignal | None, error_type: str, message: str
) -> None:
    outcome = outcome_from_signal(ended, _CALL, 3)
    assert json.loads(outcome.payload) == {"errorType": error_type, "errorMessage": message}
    assert outcome.error_type == error_type
    assert not outcome.reusable


def test_a_failed_init_carries_the_request_id() -> None:
    payload = json.dumps({"errorType": "Runtime.HandlerNotFound", "requestId": ""}).encode()
    outcome = outcome_from_signal(InitFailed(payload), _CALL, 3)
    assert json.loads(outcome.payload)["requestId"] == "r-1"
    assert outcome.error_type == "Runtime.HandlerNotFound"


@pytest.mark.parametrize(
    ("init_ms", "error_type", "line"),
    [
        (
            None,
            None,
            (
                "REPORT RequestId: r-1\tDuration: 12.30 ms\tBilled Duration: 13 ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 31 MB"
            ),
        ),
        (
            100.2,
            None,
            (
                "REPORT RequestId: r-1\tDuration: 12.30 ms\tBilled Duration: 113 ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 31 MB\tInit Duration: 100.20 ms"
            ),
        ),
        (
            None,
            "Sandbox.Timedout",
            (
                "REPORT RequestId: r-1\tDuration: 12.30 ms\tBilled Duration: 13 ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 31 MB\tStatus: timeout"
            ),
        ),
        (
            None,
            "KeyError",
            (
                "REPORT RequestId: r-1\tDuration: 12.30 ms\tBilled Duration: 13 ms\t"
                "Memory Size: 128 MB\tMax Memory Used: 31 MB\tStatus: error\tError Type: KeyError"
            ),
        ),
    ],
)
def test_the_report_line_is_that_of_aws(
    init_ms: float | None, error_type: str | None, line: str
) -> None:
    measures = InvocationMetrics(12.3, 128, 31 * 1024 * 1024, init_ms)
    assert report_line("r-1", measures, error_type) == line
