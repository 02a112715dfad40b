"""Jobs: work that outlasts a request, as it is asked for, run in steps, kept and shown."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, model_validator

from chalicelib.contracts.base import Contract, HttpInput
from chalicelib.contracts.batches import (
    BatchEstimate,
    BatchOrder,
    ChildrenUsed,
    ItemError,
    PinnedPrompt,
)
from chalicelib.contracts.evaluations.orders import EvaluationOrder
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.ingest import Spent, nothing_spent
from chalicelib.contracts.names import Collection
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.removals import Backup, RemovalBound
from chalicelib.contracts.schedule_runs import RunOrder

JobKind = Literal[
    "export",
    "remove_tenant",
    "remove_collection",
    "remove_document",
    "reindex",
    "embed_pictures",
    "batch",
    "scheduled_run",
    "evaluation",
    "rollout",
    "extraction",
]
Machine = Literal[
    "export",
    "remove",
    "reindex",
    "batch",
    "generate",
    "schedule",
    "evaluate",
    "rollout",
    "extract",
]
"""State machines that jobs run on."""
JobStatus = Literal[
    "queued", "running", "paused", "succeeded", "partial", "failed", "cancelled", "expired"
]
JobEnd = Literal["succeeded", "partial", "failed", "cancelled", "expired"]

OPEN: frozenset[JobStatus] = frozenset({"queued", "running", "paused"})
"""The states of a job that has not ended."""


class JobCounts(Contract):
    """Counts of a job's items, documents or calls by status; the rest is `open`."""

    total: int = Field(default=0, ge=0)
    done: int = Field(default=0, ge=0)
    failed: int = Field(default=0, ge=0)
    cancelled: int = Field(default=0, ge=0)
    expired: int = Field(default=0, ge=0)

    @property
    def open(self) -> int:
        """Return how many items are not decided; below 0 where the counts are wrong."""
        return self.total - self.done - self.failed - self.cancelled - self.expired


class JobError(Contract):
    """Why a job failed: the error's type and message, and the state that it failed in."""

    type: str
    message: str
    state: str = ""


class JobResult(Contract):
    """One file of a job's result, to be had at `url` until `expires_at`."""

    name: str
    bytes: int = Field(ge=0)
    url: str
    expires_at: AwareDatetime


class Job(Contract):
    """A job, as `GET /v1/jobs/{job_id}` shows it.

    `collection`, `document_id` and `model` are what the job is about, where it is about one.
    `phase` is the step that it is in. `result_ref` is the key of `summary.json`. Results can be
    had until `results_until`, and the job itself is forgotten 90 days after it began.
    `backups` says what is still held of what a removal takes. `deadline`, `estimate`, `notes`,
    which compare it with what was used, and the versions of `prompts` are those of a batch; a run
    of a schedule has `notes` of what it left out.
    """

    job_id: str
    kind: JobKind
    status: JobStatus
    collection: str = ""
    document_id: str = ""
    model: str = ""
    phase: str = ""
    counts: JobCounts = JobCounts()
    attempt: int = Field(default=1, ge=1)
    created_at: AwareDatetime
    updated_at: AwareDatetime
    receipt: Receipt | None = None
    result_ref: str | None = None
    results: tuple[JobResult, ...] = ()
    results_until: AwareDatetime | None = None
    backups: tuple[Backup, ...] = ()
    deadline: AwareDatetime | None = None
    estimate: BatchEstimate | None = None
    notes: tuple[str, ...] = ()
    prompts: tuple[PinnedPrompt, ...] = ()
    error: JobError | None = None

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        if self.counts.open < 0 or (self.status not in OPEN and self.counts.open):
            raise ValueError(f"the counts of {self.job_id} do not add up: {self.counts}")
        return self


class JobList(Contract):
    """One page of jobs, newest first; `next_cursor` is opaque, and None at the end."""

    items: tuple[Job, ...]
    next_cursor: str | None


class CreateExportRequest(HttpInput):
    """`POST /v1/exports`: everything of the tenant, or of one of its collections."""

    collection: Collection | None = None


class RetryJobRequest(HttpInput):
    """`POST /v1/jobs/{job_id}/retry`: the body may be left out; it says nothing."""


class PauseJobRequest(HttpInput):
    """`POST /v1/jobs/{job_id}/pause` and `/resume`: the body may be left out; it says nothing."""


class RemoveTenantRequest(HttpInput):
    """`DELETE /v1/tenant`: `tenant` repeats the tenant's name, so that nobody does it unawares."""

    tenant: str


class ArrivalExtraction(Contract):
    """By which saved extractor a version is extracted from, because its collection says so."""

    extractor: str
    version: str


