"""One step of a removal: of one large document, of a collection, or of a whole tenant.

Documents are removed first, one by one, with vectors, objects and records. The rest of a tenant is
removed by where it is stored: object prefixes, indexes, record partitions. The keys by which the
tenant logs in and the record of the job are removed last, after a record for the operator is
stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, Protocol

from chalicelib.contracts.base import Contract
from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import IndexRef, TenantStates
from chalicelib.contracts.jobs import JobCounts, JobInput, StepRequest, StepResult
from chalicelib.contracts.removals import RemovalBound, Removed, RemovedTenant
from chalicelib.errors import Conflict
from chalicelib.jobs.launcher import JobRecords
from chalicelib.jobs.lifecycle import JobState, check_cancellable
from chalicelib.jobs.removals import TENANT_BACKUPS
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step

PREFIXES = (
    *("inbox", "documents", "jobs", "feedback", "schedules", "sources", "results"),
    *("models/pairs", "models/data/tenants"),
)
"""The kinds of objects that belong to a tenant; `{kind}/{tenant}/` holds them."""
RECORDS_AT_A_TIME = 500
WAIT_SECONDS = 10

Phase = Literal["ingests", "documents", "objects", "indexes", "records", "telling"]


class RemovalProgress(Contract):
    """The position of a removal, and what it has removed so far."""

    phase: Phase
    counted: bool = False
    removed: Removed = Removed()


class RemovableDocuments(Protocol):
    """The documents of all tenants."""

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those behind the id `after` ("" for all)."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return one document of the tenant."""


class DocumentEraser(Protocol):
    """Removes documents."""

    def remove(self, tenant: str, document: Document, bound: RemovalBound | None) -> Removed:
        """Remove the document's vectors, objects and records; idempotent.

        `bound` limits what is removed; None removes everything.
        """


class TenantSchedules(Protocol):
    """The schedules of tenants."""

    def erase(self, tenant: str) -> int:
        """Erase every schedule of a tenant and return how many there were; idempotent."""


class JobStopper(Protocol):
    """Executions of jobs that may rest for long, which nothing wakes."""

    def stop(self, given: JobInput) -> None:
        """Stop the execution of `given`; idempotent."""


