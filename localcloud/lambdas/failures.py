"""What is told, and to whom, when an asynchronous invocation is given up. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localcloud.lambdas.registry import Registered
from localcloud.lambdas.spec import LATEST

_ERROR_MESSAGE_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the last try went. `payload` is the response, if the function gave one."""

    status: int
    error_message: str
    function_error: str | None = None
    payload: bytes | None = None


@dataclass(frozen=True, slots=True)
class GivenUp:
    """An asynchronous invocation that is over. `now` is in epoch seconds."""

    request_id: str
    request: bytes
    condition: str
    invoke_count: int
    last: Attempt
    now: float


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to `arn`: a body, and string attributes for a queue or topic."""

    arn: str
    body: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def notices(function: Registered, given_up: GivenUp) -> Iterator[Notice]:
    """Yield what the failure destination and the dead-letter target get."""
    spec = function.spec
    if spec.failure_destination:
        record = invocation_record(function.arn, given_up)
        yield Notice(spec.failure_destination, json.dumps(record))
    if spec.dead_letter:
        yield Notice(spec.dead_letter, given_up.request.decode(), _attributes(given_up))


def invocation_record(function_arn: str, given_up: GivenUp) -> dict[str, Any]:
    """Return AWS's record of a failed asynchronous invocation."""
    moment = datetime.fromtimestamp(given_up.now, UTC)
    last = given_up.last
    context: dict[str, Any] = {"statusCode": last.status, "executedVersion": LATEST}
    if last.function_error:
        context["functionError"] = last.function_error
    return {
        "version": "1.0",
        "timestamp": moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": given_up.request_id,
            "functionArn": f"{function_arn}:{LATEST}",
            "condition": given_up.condition,
            "approximateInvokeCount": given_up.invoke_count,
        },
        "requestPayload": json.loads(given_up.request),
        "responseContext": context,
        "responsePayload": json.loads(last.payload) if last.payload else None,
    }


def _attributes(given_up: GivenUp) -> dict[str, str]:
    message = given_up.last.error_message.encode()[:_ERROR_MESSAGE_BYTES]
    return {
        "RequestID": given_up.request_id,
        "ErrorCode": str(given_up.last.status),
        "ErrorMessage": message.decode("utf-8", "ignore"),
    }


def retry_delay_s(failures: int) -> float:
    """Return how long AWS waits after the `failures`-th function error: one, then two minutes."""
    return 60.0 * failures


def backoff_s(refusals: int) -> float:
    """Return how long AWS waits after throttling and faults: from 1 s up to 5 minutes."""
    return min(300.0, 2.0 ** min(refusals - 1, 10))
