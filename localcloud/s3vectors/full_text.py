"""Full-text search over one metadata key: text analysis and BM25 scores.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-configuring-full-text-search.html
names a standard analyzer and one for each of ten languages without giving their rules. The
standard one here lower-cases Unicode words and makes each Chinese or Japanese character a term.
English also drops stop words and plural endings; Chinese, Japanese and Korean are cut into pairs
of characters. The other languages need stemmers that are not here, and are refused.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

_IDEOGRAPH = "\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"


_LETTER = rf"(?:(?![{_IDEOGRAPH}])\w)"


_APOSTROPHE = "['\u2019]"


_TERM = re.compile(
    rf"[{_IDEOGRAPH}]"
    rf"|{_LETTER}+(?:(?:{_APOSTROPHE}(?=[^\W\d])|(?<=\d)[.,](?=\d)){_LETTER}+)*"
)


_POSSESSIVE = re.compile(f"{_APOSTROPHE}s?$")


_CJK_RUN = re.compile(rf"[{_IDEOGRAPH}\u30a0-\u30ff\uac00-\ud7af]+")


_STOP_WORDS = frozenset(
    (
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "but",
        "by",
        "for",
        "if",
        "in",
        "into",
        "is",
        "it",
        "no",
        "not",
        "of",
        "on",
        "or",
        "such",
        "that",
        "the",
        "their",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "will",
        "with",
    )
)


Analyzer = Callable[[str], list[str]]


def standard_terms(text: str) -> list[str]:
    """Return the lower-cased words of `text`, in order."""
    return _TERM.findall(unicodedata.normalize("NFKC", text).lower())


def english_terms(text: str) -> list[str]:
    """Return the English words of `text` without stop words, possessives and plural endings."""
    words = (_without_possessive(word) for word in standard_terms(text))
    return [_singular(word) for word in words if word not in _STOP_WORDS]


def cjk_terms(text: str) -> list[str]:
    """Return the words of `text`, with runs of East Asian characters as overlapping pairs."""
    plain = unicodedata.normalize("NFKC", text).lower()
    terms: list[str] = []
    at = 0
    for run in _CJK_RUN.finditer(plain):
        terms += _TERM.findall(plain[at : run.start()])
        characters = run.group()
        terms += [characters[n : n + 2] for n in range(max(1, len(characters) - 1))]
        at = run.end()
    return terms + _TERM.findall(plain[at:])


def _without_possessive(word: str) -> str:
    return _POSSESSIVE.sub("", word)


def _singular(word: str) -> str:
    """Return `word` without a plural ending (Harman's S-stemmer)."""
    if len(word) < 4 or not word.endswith("s"):
        return word
    if word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    return word if word[-2] in "us" else word[:-1]


ANALYZERS: Mapping[str | None, Analyzer] = {
    None: standard_terms,
    "en": english_terms,
    "zh": cjk_terms,
    "ja": cjk_terms,
    "ko": cjk_terms,
}
"""Analyzers by the language code of a text search configuration; None is the standard one."""


K1 = 1.2
B = 0.75


class _Postings:
    """The rows that contain a term, how often each does, and how many of them are not deleted."""

    __slots__ = ("counts", "live", "rows")

    def __init__(self) -> None:
        self.rows = array("I")
        self.counts = array("I")
        self.live = 0


class TextIndex:
    """An inverted index from terms to rows, with statistics that follow every write.

    A row number is never used twice: what replaces a document gets a new row. Postings of deleted
    rows stay until the index is loaded anew; they score nothing, and no statistic counts them.
    """

    def __init__(self) -> None:
        """Create an empty index."""
        self._postings: dict[str, _Postings] = {}
        self._lengths = np.zeros(64, np.float32)
        self._documents = 0
        self._total_length = 0

    def add(self, row: int, terms: Mapping[str, int]) -> None:
        """Add a row that was never used before, with the count of each of its terms."""
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
        """Remove a row; `terms` must be the counts that it was added with."""
        length = sum(terms.values())
        if not length:
            return
        self._lengths[row] = 0
        self._documents -= 1
        self._total_length -= length
        for term in terms:
            self._postings[term].live -= 1

    def scores(self, terms: Iterable[str], rows: int) -> NDArray[np.float64]:
        """Return the BM25 score of each of the first `rows` rows; 0 means that no term matches.

        A term counts as often as the query repeats it.
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
