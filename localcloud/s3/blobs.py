"""The bytes of objects, as immutable files.

A blob is written aside and renamed into place, so a file under `blobs/` is always whole.
What a blob is for is known only to the catalogue; a blob that no row there uses is dropped.
A reader pins what it reads: a pinned blob is dropped only once the last reader has closed.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from uuid import uuid4

from localcloud.s3.ranges import Span
from localcloud.s3.schema import Extent

PIECE = 256 * 1024
"""How many bytes are in memory at once for one reader or writer."""


class Incoming:
    """A blob being written; leaving the block without `keep` removes it."""

    def __init__(self, temporary: Path, final: Path) -> None:
        self._temporary = temporary
        self._final = final
        self._file = temporary.open("xb", buffering=0)
        self.size = 0

    def __enter__(self) -> Incoming:
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

    def keep(self) -> Extent:
        """Make the blob permanent and return the whole of it."""
        self._file.close()
        self._final.parent.mkdir(exist_ok=True)
        self._temporary.rename(self._final)
        return Extent(self._final.name, 0, self.size)


class Content:
    """The pinned bytes of an object; an iterable of pieces that must be closed."""

    def __init__(self, store: BlobStore, extents: Sequence[Extent]) -> None:
        self._store = store
        self._extents = extents
        self._closed = False

    def __enter__(self) -> Content:
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
            yield from self._store.pieces(extent)

    def close(self) -> None:
        """Let go of the blobs. Closing twice is harmless."""
        if not self._closed:
            self._closed = True
            self._store.unpin({extent.blob for extent in self._extents})


class BlobStore:
    """A folder of blobs. `on_free(names)` hears of dropped blobs that are no longer pinned."""

    def __init__(self, folder: Path, on_free: Callable[[set[str]], None]) -> None:
        """Open the store and remove what a killed process left half written."""
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

    def receive(self) -> Incoming:
        """Return a new blob to write."""
        name = uuid4().hex
        return Incoming(self._incoming / name, self._path(name))

    def names(self) -> Iterator[str]:
        """Return the names of all blobs on disk."""
        for shelf in self._blobs.iterdir():
            for blob in shelf.iterdir():
                yield blob.name

    def open(self, extents: Sequence[Extent]) -> Content | None:
        """Pin the bytes of `extents`; None when a blob is gone, deleted a moment ago."""
        names = {extent.blob for extent in extents}
        with self._guard:
            self._pins.update(names)
        content = Content(self, extents)
        if all(self._path(name).exists() for name in names):
            return content
        content.close()
        return None

    def pieces(self, extent: Extent) -> Iterator[bytes]:
        """Read an extent in pieces of at most `PIECE` bytes."""
        with self._path(extent.blob).open("rb", buffering=0) as file:
            file.seek(extent.start)
            left = extent.length
            while left:
                piece = file.read(min(left, PIECE))
                if not piece:
                    raise OSError(f"blob {extent.blob} is shorter than its object")
                left -= len(piece)
                yield piece

    def drop(self, name: str) -> None:
        """Remove a blob, or remember to when it is pinned.

        The caller holds the catalogue's write lock and has seen that nothing uses the blob.
        """
        with self._guard:
            if self._pins[name] > 0:
                self._dropped.add(name)
            else:
                self._path(name).unlink(missing_ok=True)

    def unpin(self, names: set[str]) -> None:
        """Undo one pin of each of `names`."""
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


def cut(extents: Sequence[Extent], span: Span) -> list[Extent]:
    """Return the extents of `span` within the bytes of `extents`."""
    result = []
    offset = 0
    end = span.start + span.length
    for extent in extents:
        first = max(span.start, offset)
        last = min(end, offset + extent.length)
        if first < last:
            result.append(Extent(extent.blob, extent.start + first - offset, last - first))
        offset += extent.length
    return result
