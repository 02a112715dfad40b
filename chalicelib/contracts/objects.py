"""Object storage, as the steps of ingest and of jobs use it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from chalicelib.contracts.uploads import Download


class ObjectStore(Protocol):
    """Objects in buckets that keep versions."""

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object with user metadata."""

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        """Copy one version of an object within its bucket; raise `NotFound`."""

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        """Return an object's user metadata; raise `NotFound`."""

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""


class LargeObjects(ObjectStore, Protocol):
    """Objects that need not fit into memory."""

    def download(
        self, bucket: str, key: str, version_id: str | None, into: Path, max_bytes: int
    ) -> Download:
        """Write an object to the file `into`, at most one byte more than `max_bytes` of it.

        Raises `NotFound`.
        """

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        """Yield the bytes `start` to `end` of an object in pieces; an `end` of 0 is its own.

        Raises `NotFound`.
        """

    def upload(
        self, bucket: str, key: str, pieces: Iterable[bytes], metadata: Mapping[str, str]
    ) -> int:
        """Write an object of `pieces`, whole or not at all, and return its size."""
