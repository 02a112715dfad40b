"""boto3 clients with timeouts and bounded retries, and AWS's errors in our words."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    HTTPClientError,
    ParamValidationError,
    ReadTimeoutError,
    ResponseStreamingError,
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

    from chalicelib.adapters.model_registry import SageMakerRegistry
    from chalicelib.adapters.models.endpoint_client import SageMakerRuntime
    from chalicelib.adapters.sagemaker_variants import SageMakerHosting
    from chalicelib.adapters.trainings import SageMakerJobs

CONFIG = Config(
    connect_timeout=3,
    read_timeout=20,
    retries={"mode": "standard", "total_max_attempts": 4},
    max_pool_connections=16,
)

REGIONAL_ADDRESSES = Config(
    signature_version="s3v4",
    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
)
"""Presigned addresses name the bucket's region: `BUCKET.s3.REGION.amazonaws.com`."""

_making = threading.Lock()
"""boto3's session is not to be used by two threads at once; its clients are.

https://docs.aws.amazon.com/boto3/latest/guide/session.html
"""


class _Later:
    """A client that is made when something is first asked of it.

    Making one reads its service's description, 10 to 40 ms of a cold start, and an entry point
    that can call six services seldom calls more than two for one event.
    """

    def __init__(self, service: str, config: Config, region: str | None = None) -> None:
        self._service = service
        self._config = config
        self._region = region
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        with _making:
            if self._made is None:
                self._made = boto3.client(
                    cast("Any", self._service), region_name=self._region, config=self._config
                )
        return getattr(self._made, name)


DECODING_WAIT_S = 60
"""Seconds that are waited for the sound of a call's file."""

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
    return cast("DynamoDBClient", _Later("dynamodb", CONFIG))


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
    return cast("DynamoDBClient", _Later("dynamodb", config))


@functools.cache
def s3() -> S3Client:
    """Return this process's S3 client, which signs for the bucket's own regional host.

    By default, boto3 presigns for the global host `BUCKET.s3.amazonaws.com`, which answers 307 for
    a new bucket outside us-east-1, and 400 in regions launched after March 20, 2019. Without
    `signature_version`, upload forms would get the older signature.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html
    https://docs.aws.amazon.com/AmazonS3/latest/API/UsingRouting.html
    """
    return cast("S3Client", _Later("s3", CONFIG.merge(REGIONAL_ADDRESSES)))


@functools.cache
def s3_transfers() -> S3Client:
    """Return the S3 client that copies objects, which S3 may take minutes for, 16 at once."""
    patient = CONFIG.merge(Config(read_timeout=300, max_pool_connections=32))
    return cast("S3Client", _Later("s3", patient.merge(REGIONAL_ADDRESSES)))


@functools.cache
def s3vectors() -> S3VectorsClient:
    """Return this process's S3 Vectors client."""
    return cast("S3VectorsClient", _Later("s3vectors", CONFIG))


@functools.cache
def sqs() -> SQSClient:
    """Return this process's SQS client."""
    return cast("SQSClient", _Later("sqs", CONFIG))


@functools.cache
def stepfunctions() -> SFNClient:
    """Return this process's Step Functions client."""
    return cast("SFNClient", _Later("stepfunctions", CONFIG))


@functools.cache
def events() -> EventBridgeClient:
    """Return this process's EventBridge client."""
    return cast("EventBridgeClient", _Later("events", CONFIG))


@functools.cache
def scheduler() -> Any:
    """Return this process's client of EventBridge Scheduler."""
    return _Later("scheduler", CONFIG)


@functools.cache
def functions() -> LambdaClient:
    """Return this process's Lambda client."""
    return cast("LambdaClient", _Later("lambda", CONFIG))


