"""The resource of a Task, and the interface of service integrations.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeAlias, runtime_checkable

from localcloud.stepfunctions.language.values import Json, JsonObject


class IntegrationPattern(StrEnum):
    """The integration pattern: how long a task waits."""

    REQUEST = ""
    """For the answer of the call."""
    JOB = "sync"
    """For the job that the call began."""
    JOB_PARSED = "sync:2"
    """The same, with the job's output as JSON and not as text."""
    TOKEN = "waitForTaskToken"  # noqa: S105 - a name of AWS's, not a secret
    """For the task token to come back."""


@dataclass(frozen=True, slots=True)
class TaskResource:
    """A parsed `Resource`. `service` is as written (`lambda`); `sdk` marks `aws-sdk:`."""

    arn: str
    service: str
    action: str
    pattern: IntegrationPattern = IntegrationPattern.REQUEST
    sdk: bool = False
    is_function: bool = False
    is_activity: bool = False

    @property
    def resource_type(self) -> str:
        """The `resourceType` of events."""
        return f"aws-sdk:{self.service}" if self.sdk else self.service

    @property
    def name(self) -> str:
        """Its name in errors: its type, or the ARN of a function or an activity."""
        return self.arn if self.is_function or self.is_activity else self.resource_type

    @property
    def resource(self) -> str:
        """The `resource` of events."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action

    @classmethod
    def parse(cls, arn: str) -> TaskResource:
        """Parse `arn`. Raises ValueError if it is not a resource of a Task."""
        parts = arn.split(":", 5)
        if len(parts) == 6 and parts[2] == "lambda" and parts[5].startswith("function:"):
            return cls(arn, "lambda", "invoke", is_function=True)
        if len(parts) == 6 and parts[2] == "states" and parts[5].startswith("activity:"):
            return cls(arn, "activity", "", IntegrationPattern.TOKEN, is_activity=True)
        if len(parts) != 6 or parts[2:5] != ["states", "", ""]:
            raise ValueError(f"{arn} is no resource of a Task")
        sdk = parts[5].startswith("aws-sdk:")
        service, _, rest = parts[5].removeprefix("aws-sdk:").partition(":")
        action, _, pattern = rest.partition(".")
        return cls(arn, service, action, IntegrationPattern(pattern), sdk=sdk)


ClientFactory: TypeAlias = Callable[[str, str], Any]
"""Given a service's botocore name and a role's ARN, returns a botocore client."""


StartCheck: TypeAlias = Callable[[str, str], None]
"""Given a role's ARN and a state machine's, raises AwsError unless the role may start it."""


def allow_start(role_arn: str, machine_arn: str) -> None:
    """Allow every role to start every state machine."""


@dataclass(frozen=True, slots=True)
class RoleClients:
    """The clients of a state machine's role, and the check that a distributed Map needs."""

    clients: ClientFactory
    check_start: StartCheck = allow_start


@dataclass(frozen=True, slots=True)
class TaskCall:
    """A task's call.

    `payload` is the input of the call, `parameters` the same if it is an object. `name` is the
    same for every call of one attempt; `is_repeat` says that the call may have been made
    before. `scheduled` is epoch seconds.
    """

    resource: TaskResource
    payload: Json
    parameters: JsonObject
    role_arn: str
    machine_arn: str
    execution_arn: str
    name: str
    scheduled: float
    is_repeat: bool


class Integration(Protocol):
    """Makes the calls of one service."""

    @property
    def patterns(self) -> frozenset[IntegrationPattern]:
        """The integration patterns that it supports."""

    def find_problem(self, resource: TaskResource) -> str | None:
        """Return why `resource` is not supported, or None if it is."""

    def call(self, request: TaskCall, clients: ClientFactory) -> Json:
        """Make the call and return the task's result. Raises `ReportedError`."""


@runtime_checkable
class JobIntegration(Protocol):
    """An integration whose calls start jobs that a task can wait for: `.sync`."""

    def job(self, output: Json) -> Json:
        """Return what identifies the job, from the result of the call that started it."""

    def poll(
        self, pattern: IntegrationPattern, job: Json, role_arn: str, clients: ClientFactory
    ) -> Json:
        """Return the job's result, or None while it runs. Raises `ReportedError`."""

    def cancel(self, job: Json, role_arn: str, clients: ClientFactory) -> None:
        """Stop the job. Raises `ReportedError` if it cannot be stopped."""
