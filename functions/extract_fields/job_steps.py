"""The steps of a job beside its children: its documents are listed, counted, and results written.

A failed document stays failed, with its reason, until the job is retried; what has no outcome has
another round, as often as rounds bring something.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.batches import storage
from chalicelib.batches.checkpoint import keep_all
from chalicelib.batches.receipts import add_children
from chalicelib.batches.rounds import (
    MAX_CHILDREN,
    ItemStatus,
    item_statuses,
    next_round,
)
from chalicelib.contracts.extraction_orders import (
    DocumentItem,
    ExtractionCheckpoint,
    ExtractionInput,
    ExtractionSummary,
)
from chalicelib.contracts.jobs import JobCounts, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines, read_lines
from chalicelib.errors import InvalidInput
from chalicelib.extraction.storage import TERMS
from chalicelib.jobs.lifecycle import JobState, ResultFile
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from chalicelib.labelling.extractor_terms import SavedExtractors, referenced_terms
from functions.extract_fields.job_results import DocumentPaths, ExtractionResultWriter

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document


class CollectionDocuments(DocumentPaths, Protocol):
    """Lists and looks up documents."""

    def documents(self, tenant: str, after: str) -> Iterable[Document]:
        """Yield the tenant's documents by id, those after the id `after` ("" for all)."""


@dataclass(frozen=True, slots=True)
class JobSteps:
    """Does the steps of jobs."""

    desk: StepContext
    objects: storage.ItemObjects
    documents: CollectionDocuments
    extractors: SavedExtractors

    def step(self, request: StepRequest) -> StepResult:
        """Do the step.

        Raises:
            InvalidInput: the collection has no document that could be read.
            NotFound: the extractor of a collection is gone.
            Transient, Throttled: a service did not answer; the step may be repeated.
        """
        work = _ExtractionStep(self, request)
        return run_step(request, self.desk.started(), work.work, keep_all)


@dataclass(frozen=True, slots=True)
class _ExtractionStep:
    deps: JobSteps
    request: StepRequest

    def work(self, state: JobState) -> StepOutcome:
        """List the documents at first, and afterwards count what became of them."""
        if not state.checkpoint:
            return self._prepare(state)
        place = ExtractionCheckpoint.model_validate_json(state.checkpoint)
        update: dict[str, object] = {"used": add_children(place.used, self.request.children)}
        if self.request.error is not None:
            update["error"] = f"{self.request.error.type}: {self.request.error.message}"
        if place.phase == "done":
            update |= {"phase": "extracting", "epoch": place.epoch + 1, "idle": 0}
        return self._reconcile(state, place.model_copy(update=update))

    def _prepare(self, state: JobState) -> StepOutcome:
        given = self._arrived(state) or self._input(state)
        ids = given.document_ids or tuple(self._of_collection(state, given.collection))
        if not ids:
            raise InvalidInput(
                f"The collection {given.collection} has no document that is ready.",
                field="collection",
            )
        items = [DocumentItem(n=n, document_id=each) for n, each in enumerate(ids)]
        key = state.prefix + storage.ITEMS
        self.deps.objects.write(state.input.bucket, key, dump_lines(items), {})
        place = ExtractionCheckpoint(items=len(items), missing=len(items), key=key)
        return self._round(place, JobCounts(total=len(items)), 0)

    def _arrived(self, state: JobState) -> ExtractionInput | None:
        """Return what a job reads that began with a document's arrival, and write it for the rest.

        The extractor is looked up here, so that one that is gone is the reason of a failed job.
        """
        asked = state.input.arrival
        if asked is None:
            return None
        given = ExtractionInput(
            terms=referenced_terms(self.deps.extractors, state.input.tenant, asked.extractor),
            document_ids=(state.input.document_id,),
            version=asked.version,
        )
        body = given.model_dump_json().encode()
        self.deps.objects.write(state.input.bucket, state.prefix + TERMS, body, {})
        return given

    def _of_collection(self, state: JobState, collection: str) -> Iterator[str]:
        for document in self.deps.documents.documents(state.input.tenant, ""):
            if document.collection == collection and document.version:
                yield document.document_id

    def _round(self, place: ExtractionCheckpoint, counts: JobCounts, seconds: int) -> StepOutcome:
        return StepOutcome(
            place,
            counts,
            "extracting",
            next="generate",
            key=place.key,
            seconds=seconds,
            items_a_child=-(-place.missing // MAX_CHILDREN),
            epoch=place.epoch,
        )

    def _reconcile(self, state: JobState, place: ExtractionCheckpoint) -> StepOutcome:
        """Find the documents without an outcome, and have them read in another round, or end."""
        found = self._statuses(state, place)
        missing = [item for item, status in found if status == "missing"]
        counts = JobCounts(
            total=place.items,
            done=sum(status == "done" for _, status in found),
            failed=sum(status == "failed" for _, status in found),
        )
        was_asked = self.request.children.children > 0
        after = next_round(place.missing, len(missing), place.idle)
        if not missing or (was_asked and not after.another):
            return self._end(state, place, found)
        key = state.prefix + storage.round_file(state.job.attempt, place.round + 1)
        self.deps.objects.write(state.input.bucket, key, dump_lines(missing), {})
        update = {
            "phase": "extracting",
            "key": key,
            "round": place.round + 1,
            "missing": len(missing),
            "idle": after.idle if was_asked else 0,
        }
        place = place.model_copy(update=update)
        return self._round(place, counts, after.seconds if was_asked else 0)

    def _statuses(
        self, state: JobState, place: ExtractionCheckpoint
    ) -> list[tuple[DocumentItem, ItemStatus]]:
        items = read_lines(
            self.deps.objects.stream(state.input.bucket, state.prefix + storage.ITEMS),
            DocumentItem,
            place.items,
        )
        done = self._numbers(state, storage.OUTCOMES)
        failed = self._numbers(state, storage.failures_prefix(place.epoch))
        return list(item_statuses(items, done, failed))

    def _numbers(self, state: JobState, folder: str) -> Iterator[int]:
        keys = self.deps.objects.keys(state.input.bucket, state.prefix + folder)
        return map(storage.item_number, keys)

    def _end(
        self,
        state: JobState,
        place: ExtractionCheckpoint,
        found: list[tuple[DocumentItem, ItemStatus]],
    ) -> StepOutcome:
        """Write the results in the order of the documents, and end the job."""
        written = ExtractionResultWriter(
            self.deps.objects, self.deps.documents, state, place
        ).write(found)
        done = sum(status == "done" for _, status in found)
        counts = JobCounts(total=place.items, done=done, failed=place.items - done)
        error = None if written.read else written.why_none(place.items)
        terms = self._input(state).terms
        summary = ExtractionSummary(
            job_id=state.input.job_id,
            extractor=terms.extractor,
            schema_sha256=terms.schema_sha256,
            counts=counts.model_dump(),
            statuses=dict(written.statuses),
        )
        body = summary.model_dump_json().encode()
        key = state.prefix + storage.SUMMARY
        self.deps.objects.write(state.input.bucket, key, body, {})
        return StepOutcome(
            place.model_copy(update={"phase": "done", "missing": 0}),
            counts,
            "done",
            end="failed" if error else "partial" if counts.failed else "succeeded",
            error=error,
            files=(*written.files, ResultFile(storage.SUMMARY, len(body))),
            summary=key,
        )

    def _input(self, state: JobState) -> ExtractionInput:
        body = self.deps.objects.read(state.input.bucket, state.prefix + TERMS)
        return ExtractionInput.model_validate_json(body)
