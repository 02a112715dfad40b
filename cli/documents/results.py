"""Results of commands on documents, and their display."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from cli.failures import CommandError, ItemsFailedError, UnreachableError
from cli.output import Json, Output

State = Literal[
    "ready", "unchanged", "rejected", "failed", "uploaded", "queued", "refused", "deleted"
]

SETTLED = frozenset({"ready", "rejected", "failed"})
_SUCCESSES = frozenset({"ready", "unchanged", "uploaded", "queued", "deleted"})


@dataclass(frozen=True, slots=True)
class DocumentResult:
    """The result of one document; `reason` is empty if nothing went wrong."""

    path: str
    state: State
    document_id: str = ""
    reason: str = ""
    pages: int = 0
    chunks: int = 0

    @property
    def succeeded(self) -> bool:
        """Return whether the document is, or may yet become, searchable."""
        return self.state in _SUCCESSES


@dataclass(frozen=True, slots=True)
class DocumentProgress:
    """The progress of the work on a large document."""

    path: str
    stage: str
    done: int
    total: int

    @property
    def text(self) -> str:
        """Return the progress in words."""
        return f"{self.path}: {describe_progress(self.stage, self.done, self.total)}"


def progress_of(path: str, document: Json) -> DocumentProgress | None:
    """Return the progress of `document`, or None if it is not processed in parts."""
    progress = document.get("progress")
    if not progress:
        return None
    return DocumentProgress(
        path, progress["stage"], progress["parts_done"], progress["parts_total"]
    )


def describe_progress(stage: str, parts_done: int, parts_total: int) -> str:
    """Return how many of a document's parts are done, in words."""
    return f"{stage}, {parts_done} of {parts_total} parts"


def result_of(path: str, document: Json, state: State | None = None) -> DocumentResult:
    """Return the result of a settled `document`, with `state` replacing its own if given."""
    status: State = state or document["status"]
    if state is None and status not in SETTLED:
        raise UnreachableError(f"The API answers with an unknown status {status!r}.")
    return DocumentResult(
        path,
        status,
        str(document["document_id"]),
        "" if status in _SUCCESSES else str(document["reason"]),
        int(document["pages"]),
        int(document["chunks"]),
    )


@dataclass(frozen=True, slots=True)
class WatchedResults:
    """The results that arrived, and the failure that ended them early, if any."""

    results: Sequence[DocumentResult]
    ended_by: CommandError | None = None

    def check(self) -> None:
        """Raise the failure that the command ends with, if there is one.

        Call it once the results are shown: `ItemsFailedError` adds nothing to their output.
        """
        if self.ended_by is not None:
            raise self.ended_by
        if not all(result.succeeded for result in self.results):
            raise ItemsFailedError


def watch(
    results: Iterable[DocumentResult | DocumentProgress], total: int, what: str, output: Output
) -> WatchedResults:
    """Return `results`, in order of arrival, behind a progress bar up to `total`.

    The progress of large documents stands beside the bar. A failure that ends the results is
    returned together with those that came before it.
    """
    seen: list[DocumentResult] = []
    ended_by: CommandError | None = None
    with output.progress() as progress:
        task = progress.add_task(what, total=total)
        try:
            for result in results:
                if isinstance(result, DocumentProgress):
                    progress.update(task, description=f"{what} ({result.text})")
                    continue
                seen.append(result)
                if result.reason:
                    named = result.path or result.document_id
                    progress.console.print(f"{named}: {result.reason}", style="red", markup=False)
                progress.update(task, advance=1, description=what)
        except CommandError as failure:
            ended_by = failure
    return WatchedResults(seen, ended_by)


def show_results(output: Output, results: Sequence[DocumentResult]) -> None:
    """Print the results of the documents."""
    if output.as_json:
        output.json([asdict(result) for result in results])
        return
    output.table(
        ("path", "state", "pages", "chunks", "document"),
        [
            (result.path, result.state, result.pages, result.chunks, result.document_id)
            for result in results
        ],
    )
    counts = Counter(result.state for result in results)
    output.line(", ".join(f"{count} {state}" for state, count in sorted(counts.items())) + ".")
