"""Outcomes of invocations: a response, or an error with the type and words of AWS."""

from __future__ import annotations

import json
import signal as signals
from dataclasses import dataclass

from localcloud.lambdas.runtime_api import (
    MAX_RESPONSE,
    HandlerLoaded,
    InitFailed,
    InvocationResponse,
    ProcessExited,
    RuntimeInvocation,
    RuntimeSignal,
)


@dataclass(frozen=True, slots=True)
class InvocationOutcome:
    """The end of one invocation.

    `error_type` is None for a success, else AWS's error type, and `payload` is then the error
    document. `reusable` tells whether the execution environment may serve again. `note` is the
    platform's log line about the error.
    """

    payload: bytes
    error_type: str | None = None
    reusable: bool = True
    note: str | None = None
    log_tail: bytes = b""


def outcome_from_signal(
    signal: RuntimeSignal | None, invocation: RuntimeInvocation, timeout_s: int
) -> InvocationOutcome:
    """Return the outcome for the last signal of an environment; None is a timeout."""
    if isinstance(signal, InvocationResponse):
        return _response_outcome(signal)
    if isinstance(signal, InitFailed):
        document = {**json.loads(signal.payload), "requestId": invocation.request_id}
        payload = json.dumps(document).encode()
        error_type = str(document.get("errorType", "Runtime.Unknown"))
        return InvocationOutcome(payload, error_type, reusable=False)
    if isinstance(signal, ProcessExited):
        return _exit_outcome(signal, invocation.request_id)
    assert not isinstance(signal, HandlerLoaded)
    note = f"{invocation.request_id} Task timed out after {timeout_s:.2f} seconds"
    message = (
        f"RequestId: {invocation.request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    )
    return _failure("Sandbox.Timedout", message, note)


def _response_outcome(response: InvocationResponse) -> InvocationOutcome:
    if response.size is not None:
        message = (
            f"Response payload size ({response.size} bytes) exceeded maximum allowed payload size "
            f"({MAX_RESPONSE} bytes)."
        )
        return _failure("Function.ResponseSizeTooLarge", message, message)
    if not response.is_error:
        return InvocationOutcome(response.payload)
    error_type = str(json.loads(response.payload).get("errorType") or "Unknown")
    return InvocationOutcome(response.payload, error_type)


def _exit_outcome(exited: ProcessExited, request_id: str) -> InvocationOutcome:
    if exited.returncode == 0:
        reason = "Runtime exited without providing a reason"
    elif exited.returncode > 0:
        reason = f"Runtime exited with error: exit status {exited.returncode}"
    else:
        name = signals.strsignal(-exited.returncode) or str(-exited.returncode)
        reason = f"Runtime exited with error: signal: {name.lower()}"
    message = f"RequestId: {request_id} Error: {reason}"
    return _failure("Runtime.ExitError", message, f"{message}\nRuntime.ExitError")


def _failure(error_type: str, message: str, note: str) -> InvocationOutcome:
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return InvocationOutcome(payload, error_type, reusable=False, note=note)
