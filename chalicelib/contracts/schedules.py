"""Schedules: what runs by the clock for a tenant, as it is asked for and shown."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import (
    AwareDatetime,
    Field,
    TypeAdapter,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from chalicelib.contracts.base import AnyJson, Contract, HttpInput
from chalicelib.contracts.batches import MAX_DEADLINE_SECONDS
from chalicelib.contracts.evaluations.graders import Grading, PairwisePreference
from chalicelib.contracts.evaluations.suites import Suite
from chalicelib.contracts.generations import ServiceTier
from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.monitors import BaselineSource
from chalicelib.contracts.names import Collection, ExtractorReference, MonitorName, S3Uri
from chalicelib.contracts.prompts import LATEST, Label, Name, PromptName
from chalicelib.contracts.receipts import Dollars, Receipt
from chalicelib.contracts.schedule_places import Destinations, PrefixSource, Source
from chalicelib.contracts.schedule_runs import RunStatus, Trigger

SCHEDULE_PATTERN = r"^[a-z0-9][a-z0-9_-]{0,62}$"
MAX_EXPRESSION_CHARACTERS = 256
MAX_WINDOW_MINUTES = 1_440
"""https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-flexible-time-windows.html"""
MAX_RUN_DOLLARS = 1_000_000
MAX_CATCH_UP = 100
MAX_RETRIES = 5
MAX_FAILURES = 100
SHOWN_TIMES = 5
MAX_SCHEDULED_SUITE_BYTES = 100 * 1024
"""A schedule is one item of DynamoDB, and its terms are part of each run's."""

ScheduleName = Annotated[str, Field(pattern=SCHEDULE_PATTERN)]
Overlap = Literal["skip", "queue", "cancel"]
CatchUp = Literal["none", "latest", "all"]
ScheduleStatus = Literal["active", "paused", "ended"]


class PromptUse(HttpInput):
    """The prompt that is put to each selected document.

    `document` names the variable that the document's text goes to; left out, it is the prompt's
    only variable of type `document`. `variables` are the values of others.
    """

    name: PromptName
    version: Annotated[int, Field(ge=1)] | Label = LATEST
    document: Name | None = None
    variables: dict[str, AnyJson] = Field(default_factory=dict)


class BatchWork(HttpInput):
    """Answer calls in a batch: those of files, or a prompt put to each document of a selection."""

    kind: Literal["batch"]
    source: Source
    prompt: PromptUse | None = None
    model: str = Field(default="auto", min_length=1, max_length=256)
    quality: int = Field(default=1, ge=1, le=5)
    service_tier: ServiceTier = "standard"
    checks: tuple[Annotated[str, Field(max_length=1_000)], ...] = Field(default=(), max_length=8)
    fallback: bool = True
    keep_truncated: bool = False
    deadline_seconds: int = Field(default=24 * 3600, ge=1, le=MAX_DEADLINE_SECONDS)
    results: Destinations = ()

    @model_validator(mode="after")
    def _prompt_where_documents(self) -> Self:
        has_documents = self.source.type in ("documents", "search")
        if has_documents and self.prompt is None:
            raise PydanticCustomError("prompt", "name the prompt that the documents are put to")
        if not has_documents and self.prompt is not None:
            raise PydanticCustomError("prompt", "a file of calls names its own prompts")
        return self


class SyncWork(HttpInput):
    """Bring the objects under a prefix into a collection: those that are new or changed.

    With `remove`, documents whose objects are gone are removed, too.
    """

    kind: Literal["sync"]
    uri: S3Uri
    collection: Collection
    remove: bool = False


class ExportWork(HttpInput):
    """Export everything of the tenant, or of one collection."""

    kind: Literal["export"]
    collection: Collection | None = None
    results: Destinations = ()

    @model_validator(mode="after")
    def _files_to_buckets(self) -> Self:
        if any(result.type == "collection" for result in self.results):
            raise PydanticCustomError(
                "destination", "an export is a set of ZIP files, which go to S3 and no collection"
            )
        return self


class ReportWork(HttpInput):
    """Report usage and cost of the last whole period before the run."""

    kind: Literal["report"]
    period: Literal["day", "week", "month"] = "day"
    results: Destinations = ()


