"""A call as the front door sees it, and what may stand around the service that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from localcloud.service import Params

T = TypeVar("T")

ADMINISTRATOR = "administrator"


@dataclass(frozen=True, slots=True)
class Visit:
    """A call: `service` by botocore's name, `caller` a role's ARN or `administrator`."""

    service: str
    operation: str
    params: Params
    caller: str = ADMINISTRATOR
    request_id: str = ""

    @property
    def model(self) -> str:
        """Return the model or the endpoint that is asked, "" where the call names none."""
        return str(self.params.get("modelId") or self.params.get("EndpointName") or "")


class Around(Protocol):
    """Calls `serve` for a visit and returns what it does, or does something else instead."""

    def __call__(self, visit: Visit, serve: Callable[[], T]) -> T:
        """Return the answer. Raises AwsError."""


def straight(visit: Visit, serve: Callable[[], T]) -> T:
    """Let every call through."""
    return serve()
