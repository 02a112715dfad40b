"""Outcomes of one child once more, together in few objects, so that hundreds are read at once.

An outcome counts by its own object; a bundle only saves reading that. What no bundle has, as after
a kill, is read from its own.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field

from chalicelib.batches import places
from chalicelib.contracts.batches import ItemOutcome

MOST_BYTES = 4 * 1024 * 1024
"""What a bundle may hold: as much is in the child's memory, and several times that where results
are put together.
"""

Loading = Future[Mapping[int, ItemOutcome]]


@dataclass(slots=True)
class Bundler:
    """Gathers outcomes that are written; threads share it. `write` takes a name and a body."""

    write: Callable[[str, bytes], None]
    most_bytes: int = MOST_BYTES
    _kept: dict[int, bytes] = field(default_factory=dict)
    _size: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, n: int, body: bytes) -> None:
        """Take the outcome of item `n` as it was written."""
        if len(body) > self.most_bytes:
            return
        with self._lock:
            full = self._emptied() if self._size + len(body) > self.most_bytes else {}
            self._kept[n] = body
            self._size += len(body)
        self._write(full)

    def flush(self) -> None:
        """Write what there is."""
        with self._lock:
            left = self._emptied()
        self._write(left)

    def _emptied(self) -> Mapping[int, bytes]:
        kept, self._kept, self._size = self._kept, {}, 0
        return kept

    def _write(self, kept: Mapping[int, bytes]) -> None:
        if len(kept) > 1:
            name = places.bundle(min(kept), max(kept))
            self.write(name, b"\n".join(body for _, body in sorted(kept.items())))


def outcomes_of(body: bytes) -> Mapping[int, ItemOutcome]:
    """Return the outcomes that a bundle has, by the numbers of their items."""
    found = map(ItemOutcome.model_validate_json, body.splitlines())
    return {each.n: each for each in found}


@dataclass(slots=True)
class Shelf:
    """Bundles as items are come to in order: each is loaded once, and dropped behind its last item.
    `keys` come in order; `load` begins to load one.
    """

    keys: Iterator[str]
    load: Callable[[str], Loading]
    _next: tuple[int, int, str] | None = None
    _open: list[tuple[int, Loading]] = field(default_factory=list)
    _ended: bool = False

    def around(self, n: int) -> Iterable[Loading]:
        """Return the bundles that may have item `n`; those behind `n` are no longer kept."""
        self._open = [each for each in self._open if each[0] >= n]
        while (coming := self._coming()) is not None and coming[0] <= n:
            _, last, key = coming
            self._next = None
            if last >= n:
                self._open.append((last, self.load(key)))
        return [loading for _, loading in self._open]

    def _coming(self) -> tuple[int, int, str] | None:
        if self._next is None and not self._ended:
            key = next(self.keys, None)
            self._ended = key is None
            self._next = None if key is None else (*places.span_of(key), key)
        return self._next
