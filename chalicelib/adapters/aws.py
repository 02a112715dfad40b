"""boto3 clients with timeouts and bounded retries, and AWS's errors in our words."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    ParamValidationError,
)
from botocore.exceptions import ConnectionError as AwsConnectionError

from chalicelib.errors import Conflict, HeadraceError, InvalidInput, NotFound, Throttled, Transient

if TYPE_CHECKING:
    from mypy_boto3_bedrock_runtime import BedrockRuntimeClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3vectors import S3VectorsClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_stepfunctions import SFNClient

CONFIG = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
)

_NOT_FOUND = frozenset(
    {
        "404",
        "ExecutionDoesNotExist",
        "NoSuchBucket",
        "NoSuchKey",
        "NoSuchVersion",
        "NotFoundException",
        "QueueDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "ResourceNotFoundException",
        "StateMachineDoesNotExist",
    }
)
_CONFLICT = frozenset(
    {
        "ConditionalCheckFailedException",
        "ConflictException",
        "ExecutionAlreadyExists",
        "PreconditionFailed",
    }
)
_THROTTLED = frozenset(
    {
        "ExecutionLimitExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_INVALID = frozenset({"InvalidParameterValue", "ValidationException", "EntityTooLarge"})
_HTTP_TOO_MANY = 429
_HTTP_FAULT = 500


@functools.cache
def dynamodb() -> DynamoDBClient:
    """Return this process's DynamoDB client."""
    return boto3.client("dynamodb", config=CONFIG)


@functools.cache
def asked_dynamodb() -> DynamoDBClient:
    """Return the client that keeps what was asked, which nobody should have to wait for: it gives
    up within 5 s.
    """
    config = Config(
        connect_timeout=1,
        read_timeout=1.5,
        retries={"mode": "standard", "total_max_attempts": 2},
    )
    return boto3.client("dynamodb", config=config)


@functools.cache
def s3() -> S3Client:
    """Return this process's S3 client. Without its name, upload forms get the older signature."""
    return boto3.client("s3", config=CONFIG.merge(Config(signature_version="s3v4")))


@functools.cache
def s3vectors() -> S3VectorsClient:
    """Return this process's S3 Vectors client."""
    return boto3.client("s3vectors", config=CONFIG)


@functools.cache
def sqs() -> SQSClient:
    """Return this process's SQS client."""
    return boto3.client("sqs", config=CONFIG)


@functools.cache
def stepfunctions() -> SFNClient:
    """Return this process's Step Functions client."""
    return boto3.client("stepfunctions", config=CONFIG)


@functools.cache
def events() -> EventBridgeClient:
    """Return this process's EventBridge client."""
    return boto3.client("events", config=CONFIG)


@functools.cache
def functions() -> LambdaClient:
    """Return this process's Lambda client."""
    return boto3.client("lambda", config=CONFIG)


@functools.cache
def checks() -> LambdaClient:
    """Return the client that checks answers: two tries of 5 s, and so 10 s in all, as the model
    that wrote the answer had most of API Gateway's 29 s.
    """
    config = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return boto3.client("lambda", config=config)


@functools.cache
def reranks() -> LambdaClient:
    """Return the client that reranks: one try of 5 s, since a search can do without."""
    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    return boto3.client("lambda", config=config)


@functools.cache
def bedrock_runtime() -> BedrockRuntimeClient:
    """Return this process's Bedrock client; it gives up before API Gateway does (29 s)."""
    config = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1})
    return boto3.client("bedrock-runtime", config=config)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what boto3 raises inside the block as one of our errors; `doing` says what for."""
    try:
        yield
    except ClientError as error:
        raise translate(error, doing) from error
    except (AwsConnectionError, HTTPClientError) as error:
        raise Transient(f"{doing}: {error}") from error
    except ParamValidationError as error:
        raise InvalidInput(f"{doing}: {error}") from error
    except BotoCoreError as error:
        raise HeadraceError(f"{doing}: {error}") from error


def translate(error: ClientError, doing: str) -> HeadraceError:
    """Return our error for AWS's."""
    details: Any = error.response
    code = str(details.get("Error", {}).get("Code", ""))
    status = int(details.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    message = f"{doing}: {error}"
    if code in _NOT_FOUND:
        return NotFound(message)
    if code in _CONFLICT:
        return Conflict(message)
    if code in _THROTTLED or status == _HTTP_TOO_MANY:
        return Throttled(message)
    if code in _INVALID:
        return InvalidInput(message)
    if status >= _HTTP_FAULT:
        return Transient(message)
    return HeadraceError(message)
