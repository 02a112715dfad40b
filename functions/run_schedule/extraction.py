"""Extracts from the documents of a collection by a job, and copies its files to S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

from chalicelib.contracts.extraction_orders import ExtractionInput
from chalicelib.contracts.jobs import JobCounts, JobInput
from chalicelib.contracts.schedule_places import Destinations
from chalicelib.contracts.schedule_runs import RunCheckpoint
from chalicelib.contracts.schedules import ExtractionWork
from chalicelib.errors import Unsupported
from chalicelib.extraction.storage import TERMS
from chalicelib.labelling.extractor_terms import SavedExtractors, referenced_terms
from functions.run_schedule.child_files import ChildFileRuns
from functions.run_schedule.kind import Run, RunStep

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.labelling.extraction_library import StoredExtraction
    from functions.run_schedule.selection import SelectableDocuments


class KnownExtractions(Protocol):
    """Lists extractions."""

    def extractions(self, tenant: str, document_id: str, after: str) -> Iterator[StoredExtraction]:
        """Yield extractions by document, those after the id `after` ("" for all)."""


@dataclass(frozen=True, slots=True)
class ExtractionRuns(ChildFileRuns):
    """Does the work of runs that extract from documents."""

    objects: ItemObjects
    documents: SelectableDocuments
    extractors: SavedExtractors
    extractions: KnownExtractions
    name: ClassVar[str] = "extraction"
    phase: ClassVar[str] = "extracting"

    def begin(self, run: Run) -> RunStep:
        """Write what is to be read by which schema, and start the job; end if it is nothing.

        Raises:
            NotFound: the extractor, or its version, is gone.
        """
        given = self._input(run)
        if not given.document_ids:
            done = RunCheckpoint(phase="done", notes=("nothing new to read",))
            return RunStep(done, JobCounts(), end="succeeded")
        key = f"jobs/{run.tenant}/{self.child_id(run)}/{TERMS}"
        self.objects.write(run.bucket, key, given.model_dump_json().encode(), {})
        return ChildFileRuns.begin(self, run)

    def order(self, run: Run) -> JobInput:
        """Return the input of the run's extraction."""
        return JobInput(
            tenant=run.tenant,
            job_id=self.child_id(run),
            kind="extraction",
            bucket=run.bucket,
            correlation_id=run.correlation_id,
            collection=_work(run).collection,
        )

    def destinations(self, run: Run) -> Destinations:
        """Return where the files go."""
        return _work(run).results

    def _input(self, run: Run) -> ExtractionInput:
        """Return the terms, and the documents that answer and that they have not read yet."""
        work = _work(run)
        terms = referenced_terms(self.extractors, run.tenant, work.extractor)
        known = set()
        if work.changed:
            known = {
                (stored.facts.document_id, stored.facts.version)
                for stored in self.extractions.extractions(run.tenant, "", "")
                if stored.facts.extractor == terms.extractor
            }
        ids = tuple(
            document.document_id
            for document in self.documents.documents(run.tenant, "")
            if document.collection == work.collection
            and document.version
            and (document.document_id, document.version) not in known
        )
        return ExtractionInput(terms=terms, document_ids=ids, collection=work.collection)


def _work(run: Run) -> ExtractionWork:
    if not isinstance(run.work, ExtractionWork):
        raise Unsupported("This run extracts from no documents.", field="work.kind")
    return run.work
