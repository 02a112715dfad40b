"""Chapters found in talks put together of texts, by our model of words and by others.

A talk is four to nine stretches of texts, read with drawn pauses. Settings are chosen on stretches
of the pages of `docs`, and judged on Python's own help texts and on decision records, once.
"""

from __future__ import annotations

import pydoc_data.topics
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.film import prose_sentences
from benchmarks.film_passages import PROJECT, prose_paragraphs, spoken_segment
from benchmarks.reporting import Result
from benchmarks.shares import share
from chalicelib.contracts.outlines import SpokenSentence
from chalicelib.inference.embedder import Embedder
from chalicelib.retrieval.text.chapters import PENALTY, chapter_starts, sentence_terms
from chalicelib.retrieval.text.outlines import spoken_sentences
from models.pull.cache import CACHE

SEEDS = tuple(range(821, 853))
HELD_OUT_SEEDS = tuple(range(901, 917))
"""Each seed draws a talk."""
TOLERANCE_MS = 15_000
MIN_SENTENCES, MAX_SENTENCES = 12, 60
PENALTIES = (1.0, 1.5, 2.0, 2.5, 3.0)
BLOCKS = ((10, 1.0), (10, 1.5), (15, 1.0), (15, 1.5))
"""Sentences of a block of TextTiling, and deviations above the mean from which depths count."""
CHOSEN_BLOCK = (10, 1.5)
MIN_APART = 8
EQUAL, OURS = "as many equal pieces", "likeliest distributions of words"
_MARKUP = re.compile(r"[*`\"]|^ *\.\. .*$", re.MULTILINE)

Vectors = NDArray[np.float64]
Finder = Callable[["Talk"], list[int]]


@dataclass(frozen=True, slots=True)
class Talk:
    """Sentences with times, and the numbers of those with which a stretch begins, but the first."""

    sentences: tuple[SpokenSentence, ...]
    starts: tuple[int, ...]


def measure(repetitions: int) -> Result:
    """Find the chapters of all talks; `repetitions` changes nothing."""
    embedder = Embedder.open(CACHE)
    pages = [_flat([path]) for path in sorted((PROJECT / "docs").glob("*.md"))]
    records = [_flat([path]) for path in sorted((PROJECT / "docs" / "decisions").glob("*.md"))]
    help_texts = [
        prose_sentences(_MARKUP.sub("", pydoc_data.topics.topics[name]))
        for name in sorted(pydoc_data.topics.topics)
    ]
    tried: dict[str, Finder] = {
        f"{OURS}, penalty {each}": partial(_ours, penalty=each) for each in PENALTIES
    }
    for block in BLOCKS:
        tried |= _tilings(block, embedder)
    judged: dict[str, Finder] = {EQUAL: _equal, OURS: _ours, **_tilings(CHOSEN_BLOCK, embedder)}
    return Result(
        name="recording_chapters",
        repetitions=repetitions,
        measured={},
        facts={
            "settings": _figures(_talks(pages, SEEDS), {EQUAL: _equal, **tried}),
            "help texts": _figures(_talks(help_texts, HELD_OUT_SEEDS), judged),
            "decision records": _figures(_talks(records, HELD_OUT_SEEDS), judged),
        },
        notes=(
            "A beginning within 15 s of a true one is right; 95 % intervals are Wilson's.",
            "Pk and WindowDiff: windows of half the mean chapter, by seconds; less is better.",
        ),
    )


