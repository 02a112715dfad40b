"""Buckets in memory, and a run of a schedule that works on them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from chalicelib.contracts.documents import Document
from chalicelib.contracts.jobs import JobInput, StepRequest, StepResult
from chalicelib.contracts.schedule_runs import RunCheckpoint, RunOrder, Watermark
from chalicelib.errors import Conflict, InvalidInput, NotFound
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState, JobUsage
from chalicelib.jobs.steps import StepOutcome
from chalicelib.retrieval.ids import parse_inbox_key
from chalicelib.schedules.locations import S3Location, SourceObject
from functions.run_schedule import core
from functions.run_schedule.children import ChildJobs
from functions.run_schedule.kind import RunDeps
from tests.unit.budgets.fakes import FakeSpending
from tests.unit.jobs.examples import BUCKET, NOW, desk
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs
from tests.unit.labelling.extraction_fakes import FakeExtractions, FakeExtractors
from tests.unit.monitoring.fakes import FakeWatching

SCHEDULE = "01J9ZQ3V5B8X6N2M4K7T0RWFHS"


class Cut(BaseException):
    """Raised where a step is cut off."""


@dataclass
class Buckets:
    """Objects by bucket and key. Every write is counted; `cut_at` ends the process at one.

    `denied` are buckets that may not be listed, and keys that may not be read; `before_copy` is
    called with the key of each object that is copied.
    """

    bodies: dict[tuple[str, str], bytes] = field(default_factory=dict)
    times: dict[tuple[str, str], datetime] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    writes: int = 0
    cut_at: int = -1
    cut_after: bool = False
    before_copy: Callable[[str], None] = lambda key: None

    def put(self, bucket: str, key: str, body: bytes, at: datetime = NOW) -> None:
        """Store an object as its owner does."""
        self.bodies[bucket, key] = body
        self.times[bucket, key] = at

    def under(self, bucket: str, prefix: str) -> dict[str, bytes]:
        """Return the objects under a prefix, by the rest of their keys."""
        return {
            key.removeprefix(prefix): body
            for (where, key), body in sorted(self.bodies.items())
            if where == bucket and key.startswith(prefix)
        }

    def listed(self, location: S3Location, after: str = "") -> Iterator[SourceObject]:
        if location.bucket in self.denied:
            raise InvalidInput(f"{location.uri}: access denied", field="uri")
        for bucket, key in sorted(self.bodies):
            is_here = bucket == location.bucket and key.startswith(location.folder)
            if is_here and key > after and not key.endswith("/"):
                body, at = self.bodies[bucket, key], self.times[bucket, key]
                yield SourceObject(key, _etag(body), len(body), at.isoformat())

    def copy(self, source: S3Location, target: S3Location, *, size: int, etag: str = "") -> None:
        self.before_copy(source.key)
        if source.key in self.denied or target.bucket in self.denied:
            raise InvalidInput("access denied", field="uri")
        body = self.read(source.bucket, source.key)
        if etag and _etag(body) != etag:
            raise Conflict("changed")
        self._write(target.bucket, target.key, body)

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        if (bucket, key) not in self.bodies:
            raise NotFound(f"no {key}")
        return self.bodies[bucket, key]

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self._write(bucket, key, body)

    def put_object(self, target: S3Location, body: bytes, content_type: str) -> None:
        if target.bucket in self.denied:
            raise InvalidInput("access denied", field="uri")
        self._write(target.bucket, target.key, body)

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        yield from (prefix + name for name in self.under(bucket, prefix))

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        found = [prefix + name for name in self.under(bucket, prefix)]
        for key in found:
            with self.counted():
                del self.bodies[bucket, key]
        return len(found)

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        return {}

    def _write(self, bucket: str, key: str, body: bytes) -> None:
        with self.counted():
            self.put(bucket, key, body)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count a write, and end the process before or after it if it is the one to cut at."""
        self.writes += 1
        is_cut = self.writes == self.cut_at
        if is_cut and not self.cut_after:
            raise Cut
        yield
        if is_cut:
            raise Cut


@dataclass
class CountedJobs(FakeJobs):
    """Jobs whose steps, and whose children, are writes like those of objects."""

    buckets: Buckets = field(default_factory=Buckets)

    def begin(self, state: JobState, now: datetime) -> bool:
        if state.job.kind == "scheduled_run":
            return super().begin(state, now)
        with self.buckets.counted():
            return super().begin(state, now)

    def advance(self, state: JobState, outcome: StepOutcome, used: JobUsage, now: datetime) -> None:
        with self.buckets.counted():
            super().advance(state, outcome, used, now)


