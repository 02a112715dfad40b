"""What an integration is given, and what it must do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.language.values import Json, JsonObject

Clients: TypeAlias = Callable[[str, str], Any]
"""Given a service's botocore name and a role's ARN, returns a botocore client."""


MayStart: TypeAlias = Callable[[str, str], None]
"""Given a role's ARN and a state machine's, raises AwsError unless the one may start the other."""


def anyone_may(role_arn: str, machine_arn: str) -> None:
    """Let every role start every machine, where nothing tells roles apart."""


@dataclass(frozen=True, slots=True)
class Callings:
    """How a machine's role calls others, and what it has to be allowed for a distributed Map."""

    clients: Clients
    may_start: MayStart = anyone_may


@dataclass(frozen=True, slots=True)
class Request:
    """A task's call.

    `payload` is what the task is given, `parameters` the same if it is an object. `name` is
    the same each time the call of one attempt is made; `again` says that it may have been made
    before. `scheduled` is epoch seconds.
    """

    resource: Resource
    payload: Json
    parameters: JsonObject
    role_arn: str
    machine_arn: str
    execution_arn: str
    name: str
    scheduled: float
    again: bool


class Integration(Protocol):
    """Makes calls of one service."""

    @property
    def patterns(self) -> frozenset[Pattern]:
        """The patterns that its calls may have."""

    def problem(self, resource: Resource) -> str | None:
        """Say what is wrong with `resource`, or return None."""

    def call(self, request: Request, clients: Clients) -> Json:
        """Make the call and return its result as the task's. Raises `Stated`."""


@runtime_checkable
class JobIntegration(Protocol):
    """An integration whose calls begin jobs that can be waited for: `.sync`."""

    def job(self, output: Json) -> Json:
        """Return what names the job that the call with this result began."""

    def follow(self, pattern: Pattern, job: Json, role_arn: str, clients: Clients) -> Json:
        """Return the job's result, or None if it is still going on. Raises `Stated`."""

    def cancel(self, job: Json, role_arn: str, clients: Clients) -> None:
        """Stop the job. Raises `Stated` if it cannot be stopped."""
