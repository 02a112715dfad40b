"""What can go wrong for a user of the command, and the exit code of each.

| code | meaning |
| --- | --- |
| 0 | done |
| 1 | done, but something that was asked for was refused, rejected or failed |
| 2 | the command was used wrongly |
| 3 | the endpoint cannot be reached, or does not answer in time |
| 130 | interrupted |
"""

from __future__ import annotations

from dataclasses import dataclass


class CommandError(Exception):
    """The base: `exit_code` is what the process ends with."""

    exit_code = 1


class ItemsFailedError(CommandError):
    """Some of what was asked for did not succeed; the output has said which and why."""


class UsageError(CommandError):
    """The arguments or the settings make no sense."""

    exit_code = 2


class UnreachableError(CommandError):
    """Nothing answers at the endpoint, or not in time."""

    exit_code = 3


@dataclass
class ApiError(CommandError):
    """The API answered with an error."""

    status: int
    type: str
    message: str
    field: str | None = None
    limit: object = None
    request_id: str | None = None

    def __str__(self) -> str:
        details = [
            f"{name} {value}"
            for name, value in (
                ("field", self.field),
                ("limit", self.limit),
                ("request", self.request_id),
            )
            if value is not None
        ]
        return f"{self.type}: {self.message}" + (f" ({', '.join(details)})" if details else "")
