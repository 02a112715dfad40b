"""The errors of SQS, by the names of its JSON protocol.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from localcloud.errors import AwsError
from localcloud.wire.responses import QUERY_ERROR_CODES

BATCH_ERROR_CODES: Mapping[str, str] = {
    **QUERY_ERROR_CODES,
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
}
"""The codes of failed entries of a batch, which are those of the query protocol."""


def no_such_queue() -> AwsError:
    """Return the error of a queue that does not exist."""
    return AwsError("QueueDoesNotExist", "The specified queue does not exist.")


def invalid(message: str) -> AwsError:
    """Return the error of a parameter value that SQS refuses."""
    return AwsError("InvalidParameterValueException", message)


def invalid_value(value: object, name: str, reason: str) -> AwsError:
    """Return the error of the value of parameter `name`, worded as SQS words it."""
    return invalid(f"Value {value} for parameter {name} is invalid. Reason: {reason}")


def missing(name: str) -> AwsError:
    """Return the error of a missing required parameter."""
    return AwsError(
        "MissingRequiredParameterException", f"The request must contain the parameter {name}."
    )


def within(params: Mapping[str, Any], name: str, low: int, high: int, default: int) -> int:
    """Return the integer `name` of `params`, or `default`. Raises AwsError if out of range."""
    value = params.get(name)
    if value is None:
        return default
    if not low <= value <= high:
        raise invalid_value(value, name, f"Must be between {low} and {high}, if provided.")
    return int(value)
