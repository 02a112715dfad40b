"""Errors that stop a deployment, with messages that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnection

_EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_CALLER_CODES = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_DENIED_CODES = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "ForbiddenException",
        "UnauthorizedOperation",
    }
)
_MISSING_CODES = frozenset(
    {
        "404",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NotFoundException",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
_THROTTLED_CODES = frozenset(
    {
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


_SERVER_ERROR_CODES = frozenset(
    {
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
"""Error codes of AWS's own failures."""


class DeploymentError(Exception):
    """Raised when the command cannot go on; the message says why and what to do."""


def code_of(error: Exception) -> str:
    """Return AWS's code of an error, or an empty string if it is not from AWS."""
    return str(error.response["Error"].get("Code", "")) if isinstance(error, ClientError) else ""


def message_of(error: Exception) -> str:
    """Return AWS's message, without the text that boto3 adds."""
    if isinstance(error, ClientError):
        return str(error.response["Error"].get("Message") or error)
    return str(error)


def is_denied(error: Exception) -> bool:
    """Return whether the caller may not make the call."""
    return code_of(error) in _DENIED_CODES


def is_missing(error: Exception) -> bool:
    """Return whether AWS says that the resource does not exist."""
    return code_of(error) in _MISSING_CODES


@contextmanager
def ignore_missing() -> Iterator[None]:
    """Leave the block silently if the resource does not exist any more."""
    try:
        yield
    except ClientError as error:
        if not is_missing(error):
            raise


def is_about_credentials(error: Exception) -> bool:
    """Return whether no call can succeed because AWS rejects the credentials."""
    kinds = (NoCredentialsError, PartialCredentialsError, SSOError, TokenRetrievalError)
    return isinstance(error, kinds) or code_of(error) in _EXPIRED_CODES | _UNKNOWN_CALLER_CODES


def is_unknown_caller(error: Exception) -> bool:
    """Return whether AWS does not know the credentials, which may belong to another region."""
    return code_of(error) in _UNKNOWN_CALLER_CODES


def is_transient(error: Exception) -> bool:
    """Return whether a retry may succeed: no connection, no answer, or throttled.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html
    """
    return isinstance(error, NoConnection | HTTPClientError) or is_transient_code(code_of(error))


def is_transient_code(code: str) -> bool:
    """Return whether an AWS error code means a temporary failure."""
    return code in _THROTTLED_CODES | _SERVER_ERROR_CODES


def is_unreachable(error: Exception) -> bool:
    """Return whether nothing answers, as where a region does not have a service."""
    return isinstance(error, EndpointConnectionError | ConnectTimeoutError | ReadTimeoutError)


def describe_error(error: Exception) -> str:
    """Return what a boto3 error means for the user, and what to do."""
    code = code_of(error)
    if code in _EXPIRED_CODES or isinstance(error, SSOError | TokenRetrievalError):
        return "The credentials have expired; sign in again (`aws sso login`, or a new session)."
    if code in _UNKNOWN_CALLER_CODES:
        return f"AWS does not take the credentials ({code}); check them with `aws configure list`."
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return "There are no whole credentials; run `aws configure`, or give --profile."
    if isinstance(error, ProfileNotFound):
        return f"{error}; `aws configure list-profiles` names those there are."
    if isinstance(error, NoRegionError):
        return "No region is set; give --region."
    if code in _THROTTLED_CODES:
        return f"AWS throttled the calls beyond every retry ({code}); run the command again."
    if is_denied(error):
        return f"A permission is missing: {message_of(error)} (infra/deployer-*.json have all)."
    if is_unreachable(error):
        return f"AWS does not answer: {error}"
    return f"AWS refused: {message_of(error)}"


@contextmanager
def translate_errors() -> Iterator[None]:
    """Turn errors of boto3 into `DeploymentError`."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(describe_error(error)) from error
