"""Blobs: the bytes of objects, stored as immutable files.

A blob is written aside and renamed into place, so a file under `blobs/` is always whole.
Only the catalogue knows which objects use a blob; a blob without a use is deleted. A reader
pins the blobs that it reads: a pinned blob is deleted once its last reader has closed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from localcloud.s3.storage.byte_ranges import ByteRange
from localcloud.s3.storage.records import BlobExtent

CHUNK_BYTES = 256 * 1024
"""The most bytes that one reader or writer holds in memory."""


class BlobWriter:
    """A blob being written; leaving the `with` block without `commit` removes it."""

    def __init__(self, temporary: Path, final: Path) -> None:
        self._temporary = temporary
        self._final = final
        self._file = temporary.open("xb", buffering=0)
        self.size = 0

    def __enter__(self) -> BlobWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        self._temporary.unlink(missing_ok=True)

    def write(self, data: bytes) -> None:
        """Append `data`."""
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]
        self.size += len(data)

    def commit(self) -> BlobExtent:
        """Make the blob permanent and return the extent of all its bytes."""
        self._file.close()
        self._final.parent.mkdir(exist_ok=True)
        self._temporary.rename(self._final)
        return BlobExtent(self._final.name, 0, self.size)


class ObjectContent:
    """The pinned bytes of an object: an iterable of chunks that must be closed."""

    def __init__(self, store: BlobStore, extents: Sequence[BlobExtent]) -> None:
        self._store = store
        self._extents = extents
        self._closed = False

    def __enter__(self) -> ObjectContent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[bytes]:
        for extent in self._extents:
            yield from self._store.read_chunks(extent)

    def close(self) -> None:
        """Unpin the blobs. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._store.unpin({extent.blob for extent in self._extents})


class BlobStore:
    """A folder of blobs.

    `on_free(names)` is called with the dropped blobs whose last reader has closed.
    """

    def __init__(self, folder: Path, on_free: Callable[[set[str]], None]) -> None:
        """Open the store and remove the incomplete blobs of a killed process."""
        self._blobs = folder / "blobs"
        self._incoming = folder / "incoming"
        self._blobs.mkdir(exist_ok=True)
        self._incoming.mkdir(exist_ok=True)
        for leftover in self._incoming.iterdir():
            leftover.unlink()
        self._on_free = on_free
        self._guard = threading.Lock()
        self._pins: Counter[str] = Counter()
        self._dropped: set[str] = set()

    def new_blob(self) -> BlobWriter:
        """Return a writer for a new blob."""
        name = uuid4().hex
        return BlobWriter(self._incoming / name, self._path(name))

    def names(self) -> Iterator[str]:
        """Return the names of all blobs on disk."""
        for folder in self._blobs.iterdir():
            for blob in folder.iterdir():
                yield blob.name

    def open(self, extents: Sequence[BlobExtent]) -> ObjectContent | None:
        """Pin and return the bytes of `extents`, or None if a blob has just been deleted."""
        names = {extent.blob for extent in extents}
        with self._guard:
            self._pins.update(names)
        content = ObjectContent(self, extents)
        if all(self._path(name).exists() for name in names):
            return content
        content.close()
        return None

    def read_chunks(self, extent: BlobExtent) -> Iterator[bytes]:
        """Read an extent in pieces of at most `CHUNK_BYTES` bytes."""
        with self._path(extent.blob).open("rb", buffering=0) as file:
            file.seek(extent.start)
            left = extent.length
            while left:
                chunk = file.read(min(left, CHUNK_BYTES))
                if not chunk:
                    raise OSError(f"blob {extent.blob} is shorter than its object")
                left -= len(chunk)
                yield chunk

    def drop(self, name: str) -> None:
        """Delete a blob, or mark it for deletion if it is pinned.

        The caller holds the catalogue's write lock and has checked that nothing uses the blob.
        """
        with self._guard:
            if self._pins[name] > 0:
                self._dropped.add(name)
            else:
                self._path(name).unlink(missing_ok=True)

    def unpin(self, names: set[str]) -> None:
        """Remove one pin of each of `names`."""
        with self._guard:
            self._pins.subtract(names)
            unpinned = {name for name in names if self._pins[name] <= 0}
            for name in unpinned:
                del self._pins[name]
            free = unpinned & self._dropped
            self._dropped -= free
        if free:
            self._on_free(free)

    def _path(self, name: str) -> Path:
        return self._blobs / name[:2] / name


def slice_extents(extents: Sequence[BlobExtent], span: ByteRange) -> list[BlobExtent]:
    """Return the extents that hold the bytes of `span` within `extents`."""
    result = []
    offset = 0
    end = span.start + span.length
    for extent in extents:
        first = max(span.start, offset)
        last = min(end, offset + extent.length)
        if first < last:
            result.append(BlobExtent(extent.blob, extent.start + first - offset, last - first))
        offset += extent.length
    return result
