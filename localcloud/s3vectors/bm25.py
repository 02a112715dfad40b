"""BM25 over one metadata key, with statistics that follow every write.

A row is never used twice: what replaces a document gets a new row. Postings of removed rows
stay until the index is loaded anew; they score nothing, and no statistic counts them.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

K1 = 1.2
B = 0.75


class _Postings:
    """The rows that a term is in, how often, and how many of those rows are live."""

    __slots__ = ("counts", "live", "rows")

    def __init__(self) -> None:
        self.rows = array("I")
        self.counts = array("I")
        self.live = 0


class TextIndex:
    """An inverted index from terms to rows."""

    def __init__(self) -> None:
        """Start empty."""
        self._postings: dict[str, _Postings] = {}
        self._lengths = np.zeros(64, np.float32)
        self._documents = 0
        self._total_length = 0

    def add(self, row: int, terms: Mapping[str, int]) -> None:
        """Add a row that was never used, with how often each term is in it."""
        length = sum(terms.values())
        if not length:
            return
        if row >= len(self._lengths):
            grown = np.zeros(max(row + 1, 2 * len(self._lengths)), np.float32)
            grown[: len(self._lengths)] = self._lengths
            self._lengths = grown
        self._lengths[row] = length
        self._documents += 1
        self._total_length += length
        for term, count in terms.items():
            postings = self._postings.get(term)
            if postings is None:
                postings = self._postings[term] = _Postings()
            postings.rows.append(row)
            postings.counts.append(count)
            postings.live += 1

    def remove(self, row: int, terms: Mapping[str, int]) -> None:
        """Take out a row; `terms` must be what it was added with."""
        length = sum(terms.values())
        if not length:
            return
        self._lengths[row] = 0
        self._documents -= 1
        self._total_length -= length
        for term in terms:
            self._postings[term].live -= 1

    def scores(self, terms: Iterable[str], rows: int) -> NDArray[np.float64]:
        """Return the score of each of the first `rows` rows; 0 is a row that has no term.

        A term that the query repeats counts as often as it is there.
        """
        scores = np.zeros(rows, np.float64)
        if not self._documents:
            return scores
        average = self._total_length / self._documents
        for term, repeats in Counter(terms).items():
            postings = self._postings.get(term)
            if postings is None or not postings.live:
                continue
            idf = np.log1p((self._documents - postings.live + 0.5) / (postings.live + 0.5))
            at = np.frombuffer(postings.rows, np.uint32).astype(np.intp)
            counts = np.frombuffer(postings.counts, np.uint32).astype(np.float64)
            lengths = self._lengths[at].astype(np.float64)
            weights = counts * (K1 + 1) / (counts + K1 * (1 - B + B * lengths / average))
            scores[at] += np.where(lengths > 0, repeats * idf * weights, 0.0)
        return scores
