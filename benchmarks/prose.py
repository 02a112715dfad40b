"""Generated English-like prose: sentences of a fixed grammar over invented words.

Word frequencies follow a natural language (Zipf, 1949: the n-th most frequent word is about 1/n
times as frequent as the first), so that an inverted index has the long and the short postings of a
real one. The same seed gives the same text.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_STARTS = ("b", "br", "c", "cl", "d", "dr", "f", "g", "gr", "h", "l", "m", "n", "p", "pl", "r")
_VOWELS = ("a", "e", "i", "o", "u", "ai", "ea", "ou")
_ENDS = ("ck", "d", "ld", "ll", "m", "n", "nd", "ng", "r", "rm", "st", "t", "th", "w")
_SENTENCES = (
    "The {} of the {} was {} by the {} before the {} and the {} came to {}.",
    "When a {} is {}, the {} should be kept {} until {} has been seen by the {}.",
    "It was decided in {} that no {} may {} a {} which is not {} for the {}.",
    "In {} they found {} {} under the {}, and with it a {} that had been {} for years.",
    "Each {} has its own {}, but most of them are {} as soon as the {} begins to {}.",
    "There is a {} at the {}, where {} and {} are {} every spring and {} in autumn.",
)
_SLOTS = tuple(sentence.count("{}") for sentence in _SENTENCES)
WORDS = 30_000


@dataclass(frozen=True, slots=True)
class Prose:
    """A writer with a vocabulary, most frequent words first."""

    vocabulary: tuple[str, ...]
    seed: int

    @classmethod
    def of(cls, seed: int, words: int = WORDS) -> Prose:
        """Return a writer of `words` different words."""
        generator = np.random.default_rng(seed)
        found: dict[str, None] = {}
        while len(found) < words:
            found.setdefault(_word(generator))
        return cls(tuple(found), seed)

    def passages(self, count: int, sentences: int) -> list[str]:
        """Return `count` texts of that many sentences each."""
        generator = np.random.default_rng(self.seed + 1)
        kinds = generator.integers(len(_SENTENCES), size=(count, sentences))
        slots = int(np.take(_SLOTS, kinds).sum())
        words = iter(self._drawn(generator, slots))
        return [
            " ".join(
                _SENTENCES[kind].format(*(next(words) for _ in range(_SLOTS[kind]))) for kind in row
            )
            for row in kinds.tolist()
        ]

    def questions(self, count: int) -> list[str]:
        """Return questions of three of its words, the most frequent forty left out."""
        generator = np.random.default_rng(self.seed + 2)
        drawn = self._drawn(generator, 8 * count + 100)
        common = set(self.vocabulary[:40])
        words = iter([word for word in drawn if word not in common])
        return [
            f"Which {next(words)} did the {next(words)} find at the {next(words)}?"
            for _ in range(count)
        ]

    def _drawn(self, generator: np.random.Generator, count: int) -> list[str]:
        """Return `count` words, drawn by their frequencies."""
        weights = 1 / np.arange(1, len(self.vocabulary) + 1)
        places = np.searchsorted(np.cumsum(weights / weights.sum()), generator.random(count))
        return [self.vocabulary[min(place, len(self.vocabulary) - 1)] for place in places.tolist()]


def _word(generator: np.random.Generator) -> str:
    syllables = int(generator.integers(1, 4))
    parts = (
        _STARTS[generator.integers(len(_STARTS))] + _VOWELS[generator.integers(len(_VOWELS))]
        for _ in range(syllables)
    )
    return "".join(parts) + _ENDS[generator.integers(len(_ENDS))]
