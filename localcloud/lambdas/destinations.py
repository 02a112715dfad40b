"""Messages to the destinations of asynchronous invocations that failed for good. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.lambdas.registry import RegisteredFunction
from localcloud.lambdas.spec import LATEST

_MAX_ERROR_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class InvocationAttempt:
    """The last attempt of an invocation. `payload` is the response, if there was one."""

    status: int
    error_message: str
    function_error: str | None = None
    payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class FailedInvocation:
    """An asynchronous invocation that is tried no more. `now` is in epoch seconds."""

    request_id: str
    request: bytes
    condition: str
    invoke_count: int
    last: InvocationAttempt
    now: float


@dataclass(frozen=True, slots=True)
class DestinationMessage:
    """A message to `arn`: a body, and string attributes for a queue or topic."""

    arn: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def destination_messages(
    function: RegisteredFunction, failed: FailedInvocation
) -> Iterator[DestinationMessage]:
    """Yield the messages to the on-failure destination and to the dead-letter queue or topic."""
    spec = function.spec
    if spec.failure_destination:
        record = invocation_record(function.arn, failed)
        yield DestinationMessage(spec.failure_destination, json.dumps(record))
    if spec.dead_letter:
        yield DestinationMessage(
            spec.dead_letter, failed.request.decode(), _dead_letter_attributes(failed)
        )


def invocation_record(function_arn: str, failed: FailedInvocation) -> dict[str, Any]:
    """Return AWS's record of a failed asynchronous invocation."""
    moment = datetime.fromtimestamp(failed.now, UTC)
    last = failed.last
    context: dict[str, Any] = {"statusCode": last.status, "executedVersion": LATEST}
    if last.function_error:
        context["functionError"] = last.function_error
    return {
        "version": "1.0",
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": failed.request_id,
            "functionArn": f"{function_arn}:{LATEST}",
            "condition": failed.condition,
            "approximateInvokeCount": failed.invoke_count,
        },
        "requestPayload": json.loads(failed.request),
        "responseContext": context,
        "responsePayload": json.loads(last.payload) if last.payload else None,
    }


def _dead_letter_attributes(failed: FailedInvocation) -> dict[str, str]:
    message = failed.last.error_message.encode()[:_MAX_ERROR_MESSAGE_BYTES]
    return {
        "RequestID": failed.request_id,
        "ErrorCode": str(failed.last.status),
        "ErrorMessage": message.decode("utf-8", "ignore"),
    }


def retry_delay_s(failures: int) -> float:
    """Return AWS's delay after the `failures`-th function error: one, then two minutes."""
    return 60.0 * failures


def backoff_s(refusals: int) -> float:
    """Return AWS's delay after throttling and faults, which doubles from 1 s to 5 minutes."""
    return min(300.0, 2.0 ** min(refusals - 1, 10))
