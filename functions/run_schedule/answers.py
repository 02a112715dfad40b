"""Brings the answers of a run's batch to where the schedule wants them.

    {uri}/{schedule}/{time}-{run_id}/     results.jsonl, errors.jsonl and summary.json
    inbox/{tenant}/{collection}/{schedule}/{path of the source}.md      a document an answer

A webhook is told by the event of the run's end, so that nothing is written for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.contracts.schedule_places import CollectionDestination, DocumentsSource
from chalicelib.schedules.locations import S3Location
from functions.run_schedule.destinations import run_folders
from functions.run_schedule.results import DocumentWriter, pair_with_sources, read_results
from functions.run_schedule.selection import read_selected

if TYPE_CHECKING:
    from chalicelib.contracts.objects import LargeObjects
    from chalicelib.contracts.schedule_places import Destination
    from chalicelib.contracts.schedules import BatchWork
    from chalicelib.jobs.lifecycle import JobState
    from functions.run_schedule.batch_job import BatchProgress
    from functions.run_schedule.destinations import GrantedLocations, Transfers
    from functions.run_schedule.kind import Run
    from functions.run_schedule.selection import SelectableDocuments

MAX_RESULTS_SHOWN = 20
WRITES_AT_ONCE = 8
ANSWERS_A_LOOK = 32
"""Answers that are written between two looks at the time."""
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class AnswerDelivery:
    """Writes the results of one run, a bounded piece in each step."""

    run: Run
    work: BatchWork
    child: JobState
    objects: LargeObjects
    transfers: Transfers
    locations: GrantedLocations
    documents: SelectableDocuments

    def step(
        self, progress: BatchProgress, is_late: Callable[[], bool]
    ) -> tuple[BatchProgress, tuple[str, ...]]:
        """Write to the next destination; return the progress and what was written, to be shown."""
        destination = self.work.results[progress.destination]
        if destination.type == "collection":
            return self._write_documents(destination, progress, is_late)
        shown = tuple(self._write_files(destination)) if destination.type == "s3" else ()
        return _next_destination(progress), shown

    def write_summaries(self, summary: bytes) -> None:
        """Write the summary of the run beside its results in S3."""
        for folder in run_folders(self.run, self.work.results, self.locations):
            place = S3Location(folder.bucket, folder.key + storage.SUMMARY)
            self.transfers.put_object(place, summary, JSON)

    def _write_files(self, destination: Destination) -> Iterator[str]:
        sizes = {file.name: file.bytes for file in self.child.files}
        for folder in run_folders(self.run, [destination], self.locations):
            for name in (storage.RESULTS, storage.ERRORS):
                source = S3Location(self.run.bucket, self.child.prefix + name)
                target = S3Location(folder.bucket, folder.key + name)
                self.transfers.copy(source, target, size=sizes.get(name, 0))
            yield folder.uri

    def _write_documents(
        self,
        destination: CollectionDestination,
        progress: BatchProgress,
        is_late: Callable[[], bool],
    ) -> tuple[BatchProgress, tuple[str, ...]]:
        writer = self._writer(destination.collection, progress)
        parts = progress.parts if progress.selection is not None else 0
        pieces = self.objects.stream(self.run.bucket, self.child.prefix + storage.RESULTS)
        pairs = pair_with_sources(
            read_results(pieces), read_selected(self.run, parts, self.objects)
        )
        waiting = islice(pairs, progress.line, None)
        shown: list[str] = []
        with ThreadPoolExecutor(WRITES_AT_ONCE) as pool:
            while some := list(islice(waiting, ANSWERS_A_LOOK)):
                texts = [pair for pair in some if pair[0].text is not None]
                shown += pool.map(lambda pair: writer.write(*pair), texts)
                progress = progress.model_copy(
                    update={
                        "line": progress.line + len(some),
                        "documents": progress.documents + len(texts),
                        "without_text": progress.without_text + len(some) - len(texts),
                    }
                )
                if is_late():
                    return progress, tuple(shown)
        return _next_destination(progress), tuple(shown)

    def _writer(self, collection: str, progress: BatchProgress) -> DocumentWriter:
        source = self.work.source
        has_one_collection = isinstance(source, DocumentsSource) and source.collection is not None
        return DocumentWriter(
            run=self.run,
            objects=self.objects,
            collection=collection,
            declared=self.documents.declaration(self.run.tenant, collection),
            has_schema=progress.prompt is not None and progress.prompt.has_schema,
            is_source_apart=progress.selection is not None and not has_one_collection,
        )


def shown_results(before: Sequence[str], more: Sequence[str]) -> tuple[str, ...]:
    """Return the results that the history shows, the first of all."""
    return tuple(dict.fromkeys((*before, *more)))[:MAX_RESULTS_SHOWN]


def _next_destination(progress: BatchProgress) -> BatchProgress:
    return progress.model_copy(update={"destination": progress.destination + 1, "line": 0})
