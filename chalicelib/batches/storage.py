"""The objects of a batch in S3: their keys, and the interface to read and write them.

All of them lie under the prefix of the job:

    input.jsonl                     the uploaded file
    items.jsonl                     a line for each item: its number, id and byte range
    rendered.jsonl                  the calls rendered from lines that name a prompt
    rejected.jsonl                  a line for each invalid line of the input
    rounds/{attempt}-{round}.jsonl  the items that a retry round asks for
    outcomes/{n:08d}.json           the outcome of item n, written once it is known
    failures/{epoch}/{n:08d}.json   the same of an item that failed
    bundles/{first}-{last}.jsonl    copies of the outcomes of items `first` to `last` in one object
    spent/{n:08d}-{id}.json         what was spent on item n before it was put off to a later round
    results.jsonl, errors.jsonl     all outcomes in the order of the input
    summary.json                    counts that add up, and what was spent
    partial.jsonl                   the results so far, written when a client asks for them

Failures lie apart, so that a listing tells what is done, failed and missing, and nothing has to be
read or deleted when failed items are tried again: these count as missing in the next epoch.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

INPUT = "input.jsonl"
ITEMS = "items.jsonl"
RENDERED = "rendered.jsonl"
REJECTED = "rejected.jsonl"
RESULTS = "results.jsonl"
ERRORS = "errors.jsonl"
SUMMARY = "summary.json"
PARTIAL = "partial.jsonl"
OUTCOMES = "outcomes/"
FAILURES = "failures/"
SPENT = "spent/"
BUNDLES = "bundles/"
_DIGITS = 8
_SUFFIX = ".json"


def job_prefix(tenant: str, job_id: str) -> str:
    """Return the prefix that the keys of all objects of a job share."""
    return f"jobs/{tenant}/{job_id}/"


def round_file(attempt: int, round_: int) -> str:
    """Return the name of the file with the items of a retry round."""
    return f"rounds/{attempt}-{round_}.jsonl"


def failures_prefix(epoch: int) -> str:
    """Return the folder of the items that failed in `epoch`."""
    return f"{FAILURES}{epoch}/"


def item_file(n: int) -> str:
    """Return the object name of item `n`, padded so that names sort like numbers."""
    return f"{n:0{_DIGITS}d}{_SUFFIX}"


def bundle_file(first: int, last: int) -> str:
    """Return the name of a bundle with outcomes of items between `first` and `last`."""
    return f"{BUNDLES}{first:0{_DIGITS}d}-{last:0{_DIGITS}d}.jsonl"


def bundle_span(key: str) -> tuple[int, int]:
    """Return the first and the last item of the bundle at `key`."""
    first, _, last = key.rsplit("/", 1)[-1].removesuffix(".jsonl").partition("-")
    return int(first), int(last)


def spending_file(n: int, id_: str) -> str:
    """Return the name of a record of what was spent on item `n`; `id_` is unique."""
    return f"{SPENT}{n:0{_DIGITS}d}-{id_}{_SUFFIX}"


def item_number(key: str) -> int:
    """Return the number of the item that the object at `key` belongs to."""
    return int(key.rsplit("/", 1)[-1].removesuffix(_SUFFIX))


KEYS_PER_PAGE = 1_000
"""The most keys that one listing of S3 returns."""


class ItemStream(Protocol):
    """An object that is being written, piece by piece."""

    @property
    def size(self) -> int:
        """Return how many bytes were written so far."""

    def write(self, data: bytes) -> int:
        """Append `data`; return its length."""


class ItemObjects(Protocol):
    """A bucket with many, or large, objects."""

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object."""

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        """Yield the bytes from `start` to before `end` of an object in pieces.

        An `end` of 0 stands for the end of the object. Raises `NotFound`.
        """

    def keys(
        self, bucket: str, prefix: str, after: str = "", page: int = KEYS_PER_PAGE
    ) -> Iterator[str]:
        """Yield the keys under `prefix` in order, `page` of them a request.

        Only those after the key `after` are listed ("" for all).
        """

    def writing(self, bucket: str, key: str) -> AbstractContextManager[ItemStream]:
        """Open a stream whose content becomes the object `key` when the block ends."""
