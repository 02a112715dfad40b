"""Runs of schedules: the order of one run, its progress, and what the schedule keeps of it.

A run is a job of kind `scheduled_run`, and its id is the job's. What a kind of work needs beyond
these fields is JSON of its own, which nothing but its class reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from chalicelib.contracts.base import Contract
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.receipts import Dollars, Receipt

Trigger = Literal["time", "catch_up", "manual"]
RunEnd = Literal["succeeded", "partial", "failed", "cancelled"]
RunStatus = Literal[
    "waiting", "running", "succeeded", "partial", "failed", "cancelled", "skipped", "missed"
]
"""`waiting` for a seat or for the run before, `skipped` by the overlap policy, and `missed` while
nothing ran, as the catch-up policy has it."""


class Watermark(Contract):
    """The time up to which the runs of a schedule that succeeded have processed everything.

    Attributes:
        at: Everything before this time was processed, None before the first such run.
        key: The object that has the rest, as the schedule's kind of work wrote it, or "".
    """

    at: AwareDatetime | None = None
    key: str = ""


class RunOrder(Contract):
    """The order of one run, as its job's input carries it.

    `work` is the JSON of a `chalicelib.contracts.schedules.Work`. `budget` is the most that the
    run may cost by its estimate, in dollars. `watermark` is where the run before left off, and
    `key` the id of the API key whose budget is spent.
    """

    schedule_id: str
    schedule: str
    trigger: Trigger = "time"
    scheduled_at: AwareDatetime
    work: Mapping[str, Any]
    budget: Dollars | None = None
    watermark: Watermark = Watermark()
    key: str = ""


class RunCheckpoint(Contract):
    """Where a run is: the checkpoint of its job.

    Attributes:
        state: What the kind of work keeps between its steps.
        child: The id of the job that does the run's work, or "".
        watermark: The schedule's watermark once the run ended as succeeded or partial; None
            leaves it as it is.
        receipt: What the run cost beside its own steps, such as its child job.
        results: S3 URIs and paths of documents, at most 20, that the run wrote.
        notes: What a reader of the history should know, such as documents that were left out.
    """

    phase: str = ""
    state: Mapping[str, Any] = Field(default_factory=dict)
    child: str = ""
    watermark: Watermark | None = None
    receipt: Receipt | None = None
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class ScheduleEnded(BusEvent):
    """A run of a schedule has ended. `webhooks` hear of it whatever else they listen to."""

    detail_type: ClassVar[str] = "schedule.ended"

    tenant: str
    schedule: str
    run_id: str
    trigger: Trigger
    scheduled_at: AwareDatetime
    status: RunEnd
    reason: str = ""
    results: tuple[str, ...] = ()
    dollars: Dollars | None = None
    webhooks: tuple[str, ...] = ()
    correlation_id: str
    time: AwareDatetime


class SchedulePaused(BusEvent):
    """A schedule was paused because too many of its runs failed in a row."""

    detail_type: ClassVar[str] = "schedule.paused"

    tenant: str
    schedule: str
    failures: int
    reason: str
    correlation_id: str
    time: AwareDatetime


class ScheduleDue(Contract):
    """The message that EventBridge Scheduler sends when a schedule is due.

    `scheduled_at` is the context attribute `<aws.scheduler.scheduled-time>`.
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
    """

    tenant: str
    schedule: str
    schedule_id: str
    scheduled_at: AwareDatetime
