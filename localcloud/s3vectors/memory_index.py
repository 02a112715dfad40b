"""Indexes in memory, as queries use them: vectors, filterable metadata, and text.

Vectors are scanned whole: exact, and fast enough for what a laptop holds.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from localcloud.s3vectors.bucket_store import StoredIndex
from localcloud.s3vectors.filters import Mask, MetadataColumns, MetadataFilter
from localcloud.s3vectors.full_text import TextIndex
from localcloud.s3vectors.records import TermCounts, Vector, VectorRecord

_BLOCK_ROWS = 8192


class VectorMatrix:
    """A growing matrix of float32 rows; with the cosine metric each row has unit length."""

    def __init__(self, dimension: int, metric: str) -> None:
        """Create a matrix without rows. `metric` is `cosine` or `euclidean`."""
        self._cosine = metric == "cosine"
        self._rows = np.empty((64, dimension), np.float32)
        self._used = 0

    def __len__(self) -> int:
        """Return how many rows were ever added, deleted ones included."""
        return self._used

    def append(self, vector: Vector) -> int:
        """Add a vector and return its row number."""
        if self._used == len(self._rows):
            grown = np.empty((2 * len(self._rows), self._rows.shape[1]), np.float32)
            grown[: self._used] = self._rows
            self._rows = grown
        row = self._used
        self._rows[row] = _normalized(vector) if self._cosine else vector
        self._used += 1
        return row

    def distances(self, query: Vector) -> NDArray[np.float32]:
        """Return the distance of every row from `query`: 1 - cosine, or the Euclidean length."""
        rows = self._rows[: self._used]
        if self._cosine:
            # Row by row on this thread: BLAS would share a product of matrix and vector out to
            # every core, and wait for the busiest of them.
            cosines: NDArray[np.float32] = np.vecdot(rows, _normalized(query))
            return np.clip(1 - cosines, 0, 2)
        lengths = np.empty(self._used, np.float32)
        for start in range(0, self._used, _BLOCK_ROWS):
            block = rows[start : start + _BLOCK_ROWS]
            lengths[start : start + len(block)] = np.linalg.norm(block - query, axis=1)
        return lengths


def _normalized(vector: Vector) -> Vector:
    unit: Vector = (vector / np.linalg.norm(vector.astype(np.float64))).astype(np.float32)
    return unit


def nearest(values: NDArray[np.floating], eligible: Mask, count: int) -> list[int]:
    """Return up to `count` eligible rows with the smallest values; ties are ordered by row."""
    rows = np.flatnonzero(eligible)
    if len(rows) > count:
        chosen = values[rows]
        bound = np.partition(chosen, count - 1)[count - 1]
        rows = rows[chosen <= bound]
    order = np.argsort(values[rows], kind="stable")[:count]
    return [int(row) for row in rows[order]]


MAX_INDEXES_IN_MEMORY = 16
_MAX_DEAD_ROWS = 1000


class MemoryIndex:
    """A copy of one index in memory. Writers keep it equal to the database. Not thread-safe."""

    def __init__(self, index: StoredIndex, records: Iterable[VectorRecord]) -> None:
        """Load `records`, which must be all records of `index`."""
        self.matrix = VectorMatrix(index.dimension, index.metric)
        self.columns = MetadataColumns()
        self.texts = {key: TextIndex() for key in index.text_search}
        self.keys: list[str] = []
        self._non_filterable = index.non_filterable
        self._row_of: dict[str, int] = {}
        self._alive = np.zeros(64, np.bool_)
        for record in records:
            self._add(record)

    def put(self, records: Iterable[VectorRecord], replaced: Mapping[str, TermCounts]) -> None:
        """Apply a put; `replaced` has the terms of the records that it replaced, by key."""
        self.delete(replaced)
        for record in records:
            self._add(record)

    def delete(self, deleted: Mapping[str, TermCounts]) -> None:
        """Apply a deletion; `deleted` has the terms of the deleted records, by key."""
        for key, terms in deleted.items():
            row = self._row_of.pop(key)
            self._alive[row] = False
            for field, counts in terms.items():
                if field in self.texts:
                    self.texts[field].remove(row, counts)

    def eligible(self, condition: MetadataFilter | None) -> Mask:
        """Return which rows are not deleted and match `condition`."""
        rows = len(self.matrix)
        alive: Mask = self._alive[:rows]
        return alive if condition is None else alive & self.columns.mask(condition, rows)

    @property
    def needs_reload(self) -> bool:
        """Whether most rows belong to deleted vectors, so that loading anew saves memory."""
        return len(self.keys) > 2 * len(self._row_of) + _MAX_DEAD_ROWS

    def _add(self, record: VectorRecord) -> None:
        row = self.matrix.append(record.vector)
        if row == len(self._alive):
            self._alive = np.concatenate([self._alive, np.zeros_like(self._alive)])
        self._alive[row] = True
        self._row_of[record.key] = row
        self.keys.append(record.key)
        filterable = {
            name: value
            for name, value in record.metadata.items()
            if name not in self._non_filterable
        }
        self.columns.set(row, filterable)
        for field, counts in record.terms.items():
            if field in self.texts:
                self.texts[field].add(row, counts)


class MemoryIndexCache:
    """A cache of indexes, loaded at their first query; the least recently used is dropped first."""

    def __init__(self, load: Callable[[int], MemoryIndex]) -> None:
        """Create an empty cache. `load` reads an index from the database by its row id."""
        self._load = load
        self._indexes: OrderedDict[int, MemoryIndex] = OrderedDict()
        self._locks: dict[int, threading.RLock] = {}
        self._guard = threading.Lock()

    @contextmanager
    def locked(self, index: int) -> Iterator[None]:
        """Hold the lock of an index, which every reader and writer takes."""
        with self._guard:
            lock = self._locks.setdefault(index, threading.RLock())
        with lock:
            yield

    def get(self, index: int) -> MemoryIndex:
        """Return an index, loading it if it is not in memory. The caller holds its lock."""
        loaded = self.peek(index)
        if loaded is None:
            loaded = self._load(index)
        with self._guard:
            self._indexes[index] = loaded
            self._indexes.move_to_end(index)
            while len(self._indexes) > MAX_INDEXES_IN_MEMORY:
                self._indexes.popitem(last=False)
        return loaded

    def peek(self, index: int) -> MemoryIndex | None:
        """Return an index if it is in memory. The caller holds its lock."""
        with self._guard:
            return self._indexes.get(index)

    def drop(self, index: int) -> None:
        """Drop an index from the cache; its next query loads it anew."""
        with self._guard:
            self._indexes.pop(index, None)