class EvaluationWork(HttpInput):
    """Run a suite, with the prompts that it names as they are at each run.

    A run whose gate did not pass ends as partial, with the reasons. Reports go to S3.
    """

    kind: Literal["evaluation"]
    suite: Suite
    results: Destinations = ()

    @model_validator(mode="after")
    def _is_small(self) -> Self:
        size = len(self.suite.model_dump_json(exclude_defaults=True).encode())
        if size > MAX_SCHEDULED_SUITE_BYTES:
            raise PydanticCustomError(
                "suite",
                "a schedule holds a suite of {most} bytes as JSON at most, not {size}; split it",
                {"most": MAX_SCHEDULED_SUITE_BYTES, "size": size},
            )
        if any(result.type == "collection" for result in self.results):
            raise PydanticCustomError("destination", "reports go to S3 and no collection")
        return self


class ExtractionWork(HttpInput):
    """Extract by a saved extractor from the documents of a collection.

    If `changed`, only from those whose version the extractor's version has not read yet. The files
    of the job go to S3.
    """

    kind: Literal["extraction"]
    extractor: ExtractorReference
    collection: Collection
    changed: bool = True
    results: Destinations = ()

    @model_validator(mode="after")
    def _files_to_buckets(self) -> Self:
        if any(result.type == "collection" for result in self.results):
            raise PydanticCustomError("destination", "values go to S3 and no collection")
        return self


class WatchJudging(HttpInput):
    """How a sample of the newest answers is graded in each look: by the graders of evaluations.

    `calls` are graded, for at most `budget` dollars. The first look at a version that grades sets
    its pass rate; later ones are compared with it.
    """

    graders: tuple[Grading, ...] = Field(min_length=1, max_length=5)
    calls: int = Field(default=20, ge=5, le=200)
    budget: Annotated[Dollars, Field(gt=0, le=100)]

    @field_validator("graders")
    @classmethod
    def _grade_one_answer(cls, graders: tuple[Grading, ...]) -> tuple[Grading, ...]:
        if any(isinstance(each, PairwisePreference) for each in graders):
            raise PydanticCustomError(
                "pairwise", "a captured answer has none to be preferred to; use a rubric"
            )
        return graders


class WatchWork(HttpInput):
    """Look whether the calls of a monitor's subject have drifted, and report it with plots.

    A run that finds drift ends as partial, with the features. `source` are files in the format of
    SageMaker's data capture, in place of the calls that the monitor captures. With `data_capture`,
    the calls that were looked at are written in that format beside the report, into each
    destination in S3. With `judge`, a sample of the answers is graded. `baseline` says what that
    of a version is made of; those of others are made of captured calls.
    """

    kind: Literal["watch"]
    monitor: MonitorName
    source: PrefixSource | None = None
    judge: WatchJudging | None = None
    baseline: BaselineSource | None = None
    data_capture: bool = False
    results: Destinations = ()

    @model_validator(mode="after")
    def _files_to_buckets(self) -> Self:
        if any(result.type == "collection" for result in self.results):
            raise PydanticCustomError("destination", "reports go to S3 and no collection")
        if self.data_capture and not any(result.type == "s3" for result in self.results):
            raise PydanticCustomError("data_capture", "data capture needs a destination in S3")
        return self


AnyWork = (
    BatchWork | SyncWork | ExportWork | ReportWork | EvaluationWork | ExtractionWork | WatchWork
)
Work = Annotated[AnyWork, Field(discriminator="kind")]
WORK: TypeAdapter[AnyWork] = TypeAdapter(Work, config={"defer_build": True})
"""Reads the `work` of a `RunOrder`."""


class PreviewTimesRequest(HttpInput):
    """`POST /v1/schedule-times`: when a schedule would run, by fields of its terms."""

    expression: str = Field(min_length=1, max_length=MAX_EXPRESSION_CHARACTERS)
    time_zone: str = Field(default="UTC", min_length=1, max_length=50)
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None


class ScheduleTimes(Contract):
    """The next five times of a schedule; fewer if it ends before."""

    next: tuple[AwareDatetime, ...]


