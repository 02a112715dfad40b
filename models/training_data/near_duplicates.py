"""Rows that are nearly the same: texts by shared pieces, pictures by their gradients.

Texts are sets of hashed runs of five characters, without case and repeated spaces. Pairs that may
be alike are found by one-permutation MinHash, whose bins are compared in bands (A. Broder, 1997,
https://doi.org/10.1109/SEQUEN.1997.666900; P. Li, A. Owen and C.-H. Zhang, 2012,
https://arxiv.org/abs/1208.1259); whether they are is then computed from the sets. All memory that
grows with the rows is a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

NEAR_TEXT = 0.8
"""Texts whose sets overlap by this share (Jaccard) are nearly the same."""
NEAR_IMAGE = 0.04
"""Pictures whose gradients differ in fewer bits than this share are nearly the same."""
SKETCH = 64
"""Numbers of a sketch, in bands of `BAND`."""
BAND = 4
COMMON_SHARE = 0.1
"""Pieces that so many of the sampled texts have are their template, and count in none."""
MIN_COMMON = 8
_RUN = 5
_COMPARED_CHARACTERS = 50_000
_EMPTY = np.uint32(2**32 - 1)
_SIDE = 16
_DULL_BITS = 16

Hashes = NDArray[np.uint64]
Sketches = NDArray[np.uint32]
PairArray = NDArray[np.int64]


def text_hashes(text: str) -> Hashes:
    """Return the sorted hashes of a text's pieces, each once; of its first 50,000 characters."""
    plain = " ".join(text[:_COMPARED_CHARACTERS].casefold().split())
    if not plain:
        return np.zeros(0, np.uint64)
    points = np.frombuffer(plain.ljust(_RUN).encode("utf-32-le", "surrogatepass"), np.uint32)
    count = len(points) - _RUN + 1
    mixed = np.zeros(count, np.uint64)
    for at in range(_RUN):
        mixed = mixed * np.uint64(0x100000001B3) + points[at : at + count]
    return np.unique(_scrambled(mixed))


