"""One step of an export: list, pack one part, or finish.

    jobs/{tenant}/{job}/listing/0-00000.jsonl   what is to be exported, 500 documents each
    jobs/{tenant}/{job}/errors/0-00001.jsonl    what part 1 could not take, and why
    jobs/{tenant}/{job}/part-00001.zip          documents
    jobs/{tenant}/{job}/records.zip             collections, ratings, usage and prompts
    jobs/{tenant}/{job}/summary.json            counts that add up, and the files

A later attempt at an export that ended in part reads `errors/` of the round before as its listing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, Protocol

from chalicelib.budgets.changes import DAY
from chalicelib.budgets.usage import exported_usage
from chalicelib.contracts.base import Contract
from chalicelib.contracts.jobs import JobCounts, StepRequest, StepResult
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.objects import ObjectStore
from chalicelib.errors import Conflict, NotFound
from chalicelib.jobs.lifecycle import JobState, ResultFile
from chalicelib.jobs.steps import StepContext, StepOutcome, run_step
from functions.export_documents.listing import (
    ENTRIES_A_LISTING,
    ListedRecords,
    ListingEntry,
    listing_entry,
)
from functions.export_documents.zip_packer import (
    ExportObjects,
    PackedDocument,
    WriteStream,
    ZipPacker,
    zip_file,
)

PART_BYTES = 256 * 1024 * 1024
"""A part is closed once it has this many bytes; its last document may exceed that."""
PART_DOCUMENTS = 5_000
"""A part is also closed once it has this many documents, since their manifest is held in memory."""
PROMPT_HEADS = "PROMPTS#"
PROMPT_VERSIONS = "PROMPT#"
COLLECTIONS = "COLLECTION#"
"""The records that a tenant gets beside its documents. Webhooks and keys are left out: they contain
secrets."""

Phase = Literal["listing", "packing", "finishing", "done"]


class ExportProgress(Contract):
    """The position of an export. `batch` and `line` are the next document in the listing."""

    phase: Phase = "listing"
    round: int = 0
    after: str = ""
    batches: int = 0
    batch: int = 0
    line: int = 0
    part: int = 0
    errors: int = 0


class RecordSource(ListedRecords, Protocol):
    """Documents, versions, and other records as they are kept."""

    def kept(self, tenant: str, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the tenant's stored records whose sort key begins with `prefix`."""


@dataclass(frozen=True, slots=True)
class Deps:
    """Collaborators of `run`."""

    desk: StepContext
    records: RecordSource
    objects: ObjectStore
    store: ExportObjects
    part_bytes: int = PART_BYTES


def run(request: StepRequest, deps: Deps) -> StepResult:
    """Do one step.

    Raises:
        Transient, Throttled: a service did not answer; the step may be repeated.
        Conflict: the counts do not add up.
    """
    step = _Step(deps, deps.desk.started())
    return run_step(request, step.desk, step.work, step.clean)


