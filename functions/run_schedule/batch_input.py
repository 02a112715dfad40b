"""The input of a run's batch: from its source to parts of a file, and the watermark after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.batches import storage
from chalicelib.contracts.schedule_places import (
    CollectionDestination,
    DocumentsSource,
    ObjectSource,
    PrefixSource,
    SearchSource,
)
from chalicelib.contracts.schedule_runs import Watermark
from chalicelib.errors import Conflict, InvalidInput, NotFound
from functions.run_schedule.batch_job import BatchProgress
from functions.run_schedule.files import FileSelector, files_notes
from functions.run_schedule.history import (
    DocumentHistory,
    HistoryHead,
    Listing,
    given_up,
    read_history,
)
from functions.run_schedule.manifest import manifest_prefix, manifests_prefix
from functions.run_schedule.prompt_use import LookUp, pin_prompt
from functions.run_schedule.selection import (
    SelectableDocuments,
    SelectionProgress,
    Selector,
    read_selected,
    selection_notes,
)

if TYPE_CHECKING:
    from chalicelib.contracts.schedules import BatchWork
    from functions.run_schedule.destinations import GrantedLocations, Transfers
    from functions.run_schedule.kind import Run, RunObjects

HISTORY = "documents.jsonl"
MAX_PATHS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class BatchInputs:
    """Makes the inputs of batches, whatever their source is.

    `search` returns the ids of the documents that a search finds for a run, the best first.
    """

    objects: RunObjects
    documents: SelectableDocuments
    transfers: Transfers
    locations: GrantedLocations
    look_up: LookUp
    search: Callable[[Run, SearchSource], Sequence[str]]

    def begin(self, run: Run, work: BatchWork) -> BatchProgress:
        """Return where a run begins, its prompt looked up, or its files taken.

        Raises:
            NotFound: the prompt, its version, or the object is gone.
            InvalidInput: the tenant may not read the files, or there is too much of them.
        """
        self._forget_older(run)
        attempt, source = run.state.job.attempt, work.source
        if isinstance(source, ObjectSource):
            return BatchProgress(files=self._files(run).take_object(source.uri), attempt=attempt)
        if isinstance(source, PrefixSource):
            return BatchProgress(files=self._files(run).take_prefix(source.uri), attempt=attempt)
        if work.prompt is None:
            raise InvalidInput("Documents need a prompt.", field="work.prompt")
        return BatchProgress(
            prompt=pin_prompt(self.look_up, run.tenant, work.prompt),
            selection=SelectionProgress(begun=run.now),
            attempt=attempt,
        )

    def select(self, run: Run, work: BatchWork, progress: BatchProgress) -> BatchProgress:
        """Select some documents, and return the progress after them.

        Raises:
            InvalidInput: there are more than a batch takes, and no watermark to go on from.
            Conflict: what the earlier runs left is gone.
        """
        source, prompt, selection = work.source, progress.prompt, progress.selection
        if prompt is None or selection is None:
            raise Conflict(f"{run.job_id} selects no documents.")
        traced = any(isinstance(each, CollectionDestination) for each in work.results)
        history = self._history(run, work)
        if isinstance(source, SearchSource) and selection.found is None:
            # A step that goes on finds the same, whatever was uploaded meanwhile.
            found = tuple(self.search(run, source))
            selection = selection.model_copy(update={"found": found})
        selector = Selector(
            *(run, self.documents, self.objects, prompt, history, selection, run.is_late),
            traced=traced,
        )
        if isinstance(source, DocumentsSource):
            selection = selector.step(selector.changed(source))
        elif isinstance(source, SearchSource):
            selection = selector.step(selector.found())
        if selection.is_full and not _moves(work):
            raise InvalidInput(
                "The documents of the selection are more than a batch takes: select those that"
                " changed since the last run, or less by a filter.",
                field="work.source",
            )
        return progress.model_copy(update={"selection": selection})

    def join(self, run: Run, parts: int, key: str) -> None:
        """Write the parts as one object."""
        with self.objects.writing(run.bucket, key) as out:
            for part in range(parts):
                name = f"{run.prefix}input/{part:05d}.jsonl"
                for piece in self.objects.stream(run.bucket, name):
                    out.write(piece)

    def watermark(
        self, run: Run, work: BatchWork, progress: BatchProgress, failures: set[str]
    ) -> Watermark | None:
        """Write what the next run begins from; None if runs of this source begin anew each time."""
        if isinstance(work.source, PrefixSource) and progress.files is not None:
            key = self._files(run).complete_manifest(work.source.uri, progress.files)
            return Watermark(at=run.state.job.created_at, key=key)
        selection = progress.selection
        if selection is None or not _moves(work):
            return None
        listing = Listing(selection.begun, selection.cursor if selection.is_full else "")
        selected = read_selected(run, selection.parts, self.objects)
        history = self._history(run, work).after_run(listing, selected, failures)
        key = manifest_prefix(run) + HISTORY
        self.objects.write(run.bucket, key, b"".join(history.dump()), {})
        return Watermark(at=history.head.since, key=key)

    def notes(self, run: Run, progress: BatchProgress, failures: set[str]) -> Iterator[str]:
        """Yield what a reader should know of what was not asked about, or failed for good."""
        if progress.files is not None:
            yield from files_notes(progress.files)
        if progress.selection is None:
            return
        yield from selection_notes(progress.selection)
        if not failures:
            return
        paths = given_up(read_selected(run, progress.parts, self.objects), failures)
        if paths:
            shown = ", ".join(paths[:MAX_PATHS_SHOWN]) + (", …" if paths[MAX_PATHS_SHOWN:] else "")
            yield f"{len(paths)} failed in three runs and are not tried again: {shown}."

    def _files(self, run: Run) -> FileSelector:
        return FileSelector(run, self.transfers, self.objects, self.locations)

    def _history(self, run: Run, work: BatchWork) -> DocumentHistory:
        watermark = run.order.watermark
        if not _moves(work):
            return DocumentHistory()
        if not watermark.key.endswith(HISTORY):
            return DocumentHistory(HistoryHead(since=watermark.at))
        try:
            return read_history(self.objects.stream(run.bucket, watermark.key))
        except NotFound as error:
            raise Conflict(
                f"What the runs before this one answered is gone ({watermark.key}): it was begun"
                " long ago, and later runs went on without it. Run the schedule anew.",
                field="watermark",
            ) from error

    def _forget_older(self, run: Run) -> None:
        """Remove what earlier runs left that no run begins from any more."""
        prefix, earlier = manifests_prefix(run), run.order.watermark.key
        keys = self.objects.keys(run.bucket, prefix)
        folders = {key.removeprefix(prefix).partition("/")[0] for key in keys}
        kept = {run.job_id, earlier.removeprefix(prefix).partition("/")[0]}
        for folder in folders - kept:
            self.objects.delete_prefix(run.bucket, f"{prefix}{folder}/")


def _moves(work: BatchWork) -> bool:
    """Tell whether each run of the work begins where the one before left off."""
    return isinstance(work.source, DocumentsSource) and work.source.changed


def input_key(tenant: str, batch: str) -> str:
    """Return the key of the input of a batch."""
    return storage.job_prefix(tenant, batch) + storage.INPUT
