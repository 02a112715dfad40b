"""What every local service is: methods named after its API operations.

The front door parses a request by botocore's service model, calls the method, and writes
what it returns by the same model. A service therefore sees and returns plain dictionaries
with AWS's member names: blobs as `bytes`, timestamps as `datetime`, and a streamed blob as
an iterator of `bytes`, a streamed union as an iterator of one-member dictionaries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from botocore import xform_name

Params = Mapping[str, Any]
Result = Mapping[str, Any]
Operation = Callable[[Params], Result]

HEADERS = "(headers)"
"""The member of a result with headers that AWS sends and botocore's model does not have."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a service may know of the cloud it is part of."""

    data_dir: Path
    endpoint_url: str
    account_id: str = "000000000000"
    region: str = "us-east-1"

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of `resource` in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account_id}:{resource}"

    def folder(self, name: str) -> Path:
        """Return the folder under the data directory that belongs to service `name`."""
        folder = self.data_dir / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


class Service(Protocol):
    """One AWS service. `name` is botocore's service name, for example `stepfunctions`.

    `start` begins background work (pollers, timers, recovery after a crash) once every
    service exists and the front door answers; `stop` ends it and must return in 5 s.
    An operation `PutThing` is a method `put_thing(params) -> result`; a missing method is
    an operation that the local cloud refuses.
    """

    name: str

    def start(self) -> None: ...

    def stop(self) -> None: ...


def operation_of(service: Service, operation: str) -> Operation | None:
    """Return the method of `service` that answers `operation`, or None."""
    method = getattr(service, xform_name(operation), None)
    return method if callable(method) else None