class TenantEraser(Protocol):
    """Erases the remaining data of a tenant."""

    def ingests(self, tenant: str) -> int:
        """Return the number of ingests of the tenant that are not settled."""

    def other_jobs(self, tenant: str, job_id: str) -> Sequence[JobInput]:
        """Return the tenant's jobs except `job_id` whose executions are not settled."""

    def erase_objects(self, bucket: str, prefix: str) -> int:
        """Remove some object versions under `prefix`; return how many, 0 at the end."""

    def erase_index(self, index: IndexRef) -> None:
        """Remove an index with all its vectors; one that is gone is no error."""

    def erase_records(self, tenant: str, job_id: str, most: int) -> int:
        """Remove at most `most` records of the tenant, except the last ones; 0 at the end."""

    def tell(self, told: RemovedTenant) -> None:
        """Store the record of a removal for the operator."""

    def removed(self, tenant: str, job_id: str) -> RemovedTenant | None:
        """Return the record of a removal."""

    def erase_last(self, tenant: str, job_id: str) -> None:
        """Remove the keys, the pointer record and the job of a removal that was recorded."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    desk: StepContext
    jobs: JobRecords
    documents: RemovableDocuments
    tenants: TenantStates
    remover: DocumentEraser
    erasing: TenantEraser
    schedules: TenantSchedules
    executions: JobStopper


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do one step; its data may be gone already.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
        Conflict: the counts do not add up.
    """
    if request.kind == "remove_tenant":
        summary = deps.erasing.removed(request.tenant, request.job_id)
        if summary is not None:
            deps.erasing.erase_last(request.tenant, request.job_id)
            counts = JobCounts(total=summary.documents, done=summary.documents)
            return StepResult(next="ended", status="succeeded", counts=counts)
    step = _Step(deps, deps.desk.started())
    return run_step(request, step.desk, step.work, lambda state: None)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    desk: StepContext

    def work(self, state: JobState) -> StepOutcome:
        """Do the work of the job's current phase."""
        place = _place(state)
        match place.phase:
            case "ingests":
                return self._ingests(state, place)
            case "documents":
                return self._documents(state, place)
            case "objects":
                return self._objects(state, place)
            case "indexes":
                return self._indexes(state, place)
            case "records":
                return self._records(state, place)
            case "telling":
                return self._telling(state, place)

    def _ingests(self, state: JobState, place: RemovalProgress) -> StepOutcome:
        """Wait for ingests and jobs that still work on the tenant; no new ones can begin."""
        removal = state.input
        erased = self.deps.schedules.erase(removal.tenant)
        place = _went_on(place, place.phase, Removed(records=erased))
        others = self.deps.erasing.other_jobs(removal.tenant, removal.job_id)
        for other in others:
            self._cancel(other)
        if others or self.deps.erasing.ingests(removal.tenant):
            return _outcome(state.job.counts, place, next="wait")
        return _outcome(state.job.counts, place.model_copy(update={"phase": "documents"}))

    def _cancel(self, other: JobInput) -> None:
        """Cancel a job; that of a rollout is stopped, since it may rest for an hour."""
        state = self.deps.jobs.state(other.tenant, other.job_id)
        with suppress(Conflict):
            if state is not None:
                check_cancellable(state.job)
                self.deps.jobs.cancel(state, self.desk.now())
        if other.kind == "rollout":
            self.deps.executions.stop(other)

    def _documents(self, state: JobState, place: RemovalProgress) -> StepOutcome:
        counts, removed, late = state.job.counts, place.removed, False
        if not place.counted:
            counts = counts.model_copy(update={"total": sum(1 for _ in self._wanted(state))})
            return _outcome(counts, place.model_copy(update={"counted": True}))
        done = counts.done
        for document in self._wanted(state):
            removal = state.input
            removed += self.deps.remover.remove(removal.tenant, document, removal.bound)
            done += 1
            if self.desk.is_late:
                late = True
                break
        # An interrupted step did not count what it had removed; at the end all of them are gone.
        total = max(counts.total, done)
        counts = counts.model_copy(update={"total": total, "done": done if late else total})
        place = place.model_copy(update={"removed": removed})
        if late:
            return _outcome(counts, place)
        if state.input.kind != "remove_tenant":
            return _outcome(counts, place, end="succeeded")
        return _outcome(counts, place.model_copy(update={"phase": "objects"}))

    def _wanted(self, state: JobState) -> Iterator[Document]:
        removal = state.input
        if removal.kind == "remove_document":
            record = self.deps.documents.document(removal.tenant, removal.document_id)
            yield from [record] if record is not None else []
            return
        for document in self.deps.documents.documents(removal.tenant, ""):
            if removal.kind == "remove_tenant" or document.collection == removal.collection:
                yield document

    def _objects(self, state: JobState, place: RemovalProgress) -> StepOutcome:
        removal, count, more = state.input, 0, True
        prefixes = [f"{kind}/{removal.tenant}/" for kind in PREFIXES]
        while more and not self.desk.is_late:
            erased = [
                self.deps.erasing.erase_objects(removal.bucket, prefix) for prefix in prefixes
            ]
            count, more = count + sum(erased), any(erased)
        after: Phase = "objects" if more else "indexes"
        return _outcome(state.job.counts, _went_on(place, after, Removed(objects=count)))

    def _indexes(self, state: JobState, place: RemovalProgress) -> StepOutcome:
        tenant = self.deps.tenants.tenant_state(state.input.tenant)
        for index in tenant.all_indexes if tenant is not None else ():
            self.deps.erasing.erase_index(index)
        return _outcome(state.job.counts, _went_on(place, "records", Removed()))

    def _records(self, state: JobState, place: RemovalProgress) -> StepOutcome:
        removal, count, more = state.input, 0, True
        while more and not self.desk.is_late:
            erased = self.deps.erasing.erase_records(
                removal.tenant, removal.job_id, RECORDS_AT_A_TIME
            )
            count, more = count + erased, bool(erased)
        after: Phase = "records" if more else "telling"
        return _outcome(state.job.counts, _went_on(place, after, Removed(records=count)))

    def _telling(self, state: JobState, place: RemovalProgress) -> StepOutcome:
        """Store the record for the operator; the next step finds it and ends the job."""
        self.deps.erasing.tell(
            RemovedTenant(
                tenant=state.input.tenant,
                job_id=state.input.job_id,
                removed_at=self.desk.now().isoformat(timespec="seconds"),
                documents=state.job.counts.done,
                removed=place.removed,
                backups=TENANT_BACKUPS,
            )
        )
        return _outcome(state.job.counts, place)


def _place(state: JobState) -> RemovalProgress:
    if state.checkpoint:
        return RemovalProgress.model_validate_json(state.checkpoint)
    return RemovalProgress(phase="ingests" if state.input.kind == "remove_tenant" else "documents")


def _went_on(place: RemovalProgress, phase: Phase, removed: Removed) -> RemovalProgress:
    return place.model_copy(update={"phase": phase, "removed": place.removed + removed})


def _outcome(
    counts: JobCounts,
    place: RemovalProgress,
    *,
    next: Literal["more", "wait"] = "more",  # noqa: A002 - the field's own name
    end: Literal["succeeded"] | None = None,
) -> StepOutcome:
    return StepOutcome(
        checkpoint=place,
        counts=counts,
        phase=place.phase,
        next=next,
        end=end,
        seconds=WAIT_SECONDS if next == "wait" else 0,
    )
