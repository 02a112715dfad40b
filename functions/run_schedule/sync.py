"""Brings the objects under a prefix into a collection: those that are new or changed.

Each step compares up to 5,000 keys with the manifest of the last run, copies what differs
into the inbox, where it is read like any upload, and writes a file of the new manifest. Objects
that are gone are removed at the end, and only if enough are left: a source that was wiped, or that
cannot be listed, must not empty the collection.

A step that is repeated copies once more; an upload of the same bytes changes no document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from chalicelib.contracts.jobs import OPEN, JobCounts, JobInput
from chalicelib.contracts.objects import ObjectStore
from chalicelib.contracts.schedule_runs import RunCheckpoint, Watermark
from chalicelib.contracts.schedules import SyncWork
from chalicelib.errors import Conflict, InvalidInput, NotFound, Unsupported
from chalicelib.jobs.lifecycle import ResultFile
from chalicelib.jobs.ulids import ulid_of
from chalicelib.schedules.locations import S3Location, SourceObject, check_location
from functions.run_schedule.children import ChildJobs
from functions.run_schedule.comparison import (
    SyncComparison,
    SyncedDocuments,
    SyncProgress,
    SyncTarget,
    SyncWindow,
    manifest_entry,
)
from functions.run_schedule.destinations import GrantedLocations, Transfers
from functions.run_schedule.kind import Run, RunStep
from functions.run_schedule.manifest import (
    ManifestHead,
    ManifestStore,
    manifest_prefix,
    manifests_prefix,
    merge,
)

COPIES_AT_ONCE = 16
REMOVALS_AT_ONCE = 10
WAIT_SECONDS = 3
MAX_SHOWN = 10
"""Reasons and documents that the history shows; the files of errors have all reasons."""


class RemovableManifests(ObjectStore, Protocol):
    """Objects whose folders can be listed and removed."""

    def keys(self, bucket: str, prefix: str) -> Iterator[str]:
        """Yield the keys under `prefix` in order."""


@dataclass(frozen=True, slots=True)
class SyncRuns:
    """Does the work of runs that synchronise a prefix with a collection."""

    source: Transfers
    objects: RemovableManifests
    documents: SyncedDocuments
    children: ChildJobs
    locations: GrantedLocations
    max_file_bytes: int

    def step(self, run: Run, place: RunCheckpoint) -> RunStep:
        """Compare and copy some objects, or remove some documents.

        Raises:
            InvalidInput: the tenant may not read the prefix, or nothing under it can be read.
            NotFound: there is no such bucket, or it has nothing under the prefix.
        """
        work = run.work
        if not isinstance(work, SyncWork):
            raise Unsupported("This run does not synchronise a prefix.", field="work.kind")
        granted = self.locations.granted(run.tenant, writes=False)
        location = check_location(work.uri, run.tenant, run.bucket, granted, writes=False)
        target = SyncTarget(location, run.bucket, run.tenant, work.collection)
        if place.phase == "removing":
            return self._remove(run, work, target, place)
        if place.phase == "listing":
            return self._list(run, work, target, place, run.state.job.counts)
        # An attempt after one that ended in part begins again; what is the same changes nothing.
        return self._list(run, work, target, self._begin(run, work), JobCounts())

    def cancel(self, run: Run, place: RunCheckpoint) -> int | None:
        """Leave what was brought in, and removals that have begun; the next run cleans up."""
        return None

    def _begin(self, run: Run, work: SyncWork) -> RunCheckpoint:
        """Return where a run begins; drop the manifests that no run will read."""
        earlier, prefix = run.order.watermark.key, manifests_prefix(run)
        folders = {
            key.removeprefix(prefix).partition("/")[0]
            for key in self.objects.keys(run.bucket, prefix)
        }
        for folder in folders - {run.job_id, earlier.removeprefix(prefix).partition("/")[0]}:
            self.objects.delete_prefix(run.bucket, f"{prefix}{folder}/")
        head = self._manifests(run).head(earlier) if earlier else None
        progress = SyncProgress()
        if head is not None and (head.uri, head.collection) == (work.uri, work.collection):
            progress = SyncProgress(earlier=earlier, earlier_parts=head.parts)
        return RunCheckpoint(phase="listing", state=progress.model_dump(mode="json"))

    def _list(
        self,
        run: Run,
        work: SyncWork,
        target: SyncTarget,
        place: RunCheckpoint,
        counts: JobCounts,
    ) -> RunStep:
        """Compare some keys, and copy what is new or changed."""
        progress = SyncProgress.model_validate(place.state)
        earlier = self._manifests(run).entries(
            progress.earlier, progress.earlier_part, progress.earlier_parts, progress.after
        )
        found = self.source.listed(target.location, progress.after)
        comparison = SyncComparison(target, self.documents, self.max_file_bytes, work.remove)
        window, after = comparison.window(merge(earlier, found, progress.earlier_part), progress)
        if window.is_end and not after.listed:
            raise NotFound(
                f"There is no object under s3://{target.location.bucket}/{target.location.folder}:"
                " upload files there, or correct the address. No document was removed.",
                field="uri",
            )
        brought, skipped = self._copy(target, window)
        self._manifests(run).write_part(
            run, progress.parts, [window.entries[key] for key in sorted(window.entries)]
        )
        files = (*run.state.files, *self._write_errors(run, progress.parts, window))
        after = after.model_copy(
            update={"parts": progress.parts + 1, "skipped": progress.skipped + skipped}
        )
        counts = _counted(counts, done=len(brought), failed=len(window.failures))
        reasons = (f"{target.path(key)}: {why}" for key, why in window.failures.items())
        paths = (f"{target.collection}/{path}" for path in brought)
        place = place.model_copy(
            update={
                "state": after.model_dump(mode="json"),
                "notes": (*place.notes, *reasons)[:MAX_SHOWN],
                "results": (*place.results, *paths)[:MAX_SHOWN],
            }
        )
        if not window.is_end:
            return RunStep(place, counts, files=files)
        if after.gone and not after.loses_too_many:
            return RunStep(place.model_copy(update={"phase": "removing"}), counts, files=files)
        return self._finish(run, work, place, counts, files)

    def _copy(self, target: SyncTarget, window: SyncWindow) -> tuple[list[str], int]:
        """Copy what is wanted into the inbox.

        Returns:
            the paths of what was copied, and how many objects went away or changed meanwhile.

        Raises:
            InvalidInput: nothing could be copied.
        """
        with ThreadPoolExecutor(COPIES_AT_ONCE) as pool:
            outcomes = list(pool.map(lambda it: self._copied(target, it[0]), window.wanted))
        refusals = [error for error in outcomes if isinstance(error, InvalidInput)]
        if refusals and len(refusals) == len(outcomes):
            raise refusals[0]
        brought: list[str] = []
        for (found, old), error in zip(window.wanted, outcomes, strict=True):
            if error is None:
                window.entries[found.key] = manifest_entry(found)
                brought.append(target.path(found.key))
                continue
            if isinstance(error, InvalidInput):
                window.failures[found.key] = error.message
            if old is not None:
                window.entries[found.key] = old
        return brought, len(outcomes) - len(refusals) - len(brought)

    def _copied(
        self, target: SyncTarget, found: SourceObject
    ) -> InvalidInput | NotFound | Conflict | None:
        """Copy one object; return the error that is its own, and raise others."""
        try:
            self.source.copy(
                S3Location(target.location.bucket, found.key),
                S3Location(target.bucket, target.inbox(found.key).key),
                etag=found.etag,
                size=found.size,
            )
        except (InvalidInput, NotFound, Conflict) as error:
            return error
        return None

    def _write_errors(self, run: Run, part: int, window: SyncWindow) -> Iterator[ResultFile]:
        """Write what could not be brought in, and why, as a file of the run's results."""
        if not window.failures:
            return
        lines = [{"key": key, "reason": reason} for key, reason in window.failures.items()]
        body = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines).encode()
        name = f"errors/{run.state.job.attempt}-{part:05d}.jsonl"
        self.objects.write(run.bucket, run.prefix + name, body, {})
        yield ResultFile(name, len(body))

    def _remove(
        self, run: Run, work: SyncWork, target: SyncTarget, place: RunCheckpoint
    ) -> RunStep:
        """Have documents removed whose objects are gone, some at a time, as the API has it done."""
        progress = SyncProgress.model_validate(place.state)
        jobs = [self.children.find_job(run, job_id).job for job_id in progress.waiting]
        if any(job.status in OPEN for job in jobs):
            return RunStep(place, run.state.job.counts, next="wait", seconds=WAIT_SECONDS)
        failed = [job for job in jobs if job.status != "succeeded"]
        counts = _counted(run.state.job.counts, done=len(jobs) - len(failed), failed=len(failed))
        reasons = (f"the job {job.job_id} did not remove its document" for job in failed)
        documents, progress = self._next_removals(run, target, progress)
        waiting = tuple(self._launch_removal(run, document_id) for document_id in documents)
        state = progress.model_copy(update={"waiting": waiting}).model_dump(mode="json")
        update = {"state": state, "notes": (*place.notes, *reasons)[:MAX_SHOWN]}
        place = place.model_copy(update=update)
        if waiting:
            return RunStep(place, counts, next="wait", seconds=WAIT_SECONDS, files=run.state.files)
        return self._finish(run, work, place, counts, run.state.files)

    def _next_removals(
        self, run: Run, target: SyncTarget, progress: SyncProgress
    ) -> tuple[list[str], SyncProgress]:
        """Return the next documents to remove, and where those begin that follow them."""
        found: list[str] = []
        part, line = progress.removing, progress.removed
        while part < progress.parts and len(found) < REMOVALS_AT_ONCE:
            entries = self._manifests(run).part(manifest_prefix(run), part)
            while line < len(entries) and len(found) < REMOVALS_AT_ONCE:
                if entries[line].gone:
                    found.append(target.inbox(entries[line].key).document_id)
                line += 1
            if line == len(entries):
                part, line = part + 1, 0
        return found, progress.model_copy(update={"removing": part, "removed": line})

    def _launch_removal(self, run: Run, document_id: str) -> str:
        """Begin the job that removes a document, and return its id."""
        state = run.state
        seed = f"{run.job_id}/{state.job.attempt}/{document_id}"
        job_id = ulid_of(state.job.created_at, seed)
        self.children.launch(
            JobInput(
                tenant=run.tenant,
                job_id=job_id,
                kind="remove_document",
                bucket=run.bucket,
                correlation_id=run.correlation_id,
                document_id=document_id,
            )
        )
        return job_id

    def _finish(
        self,
        run: Run,
        work: SyncWork,
        place: RunCheckpoint,
        counts: JobCounts,
        files: tuple[ResultFile, ...],
    ) -> RunStep:
        """Complete the manifest, and end."""
        progress = SyncProgress.model_validate(place.state)
        refused = progress.gone if place.phase == "listing" else 0
        counts = _counted(counts, failed=refused)
        head = ManifestHead(uri=work.uri, collection=work.collection, parts=progress.parts)
        key = self._manifests(run).write_head(run, head)
        place = place.model_copy(
            update={
                "phase": "done",
                "watermark": Watermark(at=run.state.job.created_at, key=key),
                "notes": (*_summary(progress, refused), *place.notes),
            }
        )
        return RunStep(place, counts, end="partial" if counts.failed else "succeeded", files=files)

    def _manifests(self, run: Run) -> ManifestStore:
        return ManifestStore(self.objects, run.bucket)


def _counted(counts: JobCounts, *, done: int = 0, failed: int = 0) -> JobCounts:
    return counts.model_copy(
        update={
            "total": counts.total + done + failed,
            "done": counts.done + done,
            "failed": counts.failed + failed,
        }
    )


def _summary(progress: SyncProgress, refused: int) -> Iterator[str]:
    """Yield what was found beside what is counted, and the documents that were not removed."""
    if refused:
        yield (
            f"{refused} of {progress.known} objects are gone, and more than half is not removed at"
            " once: remove these documents yourself, or bring the objects back"
        )
    if progress.unchanged:
        yield f"{progress.unchanged} unchanged"
    if progress.refused:
        yield f"{progress.refused} unchanged that an earlier run could not bring in"
    if progress.skipped:
        yield f"{progress.skipped} changed or went away meanwhile; the next run looks again"