def _scrambled(values: Hashes) -> Hashes:
    """Return well-distributed numbers: the finaliser of SplitMix64."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)), np.uint64)


def common_hashes(sampled: list[Hashes]) -> Hashes:
    """Return the hashes that at least a tenth, and eight, of the sampled texts have."""
    if not sampled:
        return np.zeros(0, np.uint64)
    values, counts = np.unique(np.concatenate(sampled), return_counts=True)
    found: Hashes = values[counts >= max(MIN_COMMON, COMMON_SHARE * len(sampled))]
    return found


def without(hashes: Hashes, common: Hashes) -> Hashes:
    """Return hashes that are not common."""
    return hashes[~np.isin(hashes, common, assume_unique=True)] if len(common) else hashes


def text_sketch(hashes: Hashes) -> Sketches:
    """Return the smallest hash of each of 64 bins, [64]; a bin may be empty."""
    bins = (hashes >> np.uint64(58)).astype(np.int64)
    firsts = np.searchsorted(bins, np.arange(SKETCH))
    sketch = np.full(SKETCH, _EMPTY, np.uint32)
    full = firsts < len(bins)
    full[full] = bins[firsts[full]] == np.arange(SKETCH)[full]
    values = (hashes[firsts[full]] >> np.uint64(26)).astype(np.uint32)
    sketch[full] = np.minimum(values, _EMPTY - np.uint32(1))
    return sketch


def overlap(one: Hashes, other: Hashes) -> float:
    """Return the Jaccard index of two sets of sorted hashes; 0 if both are empty."""
    shared = len(np.intersect1d(one, other, assume_unique=True))
    both = len(one) + len(other) - shared
    return shared / both if both else 0.0


def image_sketch(picture: Image.Image) -> Sketches:
    """Return 256 bits, [8]: whether each of 16 x 16 pixels is darker than its neighbour.

    Of a picture with hardly any gradients all numbers are empty: it is like nothing.
    N. Krawetz, Kind of like that, 2013.
    """
    grey = picture.convert("L").resize((_SIDE + 1, _SIDE), Image.Resampling.BOX)
    pixels = np.asarray(grey, np.int16)
    bits = pixels[:, :-1] < pixels[:, 1:]
    sketch = np.full(SKETCH, _EMPTY, np.uint32)
    if min(bits.sum(), bits.size - bits.sum()) >= _DULL_BITS:
        words = np.packbits(bits).view(np.uint16)
        sketch[: len(words) * BAND : BAND] = words
    return sketch


def image_difference(one: Sketches, other: Sketches) -> float:
    """Return the share of bits that differ between two pictures; 1 if one has none."""
    words, others = one[::BAND], other[::BAND]
    if words[0] == _EMPTY or others[0] == _EMPTY:
        return 1.0
    apart = np.bitwise_xor(words, others).astype(np.uint16)
    return float(np.unpackbits(apart.view(np.uint8)).sum()) / (_SIDE * _SIDE)


class SketchFile:
    """The sketches of rows, in a file that is mapped into memory to be searched."""

    def __init__(self, path: Path) -> None:
        """Begin a new file."""
        self._path, self._rows = path, 0
        self._file = path.open("wb")

    def add(self, sketch: Sketches) -> None:
        """Keep the sketch of the next row."""
        self._rows += 1
        self._file.write(sketch.tobytes())

    def close(self) -> None:
        """End the writing; it may be searched then."""
        self._file.close()

    def __len__(self) -> int:
        return self._rows

    def sketches(self) -> Sketches:
        """Return all sketches, [n, 64]."""
        if not self._rows:
            return np.zeros((0, SKETCH), np.uint32)
        return np.memmap(self._path, np.uint32, "r", shape=(self._rows, SKETCH))


def candidates(sketches: Sketches, keys: Hashes) -> PairArray:
    """Return pairs of rows that share a band, [n, 2]: each with the first of its band.

    Rows are ordered by `keys`, [rows], so that the pairs depend on no order of the rows.
    """
    found = np.zeros((0, 2), np.int64)
    for begins in range(0, SKETCH, BAND):
        band = sketches[:, begins : begins + BAND]
        full = np.flatnonzero((band != _EMPTY).any(axis=1))
        mixed = np.zeros(len(full), np.uint64)
        for column in range(BAND):
            mixed = _scrambled(mixed + band[full, column].astype(np.uint64) + np.uint64(1))
        found = np.unique(np.concatenate([found, equal_pairs(mixed, full, keys[full])]), axis=0)
    return found


def equal_pairs(values: Hashes, rows: PairArray, keys: Hashes) -> PairArray:
    """Return pairs of rows with an equal value, [n, 2]: each with the one of the smallest key."""
    if not len(values):
        return np.zeros((0, 2), np.int64)
    order = np.lexsort((keys, values))
    ranked = values[order]
    begins = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    heads = np.maximum.accumulate(np.where(begins, np.arange(len(order)), 0))
    pairs = np.stack([rows[order[heads]], rows[order]], axis=1)
    return np.asarray(pairs[~begins], np.int64)


def near_texts(pairs: PairArray, hashes_of: Callable[[int], Hashes]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of texts that are nearly the same; pairs of one first row come together."""
    last, first = -1, np.zeros(0, np.uint64)
    for one, other in pairs:
        if one != last:
            last, first = int(one), hashes_of(int(one))
        if overlap(first, hashes_of(int(other))) >= NEAR_TEXT:
            yield int(one), int(other)


def near_images(pairs: PairArray, sketches: NDArray[np.uint32]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of pictures that are nearly the same."""
    for one, other in pairs:
        if image_difference(sketches[one], sketches[other]) <= NEAR_IMAGE:
            yield int(one), int(other)