class JobInput(Contract):
    """The input of the execution of one attempt at a job.

    `bound` is set where one document is removed: what of it goes. `order` is that of a batch, `run`
    that of a run of a schedule, and `evaluation` that of an evaluation. `arrival` is set of an
    extraction from a document that became ready. `dimensions` are those of the vectors of a `model`
    that the stage trained, 0 of one of the catalogue.
    """

    tenant: str
    job_id: str
    kind: JobKind
    attempt: int = Field(default=1, ge=1)
    bucket: str
    correlation_id: str
    collection: str = ""
    document_id: str = ""
    bound: RemovalBound | None = None
    model: str = ""
    dimensions: int = Field(default=0, ge=0)
    order: BatchOrder | None = None
    run: RunOrder | None = None
    evaluation: EvaluationOrder | None = None
    arrival: ArrivalExtraction | None = None

    @property
    def execution_name(self) -> str:
        """Return the execution's name: it stays taken for 90 days, so a repeat starts nothing."""
        return f"{self.job_id}-{self.attempt}"

    @property
    def machine(self) -> Machine:
        """Return which state machine works on the job."""
        match self.kind:
            case "remove_tenant" | "remove_collection" | "remove_document":
                return "remove"
            case "batch" if self.order is not None and self.order.single:
                return "generate"
            case "embed_pictures":
                return "reindex"
            case "scheduled_run":
                return "schedule"
            case "evaluation":
                return "evaluate"
            case "extraction":
                return "extract"
            case kind:
                return kind


class StepRequest(JobInput):
    """The input of one step. `embedded` is the batch that a reindex embedded since the last one,
    `gb_seconds` and `put_bytes` what that used, and `error` why part of it could not be embedded.
    `children` is what those used that answered a round of a batch, and `halted` why they stopped.
    `task_token` is that of an execution that waits for a person's decision about a rollout.
    """

    embedded: int | None = None
    gb_seconds: float = Field(default=0.0, ge=0)
    put_bytes: int = Field(default=0, ge=0)
    error: JobError | None = None
    children: ChildrenUsed = ChildrenUsed()
    halted: ItemError | None = None
    task_token: str = ""


class StepResult(Contract):
    """The result of a step: what the state machine does next, and announces at the end.

    `embed` asks for the batch whose items are the lines of `key`; `wait` for `seconds` of rest.
    `generate` asks for a round of a batch: the items of `key`, `items_a_child` of them together, in
    the `epoch` of its failures; `queue` for a batch job of Bedrock; and `reduce` for its results.
    Of a rollout, `shadow` asks for answers of the candidate in the background, after `seconds` of
    rest; `approve` for a person's decision within `seconds`; and `stop` for a stop, with its
    `reason`, by `stopper`. `error` says why a job ended as failed.
    """

    next: Literal[
        "more",
        "wait",
        "embed",
        "generate",
        "queue",
        "reduce",
        "shadow",
        "approve",
        "stop",
        "ended",
    ]
    seconds: int = Field(default=0, ge=0)
    key: str = ""
    batch: int = Field(default=0, ge=0)
    items_a_child: int = Field(default=1, ge=1)
    epoch: int = Field(default=0, ge=0)
    reason: str = ""
    stopper: str = ""
    status: JobStatus = "running"
    counts: JobCounts = JobCounts()
    error: JobError | None = None


class Slice(Contract):
    """One line of a batch: chunks `first` to `first + count - 1` of a version, to be embedded."""

    document_id: str
    version: str
    first: int = Field(ge=0)
    count: int = Field(ge=1)


class ReembedRequest(Slice):
    """The input of `reembed_passages`: a slice, and the job that wants it. Of a picture that a
    served model embedded again, `picture_model` and what that took.
    """

    tenant: str
    job_id: str
    correlation_id: str
    bucket: str = ""
    picture_model: str = ""
    picture_embedding: Spent = Field(default_factory=nothing_spent)


class ReembedResult(Contract):
    """The output of `reembed_passages`. Nothing is `put` of a version that answers no more.

    `put_bytes` are those that S3 Vectors bills, also for what was taken back.
    """

    put: int = Field(ge=0)
    put_bytes: int = Field(default=0, ge=0)
    gb_seconds: float = Field(ge=0)


class JobEvent(BusEvent):
    """Fields of every event about a job. `time` is RFC 3339 in UTC."""

    tenant: str
    job_id: str
    kind: JobKind
    attempt: int = Field(ge=1)
    correlation_id: str
    time: AwareDatetime


class JobAccepted(JobEvent):
    """An attempt at a job has begun."""

    detail_type: ClassVar[str] = "job.accepted"


class JobCompleted(JobEvent):
    """A job has ended without an error of ours: all of it, in part, too late, or cancelled."""

    detail_type: ClassVar[str] = "job.completed"

    status: Literal["succeeded", "partial", "cancelled", "expired"]
    counts: JobCounts


class JobFailed(JobEvent):
    """An attempt at a job failed; another may be asked for."""

    detail_type: ClassVar[str] = "job.failed"

    error: JobError
