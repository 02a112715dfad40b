"""The contract between the local cloud and its services, and the calls that pass between them.

The front door parses a request by botocore's service model, calls the service's method, and
writes its result by the same model. A service therefore takes and returns plain dictionaries
with AWS's member names: blobs as `bytes`, timestamps as `datetime`, a streamed blob as an
iterator of `bytes`, and a streamed union as an iterator of one-member dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from botocore import xform_name

Params = Mapping[str, Any]
Result = Mapping[str, Any]
Operation = Callable[[Params], Result]
T = TypeVar("T")

EXTRA_HEADERS = "(headers)"
"""The member of a result with response headers that AWS sends and botocore's model lacks."""

ADMINISTRATOR = "administrator"
"""The name of the caller who uses the account's own access key, not a role's."""

_TRACE_HEADER: ContextVar[str] = ContextVar("trace_header", default="")

Deliverer = Callable[[str, object, Mapping[str, Any]], None]
"""Delivers an event to a target in process; raises if the target does not accept it.

Its arguments are the target's ARN, the payload as a JSON value, and the target's definition
as EventBridge has it.
"""


@dataclass(frozen=True, slots=True)
class CloudContext:
    """The data directory, endpoint, account and region that every service shares."""

    data_dir: Path
    endpoint_url: str
    account_id: str = "000000000000"
    region: str = "us-east-1"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of `resource` in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def folder(self, name: str) -> Path:
        """Return the folder of service `name` in the data directory; create it if needed."""
        folder = self.data_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Service(Protocol):
    """One AWS service. `name` is botocore's service name, for example `stepfunctions`.

    `start` begins background work (pollers, timers, recovery after a crash) once every
    service exists and the front door answers; `stop` ends it and must return in 5 s.
    An operation `PutThing` is a method `put_thing(params) -> result`; an operation without a
    method is refused.
    """

    name: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


def find_operation(service: Service, operation: str) -> Operation | None:
    """Return the method of `service` for the API operation, or None if it has none."""
    method = getattr(service, xform_name(operation), None)
    return method if callable(method) else None


@dataclass(frozen=True, slots=True)
class ServiceCall:
    """A call of a service's operation: `service` by botocore's name, `caller` a role's ARN."""

    service: str
    operation: str
    params: Params
    caller: str = ADMINISTRATOR
    request_id: str = ""

    @property
    def model(self) -> str:
        """The model or endpoint that the call is for, "" if it names none."""
        return str(self.params.get("modelId") or self.params.get("EndpointName") or "")


class CallInterceptor(Protocol):
    """Runs around a call: passes it on to `serve`, or fails, delays or records it."""

    def __call__(self, call: ServiceCall, serve: Callable[[], T]) -> T:
        """Return the result of the call. Raises AwsError."""


def call_through(call: ServiceCall, serve: Callable[[], T]) -> T:
    """Serve the call and change nothing, as the interceptor where no other is set."""
    return serve()


_NEVER_GONE: Callable[[], bool] = lambda: False  # noqa: E731 - a default, not a function
_CLIENT_GONE: ContextVar[Callable[[], bool]] = ContextVar("client_gone", default=_NEVER_GONE)


@contextmanager
def watched(is_gone: Callable[[], bool]) -> Iterator[None]:
    """Serve in the block the request whose client no longer waits once `is_gone`."""
    token = _CLIENT_GONE.set(is_gone)
    try:
        yield
    finally:
        _CLIENT_GONE.reset(token)


def client_gone() -> Callable[[], bool]:
    """Return what tells whether the client of this thread's request no longer waits."""
    return _CLIENT_GONE.get()


_CALLER_ROLE: ContextVar[str] = ContextVar("caller_role", default="")


@contextmanager
def called_as(role_arn: str) -> Iterator[None]:
    """Serve in the block the call of a role, "" for the administrator."""
    token = _CALLER_ROLE.set(role_arn)
    try:
        yield
    finally:
        _CALLER_ROLE.reset(token)


def caller_role() -> str:
    """Return the ARN of the role that makes this thread's call, "" for the administrator.

    Some services read and write S3 with the rights of who calls them.
    """
    return _CALLER_ROLE.get()


@contextmanager
def traced(header: str) -> Iterator[None]:
    """Serve the request that has this trace header, `X-Amzn-Trace-Id`, in the block."""
    token = _TRACE_HEADER.set(header)
    try:
        yield
    finally:
        _TRACE_HEADER.reset(token)


def trace_header() -> str:
    """Return the trace header of the request that this thread serves, "" if it has none."""
    return _TRACE_HEADER.get()
