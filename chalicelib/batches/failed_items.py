"""Failed items of a batch or an extraction, a page at a time. Pure but for the objects it reads.

Of a job that has written its results they are the lines of `errors.jsonl`. Of one that goes on, or
was cancelled, they are the lines that are no calls (`rejected.jsonl`), then the failures written
so far.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from chalicelib.batches import storage
from chalicelib.contracts.batches import (
    BatchCheckpoint,
    ItemError,
    ItemOutcome,
    RejectedLine,
    RoundsCheckpoint,
)
from chalicelib.contracts.extraction_orders import DocumentOutcome, DocumentValues
from chalicelib.contracts.failed_items import FailedItem
from chalicelib.contracts.jsonl import lines_behind
from chalicelib.errors import InvalidInput

if TYPE_CHECKING:
    from chalicelib.batches.storage import ItemObjects
    from chalicelib.jobs.lifecycle import JobState

MAX_PAGE_BYTES = 1_000_000
"""Bytes of a file after which a page ends, however few lines it has."""
READS_AT_ONCE = 16
REJECTED, FAILURE, WRITTEN = "r", "n", "e"
"""Places in `rejected.jsonl`, among the failures, in `errors.jsonl`."""
PLACE = r"[rne][0-9]{1,15}"
"""A place as text: a letter, and a byte of a file or the number of an item."""


@dataclass(frozen=True, slots=True)
class FailedItemReader:
    """Reads the failed items of one job, which is a batch or an extraction."""

    objects: ItemObjects
    state: JobState

    def page(self, place: str, limit: int) -> tuple[list[FailedItem], str | None]:
        """Return at most `limit` items from `place` on ("" for the first), and the next place.

        Raises:
            InvalidInput: the job has ended since, or began again, and lists them elsewhere; or
                no line begins at the place.
            NotFound: the files of the job are kept no more.
        """
        files = {file.name for file in self.state.files}
        written = storage.ERRORS in files and not self.state.is_open
        kind, at = (place[0], int(place[1:])) if place else (WRITTEN if written else REJECTED, 0)
        if (kind == WRITTEN) != written:
            raise InvalidInput(
                "The job has ended or begun again since; begin again without the cursor.",
                field="cursor",
            )
        if written:
            lines, end = self._lines(storage.ERRORS, at, limit)
            return [*map(self._item, lines)], _place(WRITTEN, end)
        return self._unwritten(kind, at, limit) if self.state.checkpoint else ([], None)

    def _unwritten(self, kind: str, at: int, limit: int) -> tuple[list[FailedItem], str | None]:
        if kind == FAILURE:
            return self._failures(at, limit)
        lines, end = self._rejected(at, limit)
        items = [self._item(dict(RejectedLine.model_validate(line).line)) for line in lines]
        if end is not None:
            return items, _place(REJECTED, end)
        failures, following = self._failures(0, limit - len(items))
        return [*items, *failures], following

    def _rejected(self, at: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return lines that are no calls, from byte `at` on, and where the next one begins."""
        is_batch = self._kind == "batch"
        if is_batch and BatchCheckpoint.model_validate_json(self.state.checkpoint).rejected:
            return self._lines(storage.REJECTED, at, limit)
        return [], None

    def _failures(self, first: int, limit: int) -> tuple[list[FailedItem], str | None]:
        """Return the failures of items from number `first` on, and the next place."""
        folder = self.state.prefix + storage.failures_prefix(self._epoch)
        after = folder + storage.item_file(first - 1) if first else ""
        bucket = self.state.input.bucket
        keys = [*islice(self.objects.keys(bucket, folder, after), limit + 1)]
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            bodies = [*pool.map(lambda key: self.objects.read(bucket, key), keys[:limit])]
        following = storage.item_number(keys[limit]) if len(keys) > limit else None
        return [*map(self._failure, bodies)], _place(FAILURE, following)

    def _lines(self, name: str, at: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Return lines of a file from byte `at` on, and where the next begins, None at the end."""
        key = self.state.prefix + name
        pieces = self.objects.stream(self.state.input.bucket, key, max(0, at - 1))
        lines: list[dict[str, Any]] = []
        first = at
        with closing(_closable(pieces)) as stream:
            for line in lines_behind(stream, at):
                if len(lines) == limit or at - first >= MAX_PAGE_BYTES:
                    return lines, at
                lines.append(json.loads(line))
                at += len(line) + 1
        return lines, None

    def _failure(self, body: bytes) -> FailedItem:
        if self._kind == "batch":
            return self._item(dict(ItemOutcome.model_validate_json(body).line))
        outcome = DocumentOutcome.model_validate_json(body)
        errors = (outcome.error, *(part.error for part in outcome.parts))
        error = next((each for each in errors if each is not None), _UNKNOWN)
        return FailedItem(
            id=outcome.document_id,
            document_id=outcome.document_id,
            extraction_id=outcome.extraction_id,
            error=error,
        )

    def _item(self, line: dict[str, Any]) -> FailedItem:
        if self._kind == "extraction":
            return _document(DocumentValues.model_validate(line))
        return _openai_item(line) if "custom_id" in line else _own_item(line)

    @property
    def _kind(self) -> Literal["batch", "extraction"]:
        return "extraction" if self.state.input.kind == "extraction" else "batch"

    @property
    def _epoch(self) -> int:
        return RoundsCheckpoint.model_validate_json(self.state.checkpoint).epoch


_UNKNOWN = ItemError(type="InternalError", message="It failed, and nothing says why.")


def _place(kind: str, at: int | None) -> str | None:
    return None if at is None else f"{kind}{at}"


def _closable(pieces: Iterator[bytes]) -> Generator[bytes]:
    yield from pieces


def _document(values: DocumentValues) -> FailedItem:
    return FailedItem(
        id=values.document_id,
        document_id=values.document_id,
        path=values.path,
        extraction_id=values.extraction_id,
        first_page=values.first_page,
        last_page=values.last_page,
        error=values.error or _UNKNOWN,
    )


def _own_item(line: dict[str, Any]) -> FailedItem:
    return FailedItem(id=line["id"], line=line["line"], error=ItemError(**line["error"]))


def _openai_item(line: dict[str, Any]) -> FailedItem:
    """Return the item of a line in OpenAI's form, whose error is beside or in its response.

    https://platform.openai.com/docs/api-reference/batch/request-output
    """
    response = line.get("response")
    error = line.get("error") or (response["body"]["error"] if response else {})
    return FailedItem(
        id=line["custom_id"],
        line=int(line["id"].rpartition("_")[2]) + 1,
        error=ItemError(
            type=error.get("code") or error.get("type") or _UNKNOWN.type,
            message=error.get("message") or _UNKNOWN.message,
            field=error.get("param"),
            limit=error.get("limit"),
        ),
    )
