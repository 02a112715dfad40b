"""The `Resource` of a Task, taken apart.

https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Pattern(StrEnum):
    """How long a task waits."""

    REQUEST = ""
    """For the answer of the call."""
    JOB = "sync"
    """For the job that the call began."""
    JOB_PARSED = "sync:2"
    """The same, with the job's output as JSON and not as text."""
    TOKEN = "waitForTaskToken"  # noqa: S105 - a name of AWS's, not a secret
    """For the task token to come back."""


@dataclass(frozen=True, slots=True)
class Resource:
    """`service` is as written (`lambda`), `sdk` whether it is one of `aws-sdk:`."""

    arn: str
    service: str
    action: str
    pattern: Pattern = Pattern.REQUEST
    sdk: bool = False
    is_function: bool = False

    @property
    def resource_type(self) -> str:
        """The `resourceType` of events."""
        return f"aws-sdk:{self.service}" if self.sdk else self.service

    @property
    def resource(self) -> str:
        """The `resource` of events."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action

    @classmethod
    def parse(cls, arn: str) -> Resource:
        """Take `arn` apart. Raises `ValueError` if it is no resource of a Task."""
        parts = arn.split(":", 5)
        if len(parts) == 6 and parts[2] == "lambda" and parts[5].startswith("function:"):
            return cls(arn, "lambda", "invoke", is_function=True)
        if len(parts) != 6 or parts[2:5] != ["states", "", ""]:
            raise ValueError(f"{arn} is no resource of a Task")
        sdk = parts[5].startswith("aws-sdk:")
        service, _, rest = parts[5].removeprefix("aws-sdk:").partition(":")
        action, _, pattern = rest.partition(".")
        return cls(arn, service, action, Pattern(pattern), sdk=sdk)