def judge(talk: Talk, found: Sequence[int]) -> tuple[int, float, float]:
    """Return how many of the beginnings found are right, Pk and WindowDiff.

    Pk: D. Beeferman et al., 1999, https://doi.org/10.1023/A:1007506220214. WindowDiff: L. Pevzner
    and M. A. Hearst, 2002, https://doi.org/10.1162/089120102317341756.
    """
    times = [each.start_ms for each in talk.sentences]
    left = list(found)
    right = 0
    for start in talk.starts:
        near = [each for each in left if abs(times[each] - times[start]) <= TOLERANCE_MS]
        if near:
            left.remove(min(near, key=lambda each: abs(times[each] - times[start])))
            right += 1
    true, ours = (_by_second(talk, starts) for starts in (talk.starts, found))
    window = max(2, len(true) // (2 * (len(talk.starts) + 1)))
    expected, given = true[window:] - true[:-window], ours[window:] - ours[:-window]
    differ = float(np.mean((expected == 0) != (given == 0)))
    return right, differ, float(np.mean(expected != given))


def _by_second(talk: Talk, starts: Sequence[int]) -> NDArray[np.int64]:
    """Return the number of the chapter of each second."""
    chapters = np.zeros(talk.sentences[-1].end_ms // 1000 + 1, np.int64)
    for start in starts:
        chapters[talk.sentences[start].start_ms // 1000 :] += 1
    return chapters


def _figures(talks: Sequence[Talk], finders: Mapping[str, Finder]) -> dict[str, Any]:
    true = sum(len(talk.starts) for talk in talks)
    told: dict[str, Any] = {
        "talks": len(talks),
        "minutes": round(sum(talk.sentences[-1].end_ms for talk in talks) / 60_000),
        "beginnings": true,
    }
    for name, find in finders.items():
        starts = [find(talk) for talk in talks]
        judged = [judge(talk, each) for talk, each in zip(talks, starts, strict=True)]
        right, found = sum(each[0] for each in judged), sum(map(len, starts))
        told[name] = {
            "found": {"right": right, "of": true, **share(right, true)},
            "right": {"right": right, "of": found, **share(right, found)},
            "F1": round(2 * right / max(1, true + found), 3),
            "Pk": round(float(np.mean([each[1] for each in judged])), 3),
            "WindowDiff": round(float(np.mean([each[2] for each in judged])), 3),
        }
    return told


def _talks(texts: Sequence[Sequence[str]], seeds: Sequence[int]) -> list[Talk]:
    long_enough = [text for text in texts if len(text) >= MIN_SENTENCES]
    return [_talk(long_enough, np.random.default_rng(seed)) for seed in seeds]


def _talk(texts: Sequence[Sequence[str]], rng: np.random.Generator) -> Talk:
    """Return stretches of several texts, with a pause of 0.2 to 1.5 s behind each sentence."""
    stretches = []
    for at in rng.permutation(len(texts))[: rng.integers(4, 10)]:
        count = min(len(texts[at]), int(rng.integers(MIN_SENTENCES, MAX_SENTENCES)))
        first = int(rng.integers(0, len(texts[at]) - count + 1))
        stretches.append(texts[at][first : first + count])
    segments = []
    now = 1_000
    for sentence in (each for stretch in stretches for each in stretch):
        segments.append(spoken_segment(sentence, now))
        now = segments[-1].end_ms + int(rng.integers(200, 1_500))
    said = [next(spoken_sentences([each])) for each in segments]
    return Talk(tuple(said), tuple(accumulate(map(len, stretches[:-1]))))


def _flat(paths: Sequence[Any]) -> list[str]:
    return [sentence for paragraph in prose_paragraphs(paths) for sentence in paragraph]


def _equal(talk: Talk) -> list[int]:
    """Return the beginnings of pieces that last equally long, as many as there are stretches."""
    ends = np.linspace(0, talk.sentences[-1].end_ms, len(talk.starts) + 2)[1:-1]
    times = np.array([each.start_ms for each in talk.sentences])
    return [int(np.abs(times - end).argmin()) for end in ends]


def _ours(talk: Talk, penalty: float = PENALTY) -> list[int]:
    terms = [sentence_terms(each.text) for each in talk.sentences]
    return chapter_starts(talk.sentences, terms, penalty)[1:]


def _tilings(block: tuple[int, float], embedder: Embedder) -> dict[str, Finder]:
    """Return TextTiling by words and by vectors of sentences."""
    name = f"blocks of {block[0]}, depth of {block[1]} deviations"
    return {
        f"TextTiling, words, {name}": lambda talk: _valleys(_word_vectors(talk), block),
        f"TextTiling, embeddings, {name}": lambda talk: _valleys(
            np.array(embedder.embed([each.text for each in talk.sentences])), block
        ),
    }


def _word_vectors(talk: Talk) -> Vectors:
    terms = [sentence_terms(each.text) for each in talk.sentences]
    columns = {term: at for at, term in enumerate({term for each in terms for term in each})}
    counts = np.zeros((len(terms), len(columns)))
    for row, each in enumerate(terms):
        for term in each:
            counts[row, columns[term]] += 1
    weights = np.log(len(terms) / (counts > 0).sum(axis=0) + 0.5)
    return np.asarray(np.log1p(counts) * weights, np.float64)


def _valleys(vectors: Vectors, block: tuple[int, float]) -> list[int]:
    """Return where blocks before and behind are less alike than anywhere around.

    M. A. Hearst, TextTiling, Computational Linguistics 23(1), 1997,
    https://aclanthology.org/J97-1003/
    """
    size, deviations = block
    alike = np.array([_cosine(vectors, at, size) for at in range(1, len(vectors))])
    depths = np.array([_depth(alike, at) for at in range(len(alike))])
    least = depths.mean() + deviations * depths.std()
    found: list[int] = []
    for at in np.argsort(-depths) + 1:
        apart = min(at, len(vectors) - at, *(abs(at - each) for each in found))
        if depths[at - 1] >= least and apart >= MIN_APART:
            found.append(int(at))
    return sorted(found)


def _cosine(vectors: Vectors, at: int, size: int) -> float:
    before, behind = (
        vectors[max(0, at - size) : at].sum(axis=0),
        vectors[at : at + size].sum(axis=0),
    )
    lengths = float(np.linalg.norm(before) * np.linalg.norm(behind))
    return float(before @ behind) / lengths if lengths else 0.0


def _depth(alike: Vectors, at: int) -> float:
    left, right = at, at
    while left > 0 and alike[left - 1] >= alike[left]:
        left -= 1
    while right + 1 < len(alike) and alike[right + 1] >= alike[right]:
        right += 1
    return float(alike[left] + alike[right] - 2 * alike[at])
