"""What a fault is: the calls that it is for, and what befalls them."""

from __future__ import annotations

from random import Random
from typing import Self

from pydantic import Field, model_validator

from chalicelib.contracts.base import HttpInput
from localcloud.calls import Visit
from localcloud.errors import AwsError
from localcloud.iam.patterns import wildcard

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
"""The HTTP status that AWS gives an error; 400 for those that are not here.

https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
"""


class Fault(HttpInput):
    """A fault under a name.

    `service` (botocore's name), `operation` and `model` are patterns with `*` and `?`. Of the
    calls that fit, `rate` are hit, drawn from `seed`, and at most `times` in all. One that is hit
    waits `latency_ms` and, if there is an `error`, fails with it; a streamed answer after
    `after_events` events where that is given. The quotas hold for every call that fits, each
    model by itself: requests that begin within a minute, and tokens, as Bedrock counts them.
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

    def fits(self, visit: Visit) -> bool:
        """Tell whether a call is one of those that this fault is for."""
        return all(
            wildcard(pattern).fullmatch(text)
            for pattern, text in (
                (self.service, visit.service),
                (self.operation, visit.operation),
                (self.model, visit.model),
            )
        )

    def hits(self, number: int) -> bool:
        """Tell whether the call of this number is hit; the same calls are, in whatever order."""
        return Random(f"{self.seed}:{number}").random() < self.rate  # noqa: S311 - to be repeated

    def failure(self) -> AwsError | None:
        """Return the error that a call fails with, None where it only waits."""
        if self.error is None:
            return None
        message = self.message or f"The fault {self.name!r} of the local cloud."
        return AwsError(self.error, message, self.status or STATUSES.get(self.error, 400))


class FaultsFile(HttpInput):
    """The file `faults.json`: faults under names that differ."""

    faults: tuple[Fault, ...] = ()

    @model_validator(mode="after")
    def _named_apart(self) -> Self:
        names = [fault.name for fault in self.faults]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"two faults are called {twice[0]!r}; give each a name of its own")
        return self
