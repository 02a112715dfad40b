"""Invocations of SageMaker's endpoints: at once, or by way of S3 with a bounded wait.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-invoke-endpoint.html
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.adapters.aws import translate, translated
from chalicelib.adapters.models.call_limits import client_timeout
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NotFound,
    Throttled,
    Transient,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

RETRY_AFTER_S = 30
"""After how long a model that is being woken is asked again. An instance takes minutes."""

JSON = "application/json"
_DOING = "asking the endpoint"
_REFUSED = frozenset({400, 413, 415, 422})
_PASSING = frozenset(
    {"ServiceUnavailable", "InternalFailure", "InternalDependencyException", "ModelStreamError"}
)
_WAKING = ("no capacity", "not in service", "Creating", "ping health check")


class SageMakerRuntime(Protocol):
    """The part of boto3's client of `sagemaker-runtime` that is used here."""

    def invoke_endpoint(self, **params: Any) -> Any: ...

    def invoke_endpoint_with_response_stream(self, **params: Any) -> Any: ...

    def invoke_endpoint_async(self, **params: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class AsyncWait:
    """How an asynchronous answer is waited for: `seconds` at most, looked for each `every_s` at
    first and ever less often. An invocation that nothing took up within `ttl_s` is given up.
    """

    seconds: float = 20.0
    every_s: float = 0.25
    slowest_s: float = 2.0
    ttl_s: int = 3_600


class RealTimeInvocations:
    """Asks endpoints in real time."""

    def __init__(self, client_of: Callable[[int], SageMakerRuntime], seconds: int) -> None:
        """Ask by the client that waits for so many seconds, `seconds` at most."""
        self._client_of = client_of
        self._seconds = seconds

    def ask(
        self, endpoint: str, body: Mapping[str, Any], left: float | None = None, variant: str = ""
    ) -> bytes:
        """Return the answer's bytes, which may take what is `left` of its time.

        `variant` is the production variant that has to answer; "" goes by the weights.

        Raises:
            Throttled, Transient: it may be asked again.
            InvalidInput: the model does not take this.
            ModelFailure: it gave nothing usable, or there is no such endpoint.
        """
        with _told():
            answered = self._client(left).invoke_endpoint(
                EndpointName=endpoint,
                ContentType=JSON,
                Accept=JSON,
                Body=json.dumps(body).encode(),
                **_target(variant),
            )
            return bytes(answered["Body"].read())

    def stream(
        self, endpoint: str, body: Mapping[str, Any], left: float | None = None, variant: str = ""
    ) -> Iterator[bytes]:
        """Yield the answer's bytes as they come. Raises as `ask` does, also meanwhile."""
        with _told():
            answered = self._client(left).invoke_endpoint_with_response_stream(
                EndpointName=endpoint,
                ContentType=JSON,
                Body=json.dumps(body).encode(),
                **_target(variant),
            )
            with closing(answered["Body"]) as events:
                for event in events:
                    if "PayloadPart" in event:
                        yield event["PayloadPart"]["Bytes"]

    def _client(self, left: float | None) -> SageMakerRuntime:
        return self._client_of(client_timeout(left, self._seconds))


class AsyncInvocations:
    """Asks asynchronous endpoints: input, ticket and answer are objects in S3.

    The ticket says where the answer will be. Who asks the same again, for the same request, finds
    it and waits on, so that a model that takes minutes to wake is asked once.
    """

    def __init__(
        self,
        client: SageMakerRuntime,
        s3: S3Client,
        bucket: str,
        waiting: AsyncWait | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._s3 = s3
        self._bucket = bucket
        self._waiting = waiting or AsyncWait()
        self._sleep = sleep

    def ask(
        self,
        endpoint: str,
        body: Mapping[str, Any],
        tenant: str,
        request_id: str,
        left: float | None = None,
    ) -> bytes:
        """Return the answer's bytes, which are waited for no longer than is `left` of their time.
        Raises as `RealTimeInvocations.ask` does; Transient with the time to come again where there
        is no answer yet.
        """
        if not self._bucket:
            raise ModelFailure("The stage has no bucket for asynchronous endpoints.")
        written = json.dumps(body, sort_keys=True).encode()
        digest = hashlib.sha256(b"\0".join([endpoint.encode(), request_id.encode(), written]))
        base = f"jobs/{tenant}/calls/{digest.hexdigest()}"
        ticket = self._ticket(base) or self._accepted(endpoint, base, written)
        try:
            answer = self._waited(ticket, left)
        except ModelFailure:
            self._drop(base, ticket["failure"])
            raise
        self._drop(base, ticket["output"])
        return answer

    def _ticket(self, base: str) -> Mapping[str, Any] | None:
        """Return what an earlier try left, unless that has run out."""
        found = self._read(self._bucket, f"{base}.ticket")
        if found is None:
            return None
        ticket: Mapping[str, Any] = json.loads(found)
        return ticket if time.time() < ticket["expires_at"] else None

    def _accepted(self, endpoint: str, base: str, written: bytes) -> Mapping[str, Any]:
        """Have the endpoint take the call, and return its ticket."""
        self._write(f"{base}.in", written)
        with _told():
            answered = self._client.invoke_endpoint_async(
                EndpointName=endpoint,
                InputLocation=f"s3://{self._bucket}/{base}.in",
                ContentType=JSON,
                Accept=JSON,
                RequestTTLSeconds=self._waiting.ttl_s,
            )
        ticket = {
            "output": answered["OutputLocation"],
            "failure": answered.get("FailureLocation", ""),
            "expires_at": time.time() + self._waiting.ttl_s,
        }
        self._write(f"{base}.ticket", json.dumps(ticket).encode())
        return ticket

    def _waited(self, ticket: Mapping[str, Any], left: float | None) -> bytes:
        most = self._waiting.seconds if left is None else min(left, self._waiting.seconds)
        waited, pause = 0.0, self._waiting.every_s
        while True:
            answer = self._read(*_parted(ticket["output"]))
            if answer is not None:
                return answer
            if ticket["failure"]:
                failure = self._read(*_parted(ticket["failure"]))
                if failure is not None:
                    said = failure.decode("utf-8", "replace")[:500]
                    raise ModelFailure(f"The endpoint gave no answer: {said}")
            if waited >= most:
                raise Transient(
                    f"The model is being woken or is busy. Ask again in {RETRY_AFTER_S} s.",
                    retry_after=RETRY_AFTER_S,
                )
            pause = min(pause, most - waited)
            self._sleep(pause)
            waited += pause
            pause = min(pause * 2, self._waiting.slowest_s)

    def _read(self, bucket: str, key: str) -> bytes | None:
        try:
            with translated(f"reading {key}"):
                return self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except NotFound:
            return None

    def _write(self, key: str, body: bytes) -> None:
        with translated(f"writing {key}"):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=body, ContentType=JSON)

    def _drop(self, base: str, answer: str) -> None:
        """Delete what the call left. What nobody came for expires with the results of jobs."""
        with translated(f"deleting {base}"):
            for suffix in ("in", "ticket"):
                self._s3.delete_object(Bucket=self._bucket, Key=f"{base}.{suffix}")
            bucket, key = _parted(answer)
            self._s3.delete_object(Bucket=bucket, Key=key)


def _parted(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _target(variant: str) -> dict[str, str]:
    return {"TargetVariant": variant} if variant else {}


@contextmanager
def _told() -> Iterator[None]:
    """Raise what boto3 raises inside the block by SageMaker's own table, then by the house's."""
    with translated(_DOING):
        try:
            yield
        except ClientError as error:
            raise translate_failure(error) from error
        except ReadTimeoutError as error:
            raise _waking(str(error)) from error


def translate_failure(error: ClientError) -> HeadraceError:
    """Return our error for SageMaker's."""
    details: Any = error.response
    code = str(details.get("Error", {}).get("Code", ""))
    message = str(details.get("Error", {}).get("Message", error))
    if code == "ModelNotReadyException" or any(word in message for word in _WAKING):
        return _waking(message)
    if code == "ModelError":
        return _of_model(int(details.get("OriginalStatusCode", 0)), details, message)
    if code in _PASSING:
        return Transient(f"{_DOING}: {error}")
    if code in ("ValidationError", "ValidationException"):
        return ModelFailure(f"The endpoint cannot be asked: {message}")
    return translate(error, _DOING)


def _of_model(status: int, details: Mapping[str, Any], message: str) -> HeadraceError:
    """Return our error for what the container answered."""
    if status in _REFUSED:
        said = str(details.get("OriginalMessage") or message)
        return InvalidInput(f"The model does not take this: {said}")
    if status == 429:
        return Throttled(f"{_DOING}: {message}")
    if status in (0, 502, 503, 504):
        return Transient(f"{_DOING}: {message}", retry_after=RETRY_AFTER_S)
    return ModelFailure(f"The endpoint gave no answer: {message}")


def _waking(why: str) -> Transient:
    return Transient(
        f"The model is being woken. Ask again in {RETRY_AFTER_S} s. ({why})",
        retry_after=RETRY_AFTER_S,
    )
