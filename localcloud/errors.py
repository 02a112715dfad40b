"""The error that every local service raises: an AWS error code with its HTTP status."""

from __future__ import annotations

from typing import Any


class AwsError(Exception):
    """An error as AWS words it.

    `code` is the name that botocore shows (`ResourceNotFoundException`, `NoSuchKey`),
    `status` the HTTP status, and `fields` further members of the modelled error shape.
    """

    def __init__(self, code: str, message: str, status: int = 400, **fields: Any) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


def unsupported(service: str, what: str) -> AwsError:
    """Return the refusal of something that AWS has and the local cloud does not."""
    return AwsError(
        "UnsupportedOperation",
        f"The local cloud does not implement {what} of {service}; it works on AWS only.",
        501,
    )
