"""Outcomes of items: their result lines, in our form or OpenAI's, and bundles of them.

An outcome counts by its own object; a bundle only saves reading that. An outcome that is in no
bundle, as after a kill, is read from its own object.
https://platform.openai.com/docs/api-reference/batch/request-output
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic_core import to_json

from chalicelib.batches import storage
from chalicelib.contracts.batches import BatchForm, ItemError, ItemOutcome
from chalicelib.contracts.http import kind_of, said
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError
from chalicelib.openai.errors import error_response

if TYPE_CHECKING:
    from chalicelib.batches.items import BatchItem


EXPIRED = "Expired"
_OPENAI_CODES = {EXPIRED: "batch_expired", "Cancelled": "batch_cancelled"}


def item_error(error: HeadraceError) -> ItemError:
    """Return the description of `error` for an item."""
    return ItemError(
        type=kind_of(error).__name__, message=said(error), field=error.field, limit=error.limit
    )


def exception_line(n: int, id_: str, form: BatchForm, error: HeadraceError) -> dict[str, Any]:
    """Return the line of `errors.jsonl` for an item that ended with `error`."""
    if form == "own":
        return error_line(n, id_, form, item_error(error))
    status, body = error_response(error, _request_id(n))
    return response_line(n, id_, status, body.model_dump(mode="json"))


def error_line(n: int, id_: str, form: BatchForm, error: ItemError) -> dict[str, Any]:
    """Return the line of `errors.jsonl` for an item without a complete answer."""
    if form == "own":
        return {"id": id_, "line": n + 1, "error": error.model_dump(mode="json", exclude_none=True)}
    code = _OPENAI_CODES.get(error.type, error.type.lower())
    return {
        "id": _request_id(n),
        "custom_id": id_,
        "response": None,
        "error": {"code": code, "message": error.message},
    }


def dump_line(line: Mapping[str, Any]) -> bytes:
    """Return a line as bytes, with its line break."""
    return to_json(line) + b"\n"


def result_line(outcome_body: bytes) -> bytes:
    """Return the result line in the object of an outcome."""
    return dump_line(ItemOutcome.model_validate_json(outcome_body).line)


def response_line(n: int, id_: str, status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of OpenAI's form with a response."""
    return {
        "id": _request_id(n),
        "custom_id": id_,
        "response": {"status_code": status, "request_id": _request_id(n), "body": body},
        "error": None,
    }


def _request_id(n: int) -> str:
    return f"batch_req_{n:08d}"


TRUNCATED = "Truncated"
_NOTHING_SPENT = Receipt()


def error_outcome(
    n: int, item: BatchItem, error: HeadraceError, receipt: Receipt = _NOTHING_SPENT
) -> ItemOutcome:
    """Return the outcome of item `n` that failed with `error`, and what was spent on it.

    OpenAI's form has no field for the receipt.
    """
    line = {**exception_line(n, item.id, item.form, error), **prompt_fields(item)}
    if item.form == "own" and receipt.lines:
        line["receipt"] = receipt.model_dump(mode="json")
    return ItemOutcome(n=n, failed=True, line=line, receipt=receipt)


def spending_outcome(n: int, receipt: Receipt) -> ItemOutcome:
    """Return a record of what was spent on item `n`, which has no outcome yet."""
    return ItemOutcome(n=n, failed=True, line={}, receipt=receipt)


def prompt_fields(item: BatchItem) -> dict[str, Any]:
    """Return the field that names the prompt an item was rendered from."""
    return {} if item.prompt is None else {"prompt": item.prompt.model_dump()}


MAX_BUNDLE_BYTES = 4 * 1024 * 1024
"""The size limit of a bundle. The child holds as much in memory, and the writer of results several
times that.
"""
LoadingBundle = Future[Mapping[int, ItemOutcome]]


@dataclass(slots=True)
class OutcomeWriter:
    """Collects written outcomes into bundles; threads share it.

    `write` takes a name and a body.
    """

    write: Callable[[str, bytes], None]
    most_bytes: int = MAX_BUNDLE_BYTES
    _kept: dict[int, bytes] = field(default_factory=dict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, n: int, body: bytes) -> None:
        """Add the outcome of item `n`, as it was written."""
        if len(body) > self.most_bytes:
            return
        with self._lock:
            full = self._emptied() if self._size + len(body) > self.most_bytes else {}
            self._kept[n] = body
            self._size += len(body)
        self._write(full)

    def flush(self) -> None:
        """Write the outcomes that are left."""
        with self._lock:
            left = self._emptied()
        self._write(left)

    def _emptied(self) -> Mapping[int, bytes]:
        kept, self._kept, self._size = self._kept, {}, 0
        return kept

    def _write(self, kept: Mapping[int, bytes]) -> None:
        if len(kept) > 1:
            name = storage.bundle_file(min(kept), max(kept))
            self.write(name, b"\n".join(body for _, body in sorted(kept.items())))


def parse_bundle(body: bytes) -> Mapping[int, ItemOutcome]:
    """Return the outcomes in a bundle by item number."""
    outcomes = map(ItemOutcome.model_validate_json, body.splitlines())
    return {outcome.n: outcome for outcome in outcomes}


@dataclass(slots=True)
class OutcomeReader:
    """Reads bundles while items are visited in order.

    Each bundle is loaded once, and dropped after its last item. `keys` come in order; `load`
    begins to load one.
    """

    keys: Iterator[str]
    load: Callable[[str], LoadingBundle]
    _next: tuple[int, int, str] | None = None
    _open: list[tuple[int, LoadingBundle]] = field(default_factory=list)
    _ended: bool = False

    def around(self, n: int) -> Iterable[LoadingBundle]:
        """Return the bundles that may hold item `n`; earlier ones are dropped."""
        self._open = [bundle for bundle in self._open if bundle[0] >= n]
        while (upcoming := self._coming()) is not None and upcoming[0] <= n:
            _, last, key = upcoming
            self._next = None
            if last >= n:
                self._open.append((last, self.load(key)))
        return [loading for _, loading in self._open]

    def _coming(self) -> tuple[int, int, str] | None:
        if self._next is None and not self._ended:
            key = next(self.keys, None)
            self._ended = key is None
            self._next = None if key is None else (*storage.bundle_span(key), key)
        return self._next
