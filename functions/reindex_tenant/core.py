"""One step of a reindex: from the current index to one of another model.

    preparing   create the next index; ingests fill both from now on, and queries use the old
    listing     write the current passages as slices of chunks, in batches
    embedding   the state machine embeds batch after batch
    waiting     for ingests that began before the next index was known
    verifying   look for every current vector; missing ones are embedded again
    swapping    make the next index the current one
    lingering   leave the old one to the queries that are under way
    dropping    remove it

Each step may be repeated, and a later attempt continues where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, Protocol

from chalicelib.contracts.base import Contract
from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import IndexRef, TenantState, TenantStates
from chalicelib.contracts.jobs import JobCounts, Slice, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.objects import ObjectStore
from chalicelib.errors import Conflict, ModelFailure, NotFound
from chalicelib.jobs.ingest_settlement import IngestSlot
from chalicelib.jobs.lifecycle import JobState
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from chalicelib.retrieval.ids import text_index_name, vector_key

CHUNKS_A_SLICE = 200
"""Chunks that one child embeds: well within an Express child's five minutes, by any model."""
SLICES_A_BATCH = 200
ROUNDS = 5
"""How often missing vectors are embedded again before the job gives up."""
WAIT_SECONDS = 10
LINGER_SECONDS = 35
"""Longer than a query can take, which is API Gateway's 29 s."""

Phase = Literal[
    "preparing",
    "listing",
    "embedding",
    "waiting",
    "verifying",
    "swapping",
    "lingering",
    "dropping",
]


class ReindexProgress(Contract):
    """The position of a reindex.

    `old_*` is the index that was current when it began; `known_at` is when ingests learned of the
    next one.
    """

    phase: Phase = "preparing"
    old_index: str = ""
    old_model: str = ""
    known_at: datetime | None = None
    round: int = 0
    batches: int = 0
    batch: int = 0
    after: str = ""
    verified: int = 0
    short: int = 0


class TenantDocuments(Protocol):
    """The documents of all tenants."""

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those behind the id `after` ("" for all)."""


class IngestedDocuments(TenantDocuments, Protocol):
    """The documents of all tenants, and the running ingests."""

    def running(self) -> Iterator[IngestSlot]:
        """Yield the occupied ingest slots."""


class Pointers(TenantStates, Protocol):
    """The pointer records of tenants."""

    def set_next(self, tenant: str, job_id: str, index: IndexRef) -> None:
        """Let ingests fill `index`, too."""

    def swap(self, tenant: str, job_id: str, old: IndexRef, index: IndexRef) -> None:
        """Make `index` the current one instead of `old`."""

    def drop_next(self, tenant: str, job_id: str) -> None:
        """Stop filling the job's index."""


class IndexStore(Protocol):
    """Whole indexes."""

    def create(self, index: IndexRef, dimensions: int) -> None:
        """Create an index; one of its name that exists already is no error."""

    def drop(self, index: IndexRef) -> None:
        """Remove an index with all its vectors; one that is gone is no error."""

    def missing(self, index: IndexRef, keys: Sequence[str]) -> list[str]:
        """Return those of `keys` that have no vector, in order."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`.

    `dimensions` returns the dimensions of a model of the catalogue, and raises `NotFound` for one
    that it does not know.
    """

    desk: StepContext
    documents: IngestedDocuments
    pointers: Pointers
    indexes: IndexStore
    objects: ObjectStore
    dimensions: Callable[[str], int]


