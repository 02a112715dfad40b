"""What the steps of a batch need of the world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

KEYS_A_PAGE = 1_000
"""What one listing of S3 takes at most."""


class ItemStream(Protocol):
    """What an object is written to, piece by piece."""

    @property
    def size(self) -> int:
        """Return how many bytes were written."""

    def write(self, data: bytes) -> int:
        """Take `data`."""


class ItemObjects(Protocol):
    """Objects in a bucket, also those that are many or large."""

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object."""

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        """Yield the bytes `start` to `end` of an object in pieces; an `end` of 0 is its own.

        Raises `NotFound`.
        """

    def keys(
        self, bucket: str, prefix: str, after: str = "", page: int = KEYS_A_PAGE
    ) -> Iterator[str]:
        """Yield the keys under `prefix` in order, those behind the key `after` ("" for all), as
        many at a time as a `page` has.
        """

    def writing(self, bucket: str, key: str) -> AbstractContextManager[ItemStream]:
        """Give a stream whose content becomes the object `key` at the end of the block."""