@dataclass
class Documents:
    """Documents that are what lies in the inbox: read at once."""

    buckets: Buckets

    def document(self, tenant: str, document_id: str) -> Document | None:
        for key in self.buckets.keys(BUCKET, f"inbox/{tenant}/"):
            place = parse_inbox_key(key)
            if place.document_id == document_id:
                return Document.model_validate(
                    {
                        "document_id": document_id,
                        "collection": place.collection,
                        "path": place.path,
                        "status": "ready",
                        "chunks": 3,
                        "created_at": NOW,
                        "updated_at": NOW,
                    }
                )
        return None


@dataclass
class Grants:
    """Locations granted to tenants, to read and to write."""

    uris: list[str] = field(default_factory=list)

    def granted(self, tenant: str, *, writes: bool) -> Sequence[str]:
        return self.uris


class Runs:
    """Runs of a schedule of `acme`, each a day after the other, as the state machine does them."""

    def __init__(self, buckets: Buckets, max_file_bytes: int = 1_000) -> None:
        self.jobs = CountedJobs(buckets=buckets)
        self.buckets = buckets
        self.grants = Grants()
        self.ledger = FakeSpending()
        self.watermark = Watermark()
        self.count = 0
        self.documents = Documents(buckets)
        self.watching = FakeWatching()
        self.extractors, self.extractions = FakeExtractors(), FakeExtractions()
        self.deps = RunDeps(
            children=child_jobs(self.jobs),
            objects=buckets,  # type: ignore[arg-type]  # what no kind calls is left out
            transfers=buckets,
            documents=self.documents,  # type: ignore[arg-type]
            extractors=self.extractors,
            extractions=self.extractions,
            locations=self.grants,
            ledger=self.ledger,
            max_file_bytes=max_file_bytes,
            look_up=_unused,
            search=_unused,
            budgets=_unused,
            cost=lambda unit, quantity: 0,
            watching=lambda: self.watching.deps,
        )

    def begin(self, work: Mapping[str, Any], name: str = "nightly") -> StepRequest:
        """Begin the next run."""
        self.count += 1
        order = RunOrder(
            schedule_id=SCHEDULE,
            schedule=name,
            scheduled_at=datetime(2026, 5, 4, 3, tzinfo=UTC) + timedelta(days=self.count - 1),
            work=work,
            watermark=self.watermark,
        )
        asked = JobInput(
            tenant="acme",
            job_id=f"01J9ZQ3V5B8X6N2M4K7T0RW{self.count:03d}",
            kind="scheduled_run",
            bucket=BUCKET,
            correlation_id="c",
            run=order,
        )
        JobLauncher(self.jobs, FakeJobExecutions(), lambda: NOW).launch(asked)
        return StepRequest.model_validate(asked.model_dump())

    def step(self, request: StepRequest) -> StepResult:
        """Do one step."""
        return core.run(request, core.Deps(desk(self.jobs), self.deps, core.KINDS))

    def finish(self, request: StepRequest) -> JobState:
        """Do steps until the run has ended; a step that was cut off is done again."""
        for _ in range(1_000):
            self.work_children()
            try:
                if self.step(request).next == "ended":
                    break
            except Cut:
                continue
        state = self.jobs.kept["acme", request.job_id]
        assert not state.is_open
        watermark = place_of(state).watermark
        if state.job.status in ("succeeded", "partial") and watermark is not None:
            self.watermark = watermark
        return state

    def work_children(self) -> None:
        """Let the jobs end that the run has begun, as `child_ends` says."""
        for key, state in list(self.jobs.kept.items()):
            if state.is_open and state.job.kind != "scheduled_run":
                self.jobs.kept[key] = self.child_ends(state)

    def child_ends(self, state: JobState) -> JobState:
        """Return the end of a job; one that removes a document removes it."""
        document = self.documents.document("acme", state.input.document_id)
        if document is not None:
            key = f"inbox/acme/{document.collection}/{document.path}"
            del self.buckets.bodies[BUCKET, key]
        return replace(state, job=state.job.model_copy(update={"status": "succeeded"}))

    def run(self, work: Mapping[str, Any]) -> JobState:
        """Do a whole run."""
        return self.finish(self.begin(work))


def _unused(*given: object) -> Any:
    raise AssertionError("only calls that are answered in a batch ask for this")


def child_jobs(jobs: FakeJobs) -> ChildJobs:
    """Return what starts the jobs of runs."""
    return ChildJobs(JobLauncher(jobs, FakeJobExecutions(), lambda: NOW))


def place_of(state: JobState) -> RunCheckpoint:
    """Return the checkpoint of a run."""
    return RunCheckpoint.model_validate_json(state.checkpoint)


def _etag(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
