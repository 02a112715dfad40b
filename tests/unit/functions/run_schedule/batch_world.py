"""A tenant with documents in memory, a schedule that has calls answered, and its batches.

Batches are played: a batch waits with its estimate, and once it goes on, each item that does not
fail is answered by its id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Lock
from typing import Any

from chalicelib.contracts.batches import BatchCheckpoint, BatchEstimate
from chalicelib.contracts.budgets import BudgetReport
from chalicelib.contracts.collections import Declaration
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.inbox_metadata import read_inbox_metadata
from chalicelib.contracts.ingest import Page
from chalicelib.contracts.jobs import JobCounts, JobError, JobInput, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.prompts import PromptVersion
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.schedule_runs import RunCheckpoint, RunOrder, Watermark
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState, ResultFile
from chalicelib.retrieval.ids import document_id, pages_key, version_prefix
from functions.run_schedule import core
from functions.run_schedule.children import ChildJobs
from functions.run_schedule.kind import RunDeps
from tests.unit.budgets.fakes import FakeSpending
from tests.unit.functions.run_schedule.buckets import Buckets, CountedJobs, Cut, Grants
from tests.unit.jobs.examples import BUCKET, desk
from tests.unit.jobs.fakes import FakeJobExecutions
from tests.unit.labelling.extraction_fakes import FakeExtractions, FakeExtractors
from tests.unit.monitoring.fakes import FakeWatching

SCHEDULE = "01J9ZQ3V5B8X6N2M4K7T0RWFHS"
NAME = "nightly"
PRICE = Decimal("0.25")
FIRST_NIGHT = datetime(2026, 5, 4, 3, tzinfo=UTC)
CONTENT: Mapping[str, Any] = {
    "variables": {"text": {"type": "document", "max_length": 500}},
    "turns": [{"template": "Sum it up: {{ text }}"}],
}
DOCUMENTS: Mapping[str, Any] = {
    "kind": "batch",
    "source": {"type": "documents", "collection": "reports"},
    "prompt": {"name": "sum-up"},
    "results": [{"type": "collection", "collection": "summaries"}],
}


@dataclass
class BatchBuckets(Buckets):
    """Buckets whose objects are also read and written in pieces, and keep user metadata."""

    facts: dict[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    uploads: list[int] = field(default_factory=list)
    """Which writes went into the inbox."""
    _lock: Lock = field(default_factory=Lock)

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        with self._lock, self.counted():
            self.put(bucket, key, body)
            self.facts[bucket, key] = metadata
            if key.startswith("inbox/"):
                self.uploads.append(self.writes)

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        self.read(bucket, key)
        return self.facts.get((bucket, key), {})

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        body = self.read(bucket, key)[start : end or None]
        for at in range(0, len(body), 1_000):
            yield body[at : at + 1_000]

    @contextmanager
    def writing(self, bucket: str, key: str) -> Iterator[Stream]:
        stream = Stream()
        yield stream
        super().write(bucket, key, bytes(stream.body), {})


@dataclass
class Stream:
    """A stream that keeps what is written."""

    body: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        return len(self.body)

    def write(self, data: bytes) -> int:
        self.body += data
        return len(data)


class BatchJobs(CountedJobs):
    """Jobs whose later attempts and cancellations are writes, too."""

    def begin_again(self, state: JobState, now: datetime) -> None:
        if state.job.kind == "scheduled_run":
            super().begin_again(state, now)
            return
        with self.buckets.counted():
            super().begin_again(state, now)

    def cancel(self, state: JobState, now: datetime) -> None:
        if state.job.kind == "scheduled_run":
            super().cancel(state, now)
            return
        with self.buckets.counted():
            super().cancel(state, now)


class World:
    """The tenant `acme`. Each document is answered by its text, unless its path is `failing`.

    `answered` counts how often runs that succeeded, fully or in part, have answered each text.
    """

    def __init__(self) -> None:
        self.now = FIRST_NIGHT
        self.buckets = BatchBuckets()
        self.jobs = BatchJobs(buckets=self.buckets)
        self.stored: dict[str, Document] = {}
        self.versions: dict[str, Version] = {}
        self.declared: dict[str, Declaration] = {}
        self.content: Mapping[str, Any] | None = CONTENT
        self.failing: set[str] = set()
        self.breaks: HeadraceError | None = None
        self.answer: Callable[[str], str] = lambda text: f"Answer to {text}"
        self.estimate = Decimal("0.10")
        self.left = BudgetReport(dollars=(), a_minute=())
        self.found: Sequence[str] = ()
        self.watermark = Watermark()
        self.runs = 0
        self.seconds_a_look = 0.0
        self.grants = Grants()
        self.answered: dict[str, int] = {}
        launcher = JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.now)
        self.deps = RunDeps(
            children=ChildJobs(launcher),
            objects=self.buckets,  # type: ignore[arg-type]  # what no kind calls is left out
            transfers=self.buckets,
            documents=self,
            extractors=FakeExtractors(),
            extractions=FakeExtractions(),
            locations=self.grants,
            ledger=FakeSpending(),
            max_file_bytes=1_000,
            look_up=self.look_up,
            search=lambda run, source: self.found[: source.limit],
            budgets=lambda tenant, now: self.left,
            cost=lambda unit, quantity: 0,
            watching=lambda: FakeWatching().deps,
        )

    # What the tenant does.

    def put(self, path: str, text: str = "", *, collection: str = "reports", **fields: Any) -> str:
        """Have an upload answer from now on; return its version."""
        found = document_id("acme", collection, path)
        version = f"v_{len(self.versions):04d}"
        before = self.stored.get(found)
        told = {
            "document_id": found,
            "collection": collection,
            "path": path,
            "version": version,
            "created_at": self.now,
            "updated_at": self.now,
            **fields,
        }
        upload = {"order": "0", "bucket": BUCKET, "key": "k", "object_version_id": "one"}
        status = fields.get("status", "ready")
        self.versions[version] = Version.model_validate(
            {**told, **upload, "status": status, "execution_arn": "a", "attempt": 1}
        )
        if status != "ready":
            told["version"] = before.version if before is not None else ""
        self.stored[found] = Document.model_validate(
            {**told, "status": status, "latest_version": version}
        )
        pages = [Page(page=1, text=text or f"{path} {version}")] if text != "-" else []
        self.buckets.put(BUCKET, pages_key("acme", found, version), dump_lines(pages))
        source = version_prefix("acme", found, version) + "source"
        self.buckets.put(BUCKET, source, b"")
        self.buckets.facts[BUCKET, source] = {"correlation-id": f"of {path}"}
        return version

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        yield from (self.stored[key] for key in sorted(self.stored) if key > after)

    def document(self, tenant: str, document_id: str) -> Document | None:
        return self.stored.get(document_id)

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        return self.versions.get(version)

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        return self.declared.get(name)

    def look_up(self, tenant: str, name: str, wanted: str | int) -> PromptVersion:
        if self.content is None:
            raise NotFound(f"There is no prompt {name}.", field="prompt")
        told = {"name": name, "version": 3, "sha256": "", "bytes": 100, "created_at": self.now}
        return PromptVersion.model_validate({**told, "content": self.content})

    # What the engine and the state machine do.

    def begin(self, work: Mapping[str, Any], **order: Any) -> StepRequest:
        """Begin the next run, at the time that it is."""
        self.runs += 1
        asked = JobInput(
            tenant="acme",
            job_id=f"01J9ZQ3V5B8X6N2M4K7T0RW{self.runs:03d}",
            kind="scheduled_run",
            bucket=BUCKET,
            correlation_id="run",
            run=RunOrder(
                schedule_id=SCHEDULE,
                schedule=NAME,
                scheduled_at=self.now,
                work=work,
                watermark=self.watermark,
                **order,
            ),
        )
        JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.now).launch(asked)
        return StepRequest.model_validate(asked.model_dump())

    def step(self, request: StepRequest) -> StepResult:
        """Do one step."""
        context = replace(desk(self.jobs, self.seconds_a_look), now=lambda: self.now)
        return core.run(request, core.Deps(context, self.deps, core.KINDS))

    def finish(self, request: StepRequest) -> JobState:
        """Do steps until the run has ended; a step that was cut off is done again."""
        for _ in range(1_000):
            self.play_batches()
            try:
                if self.step(request).next == "ended":
                    break
            except Cut:
                continue
            except HeadraceError as error:
                failure = JobError(type=type(error).__name__, message=error.message)
                self.jobs.fail(self.state(request), failure, self.now)
                break
        state = self.state(request)
        assert not state.is_open
        self._settle(state)
        return state

    def retry(self, request: StepRequest) -> JobState:
        """Do the next attempt at a run that failed."""
        launcher = JobLauncher(self.jobs, FakeJobExecutions(), lambda: self.now)
        attempt = launcher.retry(self.state(request)).attempt
        return self.finish(request.model_copy(update={"attempt": attempt}))

    def run(self, work: Mapping[str, Any] = DOCUMENTS, **order: Any) -> JobState:
        """Do a whole run, and go on to the next night."""
        state = self.finish(self.begin(work, **order))
        self.now += timedelta(days=1)
        return state

    def state(self, request: StepRequest) -> JobState:
        return self.jobs.kept["acme", request.job_id]

    def _settle(self, state: JobState) -> None:
        watermark = place_of(state).watermark
        if state.job.status not in ("succeeded", "partial"):
            return
        if watermark is not None:
            self.watermark = watermark
        child = place_of(state).child
        if child:
            for line in self._lines(f"jobs/acme/{child}/results.jsonl"):
                text = line.get("text", line["id"])
                self.answered[text] = self.answered.get(text, 0) + 1

    # What batches do.

    def batch(self, state: JobState) -> JobState:
        """Return the batch of a run."""
        return self.jobs.kept["acme", place_of(state).child]

    def play_batches(self) -> None:
        """Let each batch go on by as much as it can."""
        for key, state in list(self.jobs.kept.items()):
            if state.job.kind == "batch" and state.job.status in ("queued", "running"):
                played = self._answered(state) if state.checkpoint else self._estimated(state)
                self.jobs.kept[key] = played

    def _estimated(self, state: JobState) -> JobState:
        items = len(self._lines(state.prefix + "input.jsonl"))
        estimate = BatchEstimate(items=items, dollars=self.estimate)
        place = BatchCheckpoint(phase="estimated", items=items, estimate=estimate)
        job = state.job.model_copy(update={"status": "paused", "phase": "estimated"})
        return replace(state, job=job, checkpoint=place.model_dump_json(), step=state.step + 1)

    def _answered(self, state: JobState) -> JobState:
        place = BatchCheckpoint.model_validate_json(state.checkpoint)
        if self.breaks is not None:
            error = JobError(type=type(self.breaks).__name__, message=self.breaks.message)
            job = state.job.model_copy(update={"status": "failed", "error": error})
            return replace(state, job=job)
        done: list[Mapping[str, Any]] = []
        failed: list[Mapping[str, Any]] = []
        for line in self._lines(state.prefix + "input.jsonl"):
            text = _text_of(line)
            found = self.stored.get(line.get("id", ""))
            if found is not None and found.path in self.failing:
                refusal = {"type": "NoAnswer", "message": "It will not do."}
                failed.append({"id": line["id"], "error": refusal})
            else:
                output = {"output": {"text": self.answer(text)}}
                done.append({"id": line["id"], "generation": output, "text": text})
        counts = JobCounts(total=len(done) + len(failed), done=len(done), failed=len(failed))
        line_of = ReceiptLine(model="m", role="chat", dollars=PRICE)
        place = place.model_copy(
            update={"phase": "done", "receipt": Receipt.of([line_of]), "words": ("As estimated.",)}
        )
        status = "partial" if failed else "succeeded"
        files = []
        for name, lines in (("results.jsonl", done), ("errors.jsonl", failed)):
            body = b"".join(json.dumps(each).encode() + b"\n" for each in lines)
            self.buckets.put(BUCKET, state.prefix + name, body)
            files.append(ResultFile(name, len(body)))
        job = state.job.model_copy(update={"status": status, "counts": counts, "phase": "done"})
        return replace(
            state,
            job=job,
            counted=counts,
            checkpoint=place.model_dump_json(),
            files=tuple(files),
        )

    def _lines(self, key: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.buckets.read(BUCKET, key).splitlines()]

    # What came of it.

    def answers(self, collection: str = "summaries") -> dict[str, str]:
        """Return the documents that were written to a collection, by their paths."""
        found = self.buckets.under(BUCKET, f"inbox/acme/{collection}/")
        return {path: body.decode() for path, body in found.items()}

    def metadata_of(self, path: str, collection: str = "summaries") -> Mapping[str, Any]:
        """Return the metadata of a document that was written."""
        return read_inbox_metadata(
            self.buckets.metadata(BUCKET, f"inbox/acme/{collection}/{path}")
        ).metadata

    def asked(self, state: JobState) -> list[str]:
        """Return the texts that the batch of a run was asked about."""
        child = place_of(state).child
        return [_text_of(line) for line in self._lines(f"jobs/acme/{child}/input.jsonl")]


def place_of(state: JobState) -> RunCheckpoint:
    """Return the checkpoint of a run."""
    return (
        RunCheckpoint.model_validate_json(state.checkpoint) if state.checkpoint else RunCheckpoint()
    )


def _text_of(line: Mapping[str, Any]) -> str:
    prompt = line.get("prompt")
    return prompt["variables"]["text"] if isinstance(prompt, dict) else str(line.get("id"))