@dataclass(frozen=True, slots=True)
class _Step:
    deps: Deps
    desk: StepContext

    def work(self, state: JobState) -> StepOutcome:
        """Do the work of the job's current phase."""
        place = (
            ExportProgress.model_validate_json(state.checkpoint)
            if state.checkpoint
            else ExportProgress()
        )
        match place.phase:
            case "listing":
                return self._list(state, place)
            case "packing":
                return self._pack(state, place)
            case "finishing":
                return self._finish(state, place)
            case "done":
                return self._again(state, place)

    def clean(self, state: JobState) -> None:
        """Remove what a cancelled export has written."""
        self.deps.objects.delete_prefix(state.input.bucket, state.prefix)

    def _list(self, state: JobState, place: ExportProgress) -> StepOutcome:
        """Write listings until the step is out of time or all documents are listed."""
        export, counts = state.input, state.job.counts
        waiting: list[ListingEntry] = []
        for document in self.deps.records.documents(export.tenant, place.after):
            if not export.collection or document.collection == export.collection:
                waiting.append(listing_entry(export.tenant, document, self.deps.records))
            if len(waiting) == ENTRIES_A_LISTING:
                counts, place = self._write_listing(state, counts, place, waiting)
                waiting = []
                if self.desk.is_late:
                    after = document.document_id
                    return _outcome(counts, place.model_copy(update={"after": after}))
        if waiting:
            counts, place = self._write_listing(state, counts, place, waiting)
        return _outcome(counts, place.model_copy(update={"phase": "packing"}))

    def _write_listing(
        self, state: JobState, counts: JobCounts, place: ExportProgress, entries: list[ListingEntry]
    ) -> tuple[JobCounts, ExportProgress]:
        key = _listing_key(state, 0, place.batches)
        self.deps.objects.write(state.input.bucket, key, dump_lines(entries), {})
        counts = counts.model_copy(update={"total": counts.total + len(entries)})
        return counts, place.model_copy(update={"batches": place.batches + 1})

    def _pack(self, state: JobState, place: ExportProgress) -> StepOutcome:
        """Write one part."""
        if place.batch >= place.batches:
            return _outcome(state.job.counts, place.model_copy(update={"phase": "finishing"}))
        export, part = state.input, place.part + 1
        failed: list[ListingEntry] = []
        name = f"part-{part:05d}.zip"
        with self.deps.store.writing(export.bucket, state.prefix + name) as stream:
            packed, place = self._fill(state, place, stream, failed)
        if failed:
            key = _errors_key(state, place.round, place.errors)
            self.deps.objects.write(export.bucket, key, dump_lines(failed), {})
            place = place.model_copy(update={"errors": place.errors + 1})
        counts = state.job.counts
        counts = counts.model_copy(
            update={"done": counts.done + packed, "failed": counts.failed + len(failed)}
        )
        files = (*state.files, ResultFile(name, stream.size))
        return _outcome(counts, place.model_copy(update={"part": part}), files=files)

    def _fill(
        self,
        state: JobState,
        place: ExportProgress,
        stream: WriteStream,
        failed: list[ListingEntry],
    ) -> tuple[int, ExportProgress]:
        """Write documents into the part until it is full, the step is out of time or all are in."""
        manifest: list[PackedDocument] = []
        with zip_file(stream) as archive:
            export = state.input
            packer = ZipPacker(export.bucket, export.tenant, archive, state.job.created_at)
            for batch, line, entry in self._entries(state, place):
                place = place.model_copy(update={"batch": batch, "line": line})
                try:
                    manifest.append(packer.put_document(entry, self.deps.store))
                except (NotFound, Conflict) as error:
                    failed.append(entry.model_copy(update={"reason": error.message}))
                is_full = stream.size >= self.deps.part_bytes or len(manifest) >= PART_DOCUMENTS
                if is_full or self.desk.is_late:
                    break
            else:
                place = place.model_copy(update={"batch": place.batches, "line": 0})
            packer.put_blocks("manifest.jsonl", [dump_lines(manifest)])
        return len(manifest), place

    def _entries(
        self, state: JobState, place: ExportProgress
    ) -> Iterator[tuple[int, int, ListingEntry]]:
        """Yield the entries from `place` on, each with the place after it."""
        for batch in range(place.batch, place.batches):
            key = _listing_key(state, place.round, batch)
            body = self.deps.objects.read(state.input.bucket, key)
            lines = body.splitlines()
            first = place.line if batch == place.batch else 0
            for n in range(first, len(lines)):
                after = (batch, n + 1) if n + 1 < len(lines) else (batch + 1, 0)
                yield *after, ListingEntry.model_validate_json(lines[n])

    def _finish(self, state: JobState, place: ExportProgress) -> StepOutcome:
        """Write the other records and the summary, and end."""
        export, counts = state.input, state.job.counts
        with (
            self.deps.store.writing(export.bucket, state.prefix + "records.zip") as stream,
            zip_file(stream) as archive,
        ):
            packer = ZipPacker(export.bucket, export.tenant, archive, state.job.created_at)
            packer.put_blocks("collections.jsonl", self._collections(state))
            if not export.collection:
                packer.put_blocks("feedback.jsonl", self._feedback(state))
                packer.put_blocks("usage.jsonl", self._usage(state))
                packer.put_blocks("prompts.jsonl", self._prompts(state))
        files = (*state.files, ResultFile("records.zip", stream.size), *self._errors(state, place))
        end: Literal["succeeded", "partial"] = "partial" if counts.failed else "succeeded"
        summary = _summary(state, counts, files)
        self.deps.objects.write(export.bucket, state.prefix + "summary.json", summary, {})
        return StepOutcome(
            checkpoint=place.model_copy(update={"phase": "done"}),
            counts=counts,
            phase="done",
            end=end,
            files=(*files, ResultFile("summary.json", len(summary))),
            summary=state.prefix + "summary.json",
        )

    def _collections(self, state: JobState) -> Iterable[bytes]:
        export = state.input
        for item in self.deps.records.kept(export.tenant, COLLECTIONS + export.collection):
            if item["sk"] == COLLECTIONS + (export.collection or item["name"]):
                shown = {key: value for key, value in item.items() if key not in ("pk", "sk")}
                yield json.dumps(shown, ensure_ascii=False, default=str).encode() + b"\n"

    def _feedback(self, state: JobState) -> Iterable[bytes]:
        """Yield the rows of all ratings, each with its line end.

        A rating that is removed with its document meanwhile is left out.
        """
        bucket = state.input.bucket
        for key, _ in self.deps.store.listed(bucket, f"feedback/{state.input.tenant}/"):
            with suppress(NotFound):
                yield from self.deps.store.blocks(bucket, key)

    def _usage(self, state: JobState) -> Iterable[bytes]:
        """Yield the cost of models, one line for each day and scope."""
        for item in self.deps.records.kept(state.input.tenant, DAY):
            day = date.fromisoformat(item["sk"].removeprefix(DAY))
            yield dump_lines(exported_usage(day, item))

    def _prompts(self, state: JobState) -> Iterable[bytes]:
        """Yield the versions of prompts and the targets of labels, one line each."""
        tenant, stored = state.input.tenant, self.deps.records.kept
        labels = {item["name"]: json.loads(item["labels"]) for item in stored(tenant, PROMPT_HEADS)}
        for item in stored(tenant, PROMPT_VERSIONS):
            name = item["sk"].split("#")[1]
            pointing = labels.get(name, {}).items()
            shown = {
                "name": name,
                "version": item["number"],
                "sha256": item["sha256"],
                "created_at": item["created_at"],
                "labels": sorted(label for label, number in pointing if number == item["number"]),
                "content": json.loads(item["body"]),
            }
            yield json.dumps(shown, ensure_ascii=False).encode() + b"\n"

    def _errors(self, state: JobState, place: ExportProgress) -> list[ResultFile]:
        """Return the files that list what was not exported, and why."""
        prefix = f"{state.prefix}errors/{place.round}-"
        objects = self.deps.store.listed(state.input.bucket, prefix)
        return [ResultFile(key.removeprefix(state.prefix), size) for key, size in objects]

    def _again(self, state: JobState, place: ExportProgress) -> StepOutcome:
        """Use the failures of the last round as the listing of the next one."""
        fresh = ExportProgress(
            phase="packing", round=place.round + 1, batches=place.errors, part=place.part
        )
        parts = tuple(file for file in state.files if file.name.startswith("part-"))
        return _outcome(state.job.counts, fresh, files=parts)


def _listing_key(state: JobState, round_: int, batch: int) -> str:
    if round_:
        return _errors_key(state, round_ - 1, batch)
    return f"{state.prefix}listing/0-{batch:05d}.jsonl"


def _errors_key(state: JobState, round_: int, n: int) -> str:
    return f"{state.prefix}errors/{round_}-{n:05d}.jsonl"


def _outcome(
    counts: JobCounts, place: ExportProgress, files: tuple[ResultFile, ...] = ()
) -> StepOutcome:
    return StepOutcome(checkpoint=place, counts=counts, phase=place.phase, files=files)


def _summary(state: JobState, counts: JobCounts, files: tuple[ResultFile, ...]) -> bytes:
    summary = {
        "job_id": state.input.job_id,
        "tenant": state.input.tenant,
        "collection": state.input.collection or None,
        "created_at": state.job.created_at.isoformat(),
        "documents": {
            "listed": counts.total,
            "exported": counts.done,
            "failed": counts.failed,
        },
        "files": [{"name": file.name, "bytes": file.bytes} for file in files],
    }
    return json.dumps(summary, indent=2).encode() + b"\n"