@functools.cache
def functions_within(seconds: int) -> LambdaClient:
    """Return this process's client of functions that answer by what the stage trained. It waits for
    `seconds` at most, and asks once, as that of models does.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=seconds,
        retries={"total_max_attempts": 1},
        max_pool_connections=64,
    )
    return cast("LambdaClient", _Later("lambda", config))


@functools.cache
def checks() -> LambdaClient:
    """Return the client that checks answers: two tries of 5 s, and so 10 s in all, as the model
    that wrote the answer had most of API Gateway's 29 s.
    """
    config = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return cast("LambdaClient", _Later("lambda", config))


@functools.cache
def reranks() -> LambdaClient:
    """Return the client that reranks: one try of 5 s, since a search can do without."""
    config = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 1})
    return cast("LambdaClient", _Later("lambda", config))


@functools.cache
def labels() -> LambdaClient:
    """Return the client that has pictures of queries looked at: one try of 15 s, since the search
    that waits for it has API Gateway's 29 s.
    """
    config = Config(connect_timeout=2, read_timeout=15, retries={"total_max_attempts": 1})
    return cast("LambdaClient", _Later("lambda", config))


@functools.cache
def renderings() -> LambdaClient:
    """Return the client that has pages rendered: one try of 25 s, of API Gateway's 29 s."""
    config = Config(connect_timeout=2, read_timeout=25, retries={"total_max_attempts": 1})
    return cast("LambdaClient", _Later("lambda", config))


@functools.cache
def decodings() -> LambdaClient:
    """Return the client that has the files of calls decoded: one try, as a call has 280 s."""
    config = Config(
        connect_timeout=3, read_timeout=DECODING_WAIT_S, retries={"total_max_attempts": 1}
    )
    return cast("LambdaClient", _Later("lambda", config))


@functools.cache
def guardrails() -> BedrockRuntimeClient:
    """Return this process's client of guardrails: two tries of 5 s, since a model has still to be
    asked between two of them.
    """
    config = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return cast("BedrockRuntimeClient", _Later("bedrock-runtime", config))


@functools.cache
def sagemaker() -> SageMakerRegistry:
    """Return this process's client of SageMaker's registry of models."""
    return cast("SageMakerRegistry", _Later("sagemaker", CONFIG))


@functools.cache
def sagemaker_jobs() -> SageMakerJobs:
    """Return this process's client of SageMaker's training jobs."""
    return cast("SageMakerJobs", _Later("sagemaker", CONFIG))


@functools.cache
def sagemaker_hosting() -> SageMakerHosting:
    """Return this process's client of SageMaker's endpoints: of what they are, not to call them."""
    return cast("SageMakerHosting", _Later("sagemaker", CONFIG))


@functools.cache
def bedrock() -> Any:
    """Return this process's client of Bedrock's own side: its jobs, not its models."""
    return _Later("bedrock", CONFIG)


@functools.cache
def secrets() -> Any:
    """Return this process's client of Secrets Manager: two tries of 5 s, as a model has still to be
    asked afterwards.
    """
    config = Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 2}
    )
    return _Later("secretsmanager", config)


@functools.cache
def models_in(region: str, seconds: int) -> BedrockRuntimeClient:
    """Return this process's client of the models in `region`, which waits for `seconds` at most.

    It asks once: a model that is throttled is asked again by who knows the other ways.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=seconds,
        retries={"total_max_attempts": 1},
        max_pool_connections=64,
    )
    return cast("BedrockRuntimeClient", _Later("bedrock-runtime", config, region))


@functools.cache
def endpoints(seconds: int) -> SageMakerRuntime:
    """Return this process's client of SageMaker's endpoints, which waits for `seconds` at most, and
    asks once, as that of models does.
    """
    config = Config(
        connect_timeout=3,
        read_timeout=seconds,
        retries={"total_max_attempts": 1},
        max_pool_connections=64,
    )
    return cast("SageMakerRuntime", _Later("sagemaker-runtime", config))


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise what boto3 raises inside the block as one of our errors; `doing` says what for.

    Where the request had been sent and no whole answer came, the error is `unaccounted`.
    """
    try:
        yield
    except ClientError as error:
        raise translate(error, doing) from error
    except (ReadTimeoutError, ConnectionClosedError, ResponseStreamingError) as error:
        raise Transient(f"{doing}: {error}", unaccounted=True) from error
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
