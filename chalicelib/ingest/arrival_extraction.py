"""Extraction on arrival: a collection that names an extractor has each ready version read by it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.contracts.jobs import ArrivalExtraction, JobInput
from chalicelib.errors import Conflict
from chalicelib.jobs.ulids import ulid_of

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Version
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.jobs.launcher import JobLauncher
    from chalicelib.retrieval.search.filters import Declarations


@dataclass(frozen=True, slots=True)
class ArrivalExtractor:
    """Begins the extraction of versions that became ready: a job each, which keeps the reasons."""

    declarations: Declarations
    launcher: JobLauncher

    def begin(self, work: IngestInput, version: Version) -> None:
        """Begin the extraction that the collection asks for; repeated, it begins none.

        Raises:
            Transient, Throttled: a service did not answer; the call may be repeated.
        """
        declared = self.declarations.declaration(work.tenant, work.collection)
        if declared is None or declared.extractor is None:
            return
        with suppress(Conflict):  # the tenant is being removed
            self.launcher.launch(extraction_job(work, version, declared.extractor))


def extraction_job(work: IngestInput, version: Version, extractor: str) -> JobInput:
    """Return the job that extracts from a version, the same for all versions of an extractor."""
    name = extractor.partition("@")[0]
    seed = f"{work.document_id}/{work.version}/{name}"
    return JobInput(
        tenant=work.tenant,
        job_id=ulid_of(version.created_at, seed),
        kind="extraction",
        bucket=work.bucket,
        correlation_id=work.correlation_id,
        collection=work.collection,
        document_id=work.document_id,
        arrival=ArrivalExtraction(extractor=extractor, version=work.version),
    )
