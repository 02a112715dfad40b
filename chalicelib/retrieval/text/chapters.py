"""Chapters of what is said: stretches that are the likeliest to be about one thing each.

Each stretch is taken to draw its words from a distribution of its own. The likeliest segmentation
is the shortest path over all places where a chapter may begin: M. Utiyama and H. Isahara, A
Statistical Model for Domain-Independent Text Segmentation, ACL 2001,
https://aclanthology.org/P01-1064/
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.terms import tokenize

if TYPE_CHECKING:
    from chalicelib.contracts.outlines import SpokenSentence

MIN_MS, MAX_MS = 45_000, 1_800_000
"""The least and the greatest length of a chapter.

The last one may be shorter, and one before a sentence that lasts longer than `MAX_MS`, which is a
chapter of its own.
"""
PENALTY = 2.5
"""Of a chapter, in logarithms of the number of words; 1 in the paper. `python -m benchmarks
recording_chapters` measures it: it was chosen on talks that judge nothing."""
TITLE_WORDS = 3


def sentence_terms(text: str) -> list[str]:
    """Return the stems of the words of a sentence that carry meaning, numbers left out."""
    return [word.stem for word in tokenize(text) if word.carries_meaning and not word.is_number]


def chapter_starts(
    sentences: Sequence[SpokenSentence], terms: Sequence[Sequence[str]], penalty: float = PENALTY
) -> list[int]:
    """Return the number of the sentence that each chapter begins with: 0 first, none of none.

    Args:
        sentences: What is said, in order.
        terms: The terms of each sentence.
        penalty: Of a chapter, in logarithms of the number of terms.
    """
    count = len(sentences)
    words = sum(map(len, terms))
    kinds = len({term for each in terms for term in each})
    paid = penalty * math.log(max(2, words))
    costs = [0.0] + [math.inf] * count
    before = [0] * (count + 1)
    for first in range(count):
        if math.isinf(costs[first]):
            continue
        for behind, cost in _costs(sentences, terms, first, kinds):
            total = costs[first] + cost + paid
            if total < costs[behind]:
                costs[behind], before[behind] = total, first
    return _path(before)


def _costs(
    sentences: Sequence[SpokenSentence], terms: Sequence[Sequence[str]], first: int, kinds: int
) -> Iterator[tuple[int, float]]:
    """Yield the end, exclusive, and the cost of each chapter that begins with sentence `first`.

    The cost is the negative logarithm of the probability of its words, by Laplace's rule.
    """
    found = Counter[str]()
    total, known = 0, 0.0
    for number in range(first, len(sentences)):
        for term in terms[number]:
            seen = found[term]
            known += (seen + 1) * math.log(seen + 2) - seen * math.log(seen + 1)
            found[term] = seen + 1
            total += 1
        behind = number + 1
        if _may_end(sentences, first, behind):
            yield behind, total * math.log(max(1, total + kinds)) - known
        if _lasts(sentences, first, behind) > MAX_MS:
            return


def _may_end(sentences: Sequence[SpokenSentence], first: int, behind: int) -> bool:
    """Return whether sentences `first` to `behind`, exclusive, may be a chapter."""
    lasts = _lasts(sentences, first, behind)
    if lasts > MAX_MS:
        return behind == first + 1
    if lasts >= MIN_MS or behind == len(sentences):
        return True
    return _lasts(sentences, first, behind + 1) > MAX_MS


def _lasts(sentences: Sequence[SpokenSentence], first: int, behind: int) -> int:
    return sentences[behind - 1].end_ms - sentences[first].start_ms


def _path(before: Sequence[int]) -> list[int]:
    starts: list[int] = []
    at = len(before) - 1
    while at > 0:
        at = before[at]
        starts.append(at)
    return starts[::-1]


def chapter_titles(chapters: Sequence[Sequence[str]]) -> list[str]:
    """Return for the sentences of each chapter the words that tell it from the others.

    Words weigh their count times the logarithm of the share of the chapters without them; a
    recording of one chapter has its most frequent ones.
    """
    written: list[dict[str, Counter[str]]] = [_written(each) for each in chapters]
    spread = Counter(stem for each in written for stem in each)
    return [_title(each, spread, len(chapters)) for each in written]


def _written(sentences: Sequence[str]) -> dict[str, Counter[str]]:
    """Return the forms in which each stem is written, with their counts, in order."""
    found: dict[str, Counter[str]] = {}
    for sentence in sentences:
        for word in tokenize(sentence):
            if word.carries_meaning and not word.is_number and len(word.stem) > 2:
                found.setdefault(word.stem, Counter())[word.written] += 1
    return found


def _title(written: dict[str, Counter[str]], spread: Counter[str], chapters: int) -> str:
    def weight(stem: str) -> float:
        return written[stem].total() * math.log(1 + chapters / spread[stem])

    best = sorted(written, key=weight, reverse=True)[:TITLE_WORDS]
    words = [written[stem].most_common(1)[0][0] for stem in best]
    title = ", ".join(words)
    return title[:1].upper() + title[1:]
