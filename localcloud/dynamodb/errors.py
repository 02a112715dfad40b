"""The errors of DynamoDB, in AWS's words.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
"""

from __future__ import annotations

from typing import Any

from localcloud.errors import AwsError

INVALID_VALUES = "One or more parameter values were invalid: "


def invalid(message: str) -> AwsError:
    """Return a ValidationException."""
    return AwsError("ValidationException", message)


def invalid_values(message: str) -> AwsError:
    """Return a ValidationException about the values of parameters."""
    return invalid(INVALID_VALUES + message)


def table_not_found(name: str) -> AwsError:
    """Return the error of a call on a table that does not exist."""
    return AwsError("ResourceNotFoundException", f"Requested resource not found: Table: {name}")


def condition_failed(item: Any = None) -> AwsError:
    """Return the error of a false condition, with the `item` if the caller wants it."""
    fields = {} if item is None else {"Item": item}
    return AwsError("ConditionalCheckFailedException", "The conditional request failed", **fields)
