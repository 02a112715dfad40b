"""The errors of EventBridge, and the error codes that it writes on dead-lettered events.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.errors import AwsError

_PERMANENT_ERRORS: Mapping[str, str] = {
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
_THROTTLING_WORDS = ("Throttl", "TooManyRequests", "LimitExceeded", "OverLimit")


@dataclass(frozen=True, slots=True)
class DeliveryFailure:
    """A failed delivery attempt; a `permanent` failure is not retried."""

    code: str
    message: str
    permanent: bool


def classify_failure(error: Exception) -> DeliveryFailure:
    """Return the delivery failure that `error`, raised by a target, stands for."""
    if not isinstance(error, AwsError):
        return DeliveryFailure(
            "ERROR_FROM_TARGET", f"{type(error).__name__}: {error}", permanent=False
        )
    message = error.message or error.code
    if error.code in _PERMANENT_ERRORS:
        return DeliveryFailure(_PERMANENT_ERRORS[error.code], message, permanent=True)
    if any(word in error.code for word in _THROTTLING_WORDS):
        return DeliveryFailure("THROTTLING", message, permanent=False)
    code = "ERROR_FROM_TARGET" if error.status >= 500 else "SDK_CLIENT_ERROR"
    return DeliveryFailure(code, message, permanent=False)


def invalid(message: str) -> AwsError:
    """Return the ValidationException with `message`."""
    return AwsError("ValidationException", message)


def not_found(message: str) -> AwsError:
    """Return the ResourceNotFoundException with `message`."""
    return AwsError("ResourceNotFoundException", message)
