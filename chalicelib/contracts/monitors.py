"""Monitors: which calls of a subject are captured, for how long, and against what they are held."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, model_validator
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import Contract, DeferredModel, HttpInput
from chalicelib.contracts.batches import ULID
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.names import MonitorName, S3Uri

MAX_MONITORS = 50
"""Of a tenant: a process that answers calls reads all of them together."""
MAX_RETENTION_DAYS = 90
MIN_BASELINE_CALLS, MAX_BASELINE_CALLS = 100, 2_000
MIN_WINDOW_CALLS, MAX_WINDOW_CALLS = 50, 1_000

MaskedCategory = Literal["personal-data", "injection"]


class BaselineSource(HttpInput):
    """The source of a version's baseline, in place of its first captured calls.

    `statistics` is a file of SageMaker Model Monitor, whose features `constraints` may disable;
    `evaluation` has answers of the version, of `target` if there are several.
    """

    version: Annotated[str, Field(min_length=1, max_length=256)]
    statistics: S3Uri | None = None
    constraints: S3Uri | None = None
    evaluation: Annotated[str, Field(pattern=ULID)] | None = None
    target: str = Field(default="", max_length=256)

    @model_validator(mode="after")
    def _of_one_source(self) -> Self:
        if (self.statistics is None) == (self.evaluation is None):
            raise PydanticCustomError("baseline", "name statistics or an evaluation, one of both")
        if self.constraints is not None and self.statistics is None:
            raise PydanticCustomError("constraints", "constraints go with statistics")
        if self.target and self.evaluation is None:
            raise PydanticCustomError("target", "a target is one of an evaluation")
        return self


class MonitorTerms(DeferredModel):
    """What is captured of a subject, and what counts as drift.

    Attributes:
        subject: The prompt, model or collection whose calls are captured.
        sample_rate: The share of calls that is captured; 0 captures nothing.
        retention_days: Days after which a captured call is removed.
        mask: Categories whose findings are masked before a call is written, beside personal data,
            which always is, and what the tenant's screening policy masks.
        baseline_calls: The calls of a version that become its baseline, spread evenly over the
            hours before.
        baseline_hours: The hours that a version is captured before its baseline is made, so that
            the baseline has seen the times of day; 0 takes its first calls at once.
        window_calls: The newest calls that are compared with the baseline.
        false_alarms: The expected false alarms in 30 days while nothing changes, all features and
            looks together.
        min_psi: The least population stability index that counts as a change, however sure it is.
    """

    subject: CaptureSubject
    sample_rate: float = Field(default=0.0, ge=0, le=1)
    retention_days: int = Field(default=30, ge=1, le=MAX_RETENTION_DAYS)
    mask: tuple[MaskedCategory, ...] = Field(default=("personal-data",), max_length=2)
    baseline_calls: int = Field(default=500, ge=MIN_BASELINE_CALLS, le=MAX_BASELINE_CALLS)
    baseline_hours: int = Field(default=24, ge=0, le=7 * 24)
    window_calls: int = Field(default=200, ge=MIN_WINDOW_CALLS, le=MAX_WINDOW_CALLS)
    false_alarms: float = Field(default=0.05, gt=0, le=1)
    min_psi: float = Field(default=0.1, ge=0, le=10)


class PutMonitorRequest(MonitorTerms, HttpInput):
    """`PUT /v1/monitors/{name}`: the terms of the monitor, in place of any before."""


class Monitor(MonitorTerms, Contract):
    """A monitor as it is stored."""

    name: MonitorName
    created_at: AwareDatetime
    updated_at: AwareDatetime


class MonitorList(Contract):
    """A tenant's monitors, by name."""

    items: tuple[Monitor, ...]


class CapturedCallList(Contract):
    """Captured calls of a monitor's subject, newest first."""

    items: tuple[CapturedCall, ...]
    next_cursor: str | None = None
