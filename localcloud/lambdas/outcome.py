"""How an invocation ended, in AWS's words, and the report line about it."""

from __future__ import annotations

import json
import math
import signal
from dataclasses import dataclass

from localcloud.lambdas.runtime_api import (
    MAX_RESPONSE,
    Answered,
    Exited,
    InitFailed,
    Invocation,
    Ready,
    Signal,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one invocation.

    `error_type` is None for a success, else AWS's error type; `payload` is then the error
    document. `reusable` tells whether the worker may serve again. `note` is the platform's
    own log line about it.
    """

    payload: bytes
    error_type: str | None = None
    reusable: bool = True
    note: str | None = None
    log_tail: bytes = b""


def outcome_of(ended: Signal | None, invocation: Invocation, timeout_s: int) -> Outcome:
    """Return what AWS makes of `ended`, the last signal of a worker; None is a timeout."""
    if isinstance(ended, Answered):
        return _answered(ended)
    if isinstance(ended, InitFailed):
        document = {**json.loads(ended.payload), "requestId": invocation.request_id}
        payload = json.dumps(document).encode()
        return Outcome(payload, str(document.get("errorType", "Runtime.Unknown")), reusable=False)
    if isinstance(ended, Exited):
        return _exited(ended, invocation.request_id)
    assert not isinstance(ended, Ready)
    note = f"{invocation.request_id} Task timed out after {timeout_s:.2f} seconds"
    message = (
        f"RequestId: {invocation.request_id} Error: Task timed out after {timeout_s:.2f} seconds"
    )
    return _failure("Sandbox.Timedout", message, note)


def _answered(answer: Answered) -> Outcome:
    if answer.size is not None:
        message = (
            f"Response payload size ({answer.size} bytes) exceeded maximum allowed payload size "
            f"({MAX_RESPONSE} bytes)."
        )
        return _failure("Function.ResponseSizeTooLarge", message, message)
    if not answer.is_error:
        return Outcome(answer.payload)
    return Outcome(answer.payload, str(json.loads(answer.payload).get("errorType") or "Unknown"))


def _exited(ended: Exited, request_id: str) -> Outcome:
    if ended.returncode == 0:
        reason = "Runtime exited without providing a reason"
    elif ended.returncode > 0:
        reason = f"Runtime exited with error: exit status {ended.returncode}"
    else:
        name = signal.strsignal(-ended.returncode) or str(-ended.returncode)
        reason = f"Runtime exited with error: signal: {name.lower()}"
    message = f"RequestId: {request_id} Error: {reason}"
    return _failure("Runtime.ExitError", message, f"{message}\nRuntime.ExitError")


def _failure(error_type: str, message: str, note: str) -> Outcome:
    payload = json.dumps({"errorType": error_type, "errorMessage": message}).encode()
    return Outcome(payload, error_type, reusable=False, note=note)


@dataclass(frozen=True, slots=True)
class Measures:
    """What an invocation took: milliseconds, and bytes of resident memory."""

    duration_ms: float
    memory_mb: int
    peak_rss: int
    init_ms: float | None = None

    @property
    def used_mb(self) -> int:
        """Return the most memory that was used, in MB, of what there was."""
        return min(self.memory_mb, math.ceil(self.peak_rss / 1024 / 1024))

    @property
    def billed_ms(self) -> int:
        """Return what is billed; the init phase is, as it is on AWS since August 2025."""
        return math.ceil(self.duration_ms + (self.init_ms or 0.0))


def report_line(request_id: str, measures: Measures, error_type: str | None) -> str:
    """Return AWS's REPORT line."""
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {measures.duration_ms:.2f} ms",
        f"Billed Duration: {measures.billed_ms} ms",
        f"Memory Size: {measures.memory_mb} MB",
        f"Max Memory Used: {measures.used_mb} MB",
    ]
    if measures.init_ms is not None:
        parts.append(f"Init Duration: {measures.init_ms:.2f} ms")
    if error_type == "Sandbox.Timedout":
        parts.append("Status: timeout")
    elif error_type is not None:
        parts.append(f"Status: error\tError Type: {error_type}")
    return "\t".join(parts)
