"""One step of embedding a collection's images again, by the served model that it names.

    listing     write the current images as slices of one passage, in batches
    embedding   the state machine embeds batch after batch

Images that arrive meanwhile are embedded by their own ingest, by the version that serves then.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from chalicelib.contracts.base import Contract
from chalicelib.contracts.jobs import JobCounts, Slice, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.picture_labels import PICTURE_TYPES
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.reindex_tenant.core import TenantDocuments, check_embedded

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document
    from chalicelib.contracts.objects import ObjectStore
    from chalicelib.jobs.lifecycle import JobState

PICTURES_A_BATCH = 200


class PictureReindexProgress(Contract):
    """The position of the job: the last key listed, the count of batches, and the next one."""

    phase: Literal["listing", "embedding"] = "listing"
    after: str = ""
    batches: int = 0
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    desk: StepContext
    documents: TenantDocuments
    objects: ObjectStore


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do one step.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
        ModelFailure: an image of the last batch could not be embedded.
    """
    check_embedded(request)
    step = _Step(deps, deps.desk.started(), request.embedded)
    return run_step(request, step.desk, step.work, step.clean)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    desk: StepContext
    embedded: int | None

    def work(self, state: JobState) -> StepOutcome:
        """Do the work of the job's current phase."""
        place = (
            PictureReindexProgress.model_validate_json(state.checkpoint)
            if state.checkpoint
            else PictureReindexProgress()
        )
        return (self._list if place.phase == "listing" else self._embed)(state, place)

    def clean(self, state: JobState) -> None:
        """Remove the lists of a cancelled job; the vectors that it embedded stay in use."""
        self.deps.objects.delete_prefix(state.input.bucket, state.prefix)

    def _list(self, state: JobState, place: PictureReindexProgress) -> StepOutcome:
        """Write batches until the step is out of time or all documents are listed."""
        total, pending = state.job.counts.total, list[Slice]()
        for document in self._pictures(state, place.after):
            total += 1
            pending.append(
                Slice(document_id=document.document_id, version=document.version, first=0, count=1)
            )
            if len(pending) == PICTURES_A_BATCH:
                place, pending = self._written(state, place, pending), []
            if self.desk.is_late:
                after = {"after": document.document_id}
                place = self._written(state, place, pending).model_copy(update=after)
                return StepOutcome(place, JobCounts(total=total), place.phase)
        place = self._written(state, place, pending).model_copy(update={"phase": "embedding"})
        return StepOutcome(place, JobCounts(total=total), place.phase)

    def _written(
        self, state: JobState, place: PictureReindexProgress, batch: Sequence[Slice]
    ) -> PictureReindexProgress:
        if not batch:
            return place
        metadata = {"documents": str(len(batch))}
        key = _batch_key(state, place.batches)
        self.deps.objects.write(state.input.bucket, key, dump_lines(batch), metadata)
        return place.model_copy(update={"batches": place.batches + 1})

    def _embed(self, state: JobState, place: PictureReindexProgress) -> StepOutcome:
        """Request the next batch, once the last one is embedded."""
        counts = state.job.counts
        if self.embedded == place.batch and place.batch < place.batches:
            key = _batch_key(state, place.batch)
            metadata = self.deps.objects.metadata(state.input.bucket, key)
            counts = counts.model_copy(update={"done": counts.done + int(metadata["documents"])})
            place = place.model_copy(update={"batch": place.batch + 1})
        if place.batch < place.batches:
            key = _batch_key(state, place.batch)
            return StepOutcome(place, counts, place.phase, next="embed", key=key, batch=place.batch)
        self.deps.objects.delete_prefix(state.input.bucket, state.prefix)
        return StepOutcome(place, counts, "done", end="succeeded")

    def _pictures(self, state: JobState, after: str) -> Iterator[Document]:
        """Yield the current images of the collection."""
        for document in self.deps.documents.documents(state.input.tenant, after):
            is_here = document.collection == state.input.collection
            if is_here and document.version and document.media_type in PICTURE_TYPES:
                yield document


def _batch_key(state: JobState, batch: int) -> str:
    return f"{state.prefix}slices/{batch:05d}.jsonl"