@dataclass(frozen=True, slots=True)
class _Part:
    """A slice, and whether it is the last one of its document in a listing."""

    slice: Slice
    is_last: bool


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do one step.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
        Conflict: the tenant's pointer was changed by another.
        ModelFailure: the last batch could not be embedded, or vectors keep missing.
    """
    check_embedded(request)
    step = _Step(deps, deps.desk.started(), request.embedded)
    return run_step(request, step.desk, step.work, step.clean)


def check_embedded(request: StepRequest) -> None:
    """Raise `ModelFailure` if a slice of the last batch could not be embedded."""
    if request.error is not None:
        raise ModelFailure(f"{request.error.type}: {request.error.message}")


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    desk: StepContext
    embedded: int | None

    def work(self, state: JobState) -> StepOutcome:
        """Do the work of the job's current phase."""
        place = (
            ReindexProgress.model_validate_json(state.checkpoint)
            if state.checkpoint
            else ReindexProgress()
        )
        act: dict[Phase, Callable[[JobState, ReindexProgress], StepOutcome]] = {
            "preparing": self._prepare,
            "listing": self._list,
            "embedding": self._embed,
            "waiting": self._wait,
            "verifying": self._verify,
            "swapping": self._swap,
            "lingering": self._linger,
            "dropping": self._drop,
        }
        return act[place.phase](state, place)

    def clean(self, state: JobState) -> None:
        """Remove the index that a cancelled job was building, or, after the swap, the old one."""
        self.deps.objects.delete_prefix(state.input.bucket, state.prefix)
        tenant = self._tenant(state)
        self.deps.pointers.drop_next(state.input.tenant, state.input.job_id)
        index = _next_index(state, tenant.live.bucket)
        place = (
            ReindexProgress.model_validate_json(state.checkpoint)
            if state.checkpoint
            else ReindexProgress()
        )
        if tenant.live.name != index.name:
            self.deps.indexes.drop(index)
        elif place.old_index:
            self.deps.indexes.drop(_old_index(place, tenant.live.bucket))

    def _prepare(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        tenant = self._tenant(state)
        index = _next_index(state, tenant.live.bucket)
        dimensions = state.input.dimensions or self.deps.dimensions(index.model)
        self.deps.indexes.create(index, dimensions)
        self.deps.pointers.set_next(state.input.tenant, state.input.job_id, index)
        place = place.model_copy(
            update={
                "phase": "listing",
                "old_index": tenant.live.name,
                "old_model": tenant.live.model,
                "known_at": self.desk.now(),
            }
        )
        return _outcome(state.job.counts, place)

    def _list(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        """Write batches until the step is out of time or all documents are listed."""
        total, pending = state.job.counts.total, list[_Part]()
        for document in self._ready(state, place.after):
            total += 1
            pending += _parts(document, range(document.chunks))
            place, pending = self._write_full(state, place, pending)
            place = place.model_copy(update={"after": document.document_id})
            if self.desk.is_late:
                return _outcome(JobCounts(total=total), self._write_rest(state, place, pending))
        place = self._write_rest(state, place, pending)
        return _outcome(JobCounts(total=total), _embedding(place))

    def _write_full(
        self, state: JobState, place: ReindexProgress, pending: list[_Part]
    ) -> tuple[ReindexProgress, list[_Part]]:
        """Write the full batches; return the remaining slices."""
        while len(pending) >= SLICES_A_BATCH:
            place = self._write_rest(state, place, pending[:SLICES_A_BATCH])
            pending = pending[SLICES_A_BATCH:]
        return place, pending

    def _write_rest(
        self, state: JobState, place: ReindexProgress, batch: Sequence[_Part]
    ) -> ReindexProgress:
        if not batch:
            return place
        key = _batch_key(state, place.round, place.batches)
        metadata = {"documents": str(sum(part.is_last for part in batch))}
        lines = dump_lines(part.slice for part in batch)
        self.deps.objects.write(state.input.bucket, key, lines, metadata)
        return place.model_copy(update={"batches": place.batches + 1})

    def _embed(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        """Request the next batch, once the last one is embedded."""
        counts = state.job.counts
        if self.embedded == place.batch and place.batch < place.batches:
            key = _batch_key(state, place.round, place.batch)
            metadata = self.deps.objects.metadata(state.input.bucket, key)
            done = min(counts.done + int(metadata["documents"]), counts.total)
            counts = counts.model_copy(update={"done": done})
            place = place.model_copy(update={"batch": place.batch + 1})
        if place.batch < place.batches:
            key = _batch_key(state, place.round, place.batch)
            return StepOutcome(place, counts, place.phase, next="embed", key=key, batch=place.batch)
        return _outcome(counts, place.model_copy(update={"phase": "waiting"}))

    def _wait(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        """Wait for ingests that may only know the old index."""
        for running in self.deps.documents.running():
            is_older = place.known_at is None or running.started_at <= place.known_at
            if running.work.tenant == state.input.tenant and is_older:
                return StepOutcome(
                    place, state.job.counts, place.phase, next="wait", seconds=WAIT_SECONDS
                )
        return _outcome(state.job.counts, _verifying(place))

    def _verify(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        """Look for every current vector, until the step is out of time."""
        index = self._tenant(state).next
        if index is None:
            raise Conflict("The tenant has no index that is being filled.", field="tenant")
        pending, is_late = list[_Part](), False
        for document in self._ready(state, place.after):
            missing = _missing(document, index, self.deps.indexes)
            counted = "short" if missing else "verified"
            progress = {"after": document.document_id, counted: getattr(place, counted) + 1}
            place, pending = self._write_full(
                state, place.model_copy(update=progress), pending + missing
            )
            is_late = self.desk.is_late
            if is_late:
                break
        place = self._write_rest(state, place, pending)
        counts = JobCounts(total=place.verified + place.short, done=place.verified)
        if is_late:
            return _outcome(counts, place)
        if not place.short:
            return _outcome(counts, place.model_copy(update={"phase": "swapping"}))
        if place.round > ROUNDS:
            raise ModelFailure(f"Vectors still miss after {ROUNDS} more rounds of embedding.")
        return _outcome(counts, _embedding(place))

    def _swap(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        bucket = self._tenant(state).live.bucket
        old, index = _old_index(place, bucket), _next_index(state, bucket)
        self.deps.pointers.swap(state.input.tenant, state.input.job_id, old, index)
        return _outcome(state.job.counts, place.model_copy(update={"phase": "lingering"}))

    def _linger(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        place = place.model_copy(update={"phase": "dropping"})
        counts = state.job.counts
        return StepOutcome(place, counts, place.phase, next="wait", seconds=LINGER_SECONDS)

    def _drop(self, state: JobState, place: ReindexProgress) -> StepOutcome:
        self.deps.indexes.drop(_old_index(place, self._tenant(state).live.bucket))
        self.deps.objects.delete_prefix(state.input.bucket, state.prefix)
        return StepOutcome(place, state.job.counts, "done", end="succeeded")

    def _ready(self, state: JobState, after: str) -> Iterator[Document]:
        """Yield the documents that answer queries."""
        for document in self.deps.documents.documents(state.input.tenant, after):
            if document.version and document.chunks:
                yield document

    def _tenant(self, state: JobState) -> TenantState:
        tenant = self.deps.pointers.tenant_state(state.input.tenant)
        if tenant is None:
            raise NotFound(f"The tenant {state.input.tenant} is gone.", field="tenant")
        return tenant


def _next_index(state: JobState, bucket: str) -> IndexRef:
    """Return the index that the job fills.

    Its name is derived from the job's, so that no name is used twice.
    """
    reindex = state.input
    suffix = f"-{reindex.job_id[-6:].lower()}"
    name = text_index_name(reindex.tenant, reindex.model, suffix)
    return IndexRef(bucket, name, reindex.model)


def _old_index(place: ReindexProgress, bucket: str) -> IndexRef:
    return IndexRef(bucket, place.old_index, place.old_model)


def _embedding(place: ReindexProgress) -> ReindexProgress:
    return place.model_copy(update={"phase": "embedding", "batch": 0, "after": ""})


def _verifying(place: ReindexProgress) -> ReindexProgress:
    return place.model_copy(
        update={
            "phase": "verifying",
            "round": place.round + 1,
            "batches": 0,
            "batch": 0,
            "after": "",
            "verified": 0,
            "short": 0,
        }
    )


def _parts(document: Document, chunks: range) -> list[_Part]:
    """Return the slices that cover `chunks` of the current version."""
    return [
        _Part(
            Slice(
                document_id=document.document_id,
                version=document.version,
                first=first,
                count=min(CHUNKS_A_SLICE, chunks.stop - first),
            ),
            is_last=first + CHUNKS_A_SLICE >= chunks.stop,
        )
        for first in range(chunks.start, chunks.stop, CHUNKS_A_SLICE)
    ]


def _missing(document: Document, index: IndexRef, indexes: IndexStore) -> list[_Part]:
    """Return slices that cover every chunk of `document` whose vector is not in `index`."""
    parts: list[_Part] = []
    for part in _parts(document, range(document.chunks)):
        cut = part.slice
        numbers = range(cut.first, cut.first + cut.count)
        keys = [vector_key(cut.document_id, cut.version, n) for n in numbers]
        if indexes.missing(index, keys):
            parts.append(part)
    return [*parts[:-1], replace(parts[-1], is_last=True)] if parts else []


def _batch_key(state: JobState, round_: int, batch: int) -> str:
    return f"{state.prefix}slices/{round_}-{batch:05d}.jsonl"


def _outcome(counts: JobCounts, place: ReindexProgress) -> StepOutcome:
    return StepOutcome(checkpoint=place, counts=counts, phase=place.phase)
