"""Why a delivery failed, in the words that EventBridge puts on a dead letter.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.errors import AwsError

_PERMANENT: Mapping[str, str] = {
    "AccessDenied": "NO_PERMISSIONS",
    "AccessDeniedException": "NO_PERMISSIONS",
    "InvalidMessageContents": "INVALID_PARAMETER",
    "InvalidParameterValueException": "INVALID_PARAMETER",
    "MissingRequiredParameterException": "INVALID_PARAMETER",
    "QueueDoesNotExist": "NO_RESOURCE",
    "ResourceNotFoundException": "NO_RESOURCE",
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "ValidationException": "INVALID_PARAMETER",
}
_THROTTLING = ("Throttl", "TooManyRequests", "LimitExceeded", "OverLimit")


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed attempt; a `permanent` one is not retried."""

    code: str
    message: str
    permanent: bool


def failure_of(error: Exception) -> Failure:
    """Return what `error`, raised by a target, means for its delivery."""
    if not isinstance(error, AwsError):
        return Failure("ERROR_FROM_TARGET", f"{type(error).__name__}: {error}", permanent=False)
    message = error.message or error.code
    if error.code in _PERMANENT:
        return Failure(_PERMANENT[error.code], message, permanent=True)
    if any(word in error.code for word in _THROTTLING):
        return Failure("THROTTLING", message, permanent=False)
    code = "ERROR_FROM_TARGET" if error.status >= 500 else "SDK_CLIENT_ERROR"
    return Failure(code, message, permanent=False)
