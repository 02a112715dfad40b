"""How texts find their pictures among those that are held out, and pictures their texts.

A row is a picture with a caption. By its caption it is looked for among all pictures that the
caption does not belong to, and by its picture among all captions that are not said of it: so rows
of one class, or several captions of a picture, are no mistakes. Vectors that are not finite, or
all alike, find nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.evaluation.intervals import Values
from models.evaluation.retrieval import Labels, Vectors

DEPTHS = (1, 5)
_CHUNK = 512


@dataclass(frozen=True, slots=True)
class CaptionPairs:
    """Which captions and pictures belong together: the numbers of both by row, [n]."""

    pictures: Labels
    captions: Labels

    @classmethod
    def of(cls, pictures: Sequence[str], captions: Sequence[str]) -> CaptionPairs:
        """Return the pairs of rows, with pictures and captions numbered by their first rows."""
        return cls(_numbers(pictures), _numbers(captions))

    def first_rows(self) -> tuple[Labels, Labels]:
        """Return a row of each picture, and of each caption, in the order of their numbers."""
        pictures = np.unique(self.pictures, return_index=True)[1]
        return pictures, np.unique(self.captions, return_index=True)[1]


@dataclass(frozen=True, slots=True)
class FoundRanks:
    """The rank of each row's right item from 0 on, and how many wrong ones there are, [n] each."""

    ranks: Labels
    wrong: Labels

    def recall(self, k: int) -> float:
        """Return the share of rows whose item is among the first k."""
        return float((self.ranks < k).mean())

    def chance(self, k: int) -> float:
        """Return what `recall` is if items come in any order."""
        return float(np.minimum(1, k / (self.wrong + 1)).mean())

    @property
    def reciprocal(self) -> Values:
        """Return 1 by the rank from 1 on, [n]."""
        return np.asarray(1 / (self.ranks + 1), np.float64)

    @property
    def reciprocal_by_chance(self) -> Values:
        """Return what `reciprocal` is on average if items come in any order, [n]."""
        most = int(self.wrong.max()) + 1
        sums = np.cumsum(1 / np.arange(1, most + 1))
        return np.asarray(sums[self.wrong] / (self.wrong + 1), np.float64)


@dataclass(frozen=True, slots=True)
class ImageTextRanks:
    """The ranks of rows when pictures are found by text, and texts by picture."""

    by_text: FoundRanks
    by_picture: FoundRanks

    @property
    def scores(self) -> Values:
        """Return the mean reciprocal rank of both ways, by row, [n]."""
        return (self.by_text.reciprocal + self.by_picture.reciprocal) / 2

    @property
    def scores_by_chance(self) -> Values:
        """Return the same for items in any order."""
        return (self.by_text.reciprocal_by_chance + self.by_picture.reciprocal_by_chance) / 2

    def numbers(self, prefix: str = "") -> dict[str, float]:
        """Return recall and the median rank of both ways as metrics."""
        found: dict[str, float] = {}
        for name, each in (("by_text", self.by_text), ("by_picture", self.by_picture)):
            for k in DEPTHS:
                found[f"{prefix}recall_{k}_{name}"] = each.recall(k)
            found[f"{prefix}median_rank_{name}"] = float(np.median(each.ranks)) + 1
        return found

    def chances(self) -> dict[str, float]:
        """Return recall by chance, both ways, as metrics."""
        ways = (("by_text", self.by_text), ("by_picture", self.by_picture))
        return {f"chance_recall_{k}_{name}": each.chance(k) for name, each in ways for k in DEPTHS}


def image_text_ranks(pairs: CaptionPairs, pictures: Vectors, texts: Vectors) -> ImageTextRanks:
    """Rank rows by vectors of length 1: one for each picture, and one for each caption."""
    return ImageTextRanks(
        _ranks(texts, pictures, pairs.captions, pairs.pictures),
        _ranks(pictures, texts, pairs.pictures, pairs.captions),
    )


def _ranks(queries: Vectors, items: Vectors, asked: Labels, right: Labels) -> FoundRanks:
    """Rank the item `right` of each row for its query `asked`, among those that are wrong."""
    answers: dict[int, set[int]] = {}
    for query, item in zip(asked.tolist(), right.tolist(), strict=True):
        answers.setdefault(query, set()).add(item)
    found = np.zeros(len(asked), np.int64)
    for start in range(0, len(asked), _CHUNK):
        rows = slice(start, start + _CHUNK)
        near = queries[asked[rows]] @ items.T
        own = np.take_along_axis(near, right[rows, None], 1)
        # "not nearer" instead of "further": no comparison with nan holds.
        before = ~(near < own)
        for at, query in enumerate(asked[rows].tolist()):
            before[at, list(answers[query])] = False
        found[rows] = before.sum(1)
    wrong = len(items) - np.array([len(answers[query]) for query in asked.tolist()], np.int64)
    return FoundRanks(found, wrong)


def _numbers(names: Sequence[str]) -> NDArray[np.int64]:
    known: dict[str, int] = {}
    return np.array([known.setdefault(each, len(known)) for each in names], np.int64)
