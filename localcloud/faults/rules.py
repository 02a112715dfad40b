"""Definitions of faults: the calls that one matches, and what it does to them."""

from __future__ import annotations

from random import Random
from typing import Self

from pydantic import Field, model_validator

from chalicelib.contracts.base import HttpInput
from localcloud.errors import AwsError
from localcloud.iam.conditions import wildcard
from localcloud.service import ServiceCall

STATUSES = {
    "InternalServerException": 500,
    "InternalServerError": 500,
    "ModelErrorException": 424,
    "ModelNotReadyException": 429,
    "ModelTimeoutException": 408,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
    "ThrottlingException": 429,
    "TooManyRequestsException": 429,
}
"""The HTTP status of AWS's errors; those that are not listed have 400.

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
"""


class Fault(HttpInput):
    """A named fault.

    `service` (botocore's name), `operation` and `model` are patterns with `*` and `?`. Of the
    matching calls a share of `rate` is hit, drawn from `seed`, and at most `times` in all. A call
    that is hit is delayed by `latency_ms` and, if there is an `error`, fails with it; a streamed
    response fails after `after_events` events if that is given. The quotas apply to every
    matching call, for each model: requests that begin within a minute, and tokens, as Bedrock
    counts them.
    """

    name: str = Field(default="fault", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    service: str = Field(default="*", min_length=1)
    operation: str = Field(default="*", min_length=1)
    model: str = Field(default="*", min_length=1)
    rate: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    times: int | None = Field(default=None, ge=1)
    error: str | None = Field(default=None, pattern=r"^[A-Za-z][A-Za-z0-9.]{0,127}$")
    status: int | None = Field(default=None, ge=400, le=599)
    message: str | None = Field(default=None, min_length=1)
    after_events: int | None = Field(default=None, ge=0)
    latency_ms: int = Field(default=0, ge=0, le=600_000)
    requests_per_minute: int | None = Field(default=None, ge=0)
    tokens_per_minute: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        quotas = (self.requests_per_minute, self.tokens_per_minute)
        if self.error is None and not self.latency_ms and quotas == (None, None):
            raise ValueError(
                "a fault needs an error, latency_ms, requests_per_minute or tokens_per_minute"
            )
        if self.error is None and (self.status, self.message, self.after_events) != (None,) * 3:
            raise ValueError("status, message and after_events need an error")
        return self

    def matches(self, call: ServiceCall) -> bool:
        """Return whether the fault is for this call."""
        return all(
            wildcard(pattern).fullmatch(text)
            for pattern, text in (
                (self.service, call.service),
                (self.operation, call.operation),
                (self.model, call.model),
            )
        )

    def hits(self, number: int) -> bool:
        """Return whether the matching call of this number is hit; depends on the seed alone."""
        return Random(f"{self.seed}:{number}").random() < self.rate  # noqa: S311 - repeatable

    def aws_error(self) -> AwsError | None:
        """Return the error of a call that is hit, None if it is only delayed."""
        if self.error is None:
            return None
        message = self.message or f"The fault {self.name!r} of the local cloud."
        return AwsError(self.error, message, self.status or STATUSES.get(self.error, 400))


class FaultsFile(HttpInput):
    """The file `faults.json`: faults with unique names."""

    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _has_unique_names(self) -> Self:
        names = [fault.name for fault in self.faults]
        duplicates = sorted({name for name in names if names.count(name) > 1})
        if duplicates:
            raise ValueError(
                f"two faults are called {duplicates[0]!r}; give each a name of its own"
            )
        return self
