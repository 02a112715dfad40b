"""An index in memory, as queries see it: vectors, filterable metadata, and text."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from localcloud.s3vectors.bm25 import TextIndex
from localcloud.s3vectors.columns import Columns, Mask
from localcloud.s3vectors.filters import Filter
from localcloud.s3vectors.matrix import Matrix
from localcloud.s3vectors.records import Record, Terms
from localcloud.s3vectors.store import Index

KEPT_IN_MEMORY = 16
_SPARE_ROWS = 1000


class LiveIndex:
    """What is on disk of one index, kept equal to it by whoever writes. Not thread-safe."""

    def __init__(self, index: Index, records: Iterable[Record]) -> None:
        """Load `records`, which are all that `index` holds."""
        self.matrix = Matrix(index.dimension, index.metric)
        self.columns = Columns()
        self.texts = {key: TextIndex() for key in index.text_search}
        self.keys: list[str] = []
        self._non_filterable = index.non_filterable
        self._row_of: dict[str, int] = {}
        self._alive = np.zeros(64, np.bool_)
        for record in records:
            self._add(record)

    def put(self, records: Iterable[Record], replaced: Mapping[str, Terms]) -> None:
        """Follow a put; `replaced` are the terms of what it took the place of."""
        self.delete(replaced)
        for record in records:
            self._add(record)

    def delete(self, taken: Mapping[str, Terms]) -> None:
        """Follow a deletion of vectors that had these terms."""
        for key, terms in taken.items():
            row = self._row_of.pop(key)
            self._alive[row] = False
            for field, counts in terms.items():
                if field in self.texts:
                    self.texts[field].remove(row, counts)

    def eligible(self, condition: Filter | None) -> Mask:
        """Return which rows are live and match `condition`."""
        rows = len(self.matrix)
        alive: Mask = self._alive[:rows]
        return alive if condition is None else alive & self.columns.mask(condition, rows)

    @property
    def wasteful(self) -> bool:
        """Whether most rows are of vectors that are gone."""
        return len(self.keys) > 2 * len(self._row_of) + _SPARE_ROWS

    def _add(self, record: Record) -> None:
        row = self.matrix.append(record.vector)
        if row == len(self._alive):
            self._alive = np.concatenate([self._alive, np.zeros_like(self._alive)])
        self._alive[row] = True
        self._row_of[record.key] = row
        self.keys.append(record.key)
        kept = {
            name: value
            for name, value in record.metadata.items()
            if name not in self._non_filterable
        }
        self.columns.set(row, kept)
        for field, counts in record.terms.items():
            if field in self.texts:
                self.texts[field].add(row, counts)


class LiveIndexes:
    """The indexes in memory, loaded at their first query, the least recently used dropped first."""

    def __init__(self, load: Callable[[int], LiveIndex]) -> None:
        """Load an index that is not in memory with `load`, by its row id."""
        self._load = load
        self._live: OrderedDict[int, LiveIndex] = OrderedDict()
        self._locks: dict[int, threading.RLock] = {}
        self._guard = threading.Lock()

    @contextmanager
    def alone(self, index: int) -> Iterator[None]:
        """Keep every other writer and reader of an index out."""
        with self._guard:
            lock = self._locks.setdefault(index, threading.RLock())
        with lock:
            yield

    def get(self, index: int) -> LiveIndex:
        """Return an index, loading it if need be. The caller is alone with it."""
        live = self.peek(index)
        if live is None:
            live = self._load(index)
        with self._guard:
            self._live[index] = live
            self._live.move_to_end(index)
            while len(self._live) > KEPT_IN_MEMORY:
                self._live.popitem(last=False)
        return live

    def peek(self, index: int) -> LiveIndex | None:
        """Return an index if it is in memory. The caller is alone with it."""
        with self._guard:
            return self._live.get(index)

    def drop(self, index: int) -> None:
        """Forget an index; it is loaded anew when it is queried."""
        with self._guard:
            self._live.pop(index, None)
