"""Failures of the commands, and their exit codes.

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
    """Base class of failures; the process ends with `exit_code`."""

    exit_code = 1


class ItemsFailedError(CommandError):
    """Raised when some items did not succeed; the output has said which and why."""


class UsageError(CommandError):
    """Raised when arguments or settings are invalid."""

    exit_code = 2


class UnreachableError(CommandError):
    """Raised when nothing answers at the endpoint, or not in time."""

    exit_code = 3


class CorruptTransferError(CommandError):
    """Raised when other bytes were transferred than were sent."""


@dataclass
class ApiError(CommandError):
    """Raised when the API answers with an error."""

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
