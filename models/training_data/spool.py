"""Rows on disk between the reading of a file and its split, with some numbers of each in memory."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training_data.channel import PARTS, DataPart
from models.training_data.near_duplicates import Hashes
from models.training_data.rows import DataRow

MAX_ROWS = 5_000_000
"""The most rows: each takes some 60 bytes of memory, and 256 of disk while likes are searched."""
_NO_PART = 255
_NO_GROUP = 0


def text_hash(*texts: str) -> int:
    """Return 64 bits of the hash of texts, never 0."""
    joined = "\0".join(texts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(joined).digest()[:8], "big") or 1


@dataclass(frozen=True, slots=True)
class SpooledRow:
    """A row with its place in its file."""

    place: str
    line: bytes


@dataclass(slots=True)
class RowNumbers:
    """Numbers of each row: hashes of content, input, group, and id; part; length."""

    content: array[int] = field(default_factory=lambda: array("Q"))
    inputs: array[int] = field(default_factory=lambda: array("Q"))
    groups: array[int] = field(default_factory=lambda: array("Q"))
    ids: array[int] = field(default_factory=lambda: array("Q"))
    parts: array[int] = field(default_factory=lambda: array("B"))
    lengths: array[int] = field(default_factory=lambda: array("I"))


class RowSpool:
    """A file of rows, in a scratch folder."""

    def __init__(self, path: Path) -> None:
        """Begin a new file."""
        self._file = path.open("w+b")
        self._offsets = array("Q")
        self._end = 0
        self._numbers = RowNumbers()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._offsets)

    def add(self, row: DataRow, place: str, part: DataPart | None, length: int) -> None:
        """Keep a row; `length` is in tokens or characters."""
        bare = row.model_copy(update={"id": None, "group": None})
        asked = " ".join(" ".join(row.input_texts()).casefold().split())
        numbers = self._numbers
        numbers.content.append(text_hash(bare.line()))
        numbers.inputs.append(text_hash(asked, row.image_file() or ""))
        numbers.groups.append(_NO_GROUP if row.group is None else text_hash(row.group))
        numbers.ids.append(0 if row.id is None else text_hash(row.id))
        numbers.parts.append(_NO_PART if part is None else PARTS.index(part))
        numbers.lengths.append(min(length, 2**32 - 1))
        entry = place.encode("utf-8", "replace").replace(b"\t", b" ").replace(b"\n", b" ")
        entry += b"\t" + row.line().encode() + b"\n"
        self._offsets.append(self._end)
        self._end += self._file.write(entry)

    def at(self, number: int) -> SpooledRow:
        """Return row `number`."""
        self._file.seek(self._offsets[number])
        place, _, line = self._file.readline().partition(b"\t")
        return SpooledRow(place.decode(), line.rstrip(b"\n"))

    def rows(self) -> Iterator[SpooledRow]:
        """Yield all rows in order."""
        self._file.flush()
        for number in range(len(self)):
            yield self.at(number)

    @property
    def content(self) -> Hashes:
        """Return the hash of each row without its id and group, [n]."""
        return np.array(self._numbers.content, np.uint64)

    @property
    def inputs(self) -> Hashes:
        """Return the hash of what each row gives a model, without case and spaces, [n]."""
        return np.array(self._numbers.inputs, np.uint64)

    @property
    def groups(self) -> Hashes:
        """Return the hash of each row's group, 0 for none, [n]."""
        return np.array(self._numbers.groups, np.uint64)

    @property
    def ids(self) -> Hashes:
        """Return the hash of each row's id, 0 for none, [n]."""
        return np.array(self._numbers.ids, np.uint64)

    @property
    def parts(self) -> NDArray[np.int16]:
        """Return the number in PARTS that each row was given for, -1 for none, [n]."""
        parts = np.array(self._numbers.parts, np.int16)
        parts[parts == _NO_PART] = -1
        return parts

    def set_parts(self, parts: NDArray[np.int16]) -> None:
        """Replace the part that each row was given for, -1 for none, [n]."""
        self._numbers.parts = array("B", np.where(parts < 0, _NO_PART, parts).astype(np.uint8))

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Return the length of each row, [n]."""
        return np.array(self._numbers.lengths, np.int64)