class ScheduleTerms(HttpInput):
    """When a schedule runs and what then is done, as both its caller and its record say it.

    `expression` is `cron(…)`, `rate(…)` or `at(…)` of EventBridge Scheduler, in `time_zone`, from
    `start` to `end`. A run begins within `window_minutes` after its time. `overlap` says what
    happens while the run before goes on; `catch_up` what happens to times that nothing ran at, of
    which at most `max_catch_up` are made up for. `budget` bounds the estimate of one run, in
    dollars. A run that failed is tried again `retries` times, and after `pause_after` failed runs
    in a row the schedule is paused.
    """

    expression: str = Field(min_length=1, max_length=MAX_EXPRESSION_CHARACTERS)
    time_zone: str = Field(default="UTC", min_length=1, max_length=50)
    window_minutes: int = Field(default=0, ge=0, le=MAX_WINDOW_MINUTES)
    start: AwareDatetime | None = None
    end: AwareDatetime | None = None
    overlap: Overlap = "skip"
    catch_up: CatchUp = "latest"
    max_catch_up: int = Field(default=10, ge=1, le=MAX_CATCH_UP)
    budget: Annotated[Dollars, Field(ge=0, le=MAX_RUN_DOLLARS)] | None = None
    retries: int = Field(default=1, ge=0, le=MAX_RETRIES)
    pause_after: int = Field(default=3, ge=1, le=MAX_FAILURES)
    description: str = Field(default="", max_length=256)
    work: Work


class CreateScheduleRequest(ScheduleTerms):
    """`POST /v1/schedules`: a schedule of the name `name`."""

    name: ScheduleName

    def terms(self) -> ScheduleTerms:
        """Return what the schedule says, without its name."""
        return ScheduleTerms(**{name: getattr(self, name) for name in ScheduleTerms.model_fields})


class ReplaceScheduleRequest(ScheduleTerms):
    """`PUT /v1/schedules/{name}`: other terms for a schedule, which keeps its watermark."""


class ScheduleChangeRequest(HttpInput):
    """`POST …/pause`, `/resume` and `/run`: the body may be left out; it says nothing."""


class MissedTimes(Contract):
    """Times that nothing ran at and that were not made up for."""

    count: int = Field(ge=1)
    first: AwareDatetime
    last: AwareDatetime


class ScheduleRun(Contract):
    """One run of a schedule, or a record of times that were skipped or missed.

    `job_id` is set once the run has begun; `GET /v1/jobs/{job_id}` has its results. `attempts`
    counts how often it was tried. `watermark` is where it began, `new_watermark` where the next
    one begins.
    """

    run_id: str
    schedule: str
    trigger: Trigger
    scheduled_at: AwareDatetime
    status: RunStatus
    reason: str = ""
    job_id: str = ""
    attempts: int = Field(default=0, ge=0)
    counts: JobCounts | None = None
    receipt: Receipt | None = None
    results: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missed: MissedTimes | None = None
    watermark: AwareDatetime | None = None
    new_watermark: AwareDatetime | None = None
    created_at: AwareDatetime
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None


class ScheduleRunList(Contract):
    """One page of runs, newest first; `next_cursor` is opaque, and None at the end."""

    items: tuple[ScheduleRun, ...]
    next_cursor: str | None


class Schedule(Contract):
    """A schedule, as `GET /v1/schedules/{name}` shows it.

    `reason` says why it is paused. `next` are the next five times that it runs at, none while it is
    paused. `failures` counts the failed runs in a row. `watermark` is the time before which
    everything was processed. `running` is the run that has begun and not ended, or "".
    """

    schedule_id: str
    name: str
    status: ScheduleStatus
    reason: str = ""
    terms: ScheduleTerms
    next: tuple[AwareDatetime, ...] = ()
    failures: int = Field(default=0, ge=0)
    watermark: AwareDatetime | None = None
    running: str = ""
    last_run: ScheduleRun | None = None
    created_at: AwareDatetime
    updated_at: AwareDatetime

    @field_serializer("terms", when_used="json")
    def _terms_json(self, terms: ScheduleTerms) -> dict[str, Any]:
        return terms_json(terms)


class ScheduleList(Contract):
    """One page of schedules by name; `next_cursor` is opaque, and None at the end."""

    items: tuple[Schedule, ...]
    next_cursor: str | None


def terms_json(terms: ScheduleTerms) -> dict[str, Any]:
    """Return terms as the JSON that a request may send, defaults included."""
    return terms.model_dump(mode="json", by_alias=True, exclude_none=True)


def work_json(work: AnyWork) -> dict[str, Any]:
    """Return a work as the JSON that a `RunOrder` carries."""
    written: dict[str, Any] = WORK.dump_python(work, mode="json", exclude_unset=True, by_alias=True)
    return written
