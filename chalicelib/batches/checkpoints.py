"""Where a batch is and which items it has, as each of its steps reads them from its job."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from chalicelib.batches import places
from chalicelib.contracts.batches import BatchEstimate, BatchPlace, ItemRef
from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.jsonl import read_lines

if TYPE_CHECKING:
    from chalicelib.batches.ports import ItemObjects
    from chalicelib.batches.reading import Reading
    from chalicelib.jobs.lifecycle import JobState


def place_of(state: JobState) -> BatchPlace | None:
    """Return where a batch is, None before it was prepared."""
    return BatchPlace.model_validate_json(state.checkpoint) if state.checkpoint else None


def prepared(reading: Reading, estimate: BatchEstimate, state: JobState) -> BatchPlace:
    """Return where a batch is whose input was read."""
    return BatchPlace(
        form=reading.form or "own",
        items=reading.items,
        rejected=reading.rejected,
        missing=reading.items,
        key=state.prefix + places.ITEMS,
        estimate=estimate,
        prompts=reading.pinned,
    )


def counts_of(place: BatchPlace) -> JobCounts:
    """Return the counts of a batch of which nothing is answered yet."""
    return JobCounts(total=place.items + place.rejected, failed=place.rejected)


def refs_of(state: JobState, place: BatchPlace, objects: ItemObjects) -> Iterator[ItemRef]:
    """Yield the items of a batch in order, a piece of their file in memory at a time."""
    pieces = objects.stream(state.input.bucket, state.prefix + places.ITEMS)
    return read_lines(pieces, ItemRef, place.items)


def keep_all(state: JobState) -> None:
    """Leave what a cancelled batch has: it was paid for, and another attempt goes on from it."""
