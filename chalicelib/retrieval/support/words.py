"""The words of a text with their places, as every rule of the check sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chalicelib.retrieval.terms import STOP_WORDS, stem

_WORD = re.compile(r"\d+(?:[.,:/-]\d+)*|[^\W\d_]+(?:['’-][^\W\d_]+)*|\w+")  # noqa: RUF001


def word_set(words: str) -> frozenset[str]:
    """Return the words of a list in one string."""
    return frozenset(words.split())


@dataclass(frozen=True, slots=True)
class Word:
    """A word: how it is written, its folded form and stem, and where it stands."""

    written: str
    folded: str
    stem: str
    start: int
    end: int

    @property
    def carries_meaning(self) -> bool:
        """Whether it is more than grammar."""
        return self.folded not in STOP_WORDS and self.folded not in _GRAMMAR

    @property
    def is_number(self) -> bool:
        """Whether it is written in digits."""
        return self.folded[0].isdigit()


_GRAMMAR = word_set(
    "also already always any anyone anybody around besides else ever every everyone get"
    " gets got kind like may might must never nobody none nothing one ones per someone somebody"
    " still take takes taken took there thing two used use uses via way went what whatever whole"
    " within without yet"
)
_FOLD = str.maketrans({"’": "'"})  # noqa: RUF001


def words_of(text: str) -> tuple[Word, ...]:
    """Return the words of `text` in order."""
    found = []
    for match in _WORD.finditer(text):
        folded = match.group().translate(_FOLD).casefold().removesuffix("'s")
        found.append(Word(match.group(), folded, stem(folded), match.start(), match.end()))
    return tuple(found)


def stems(words: Sequence[Word]) -> frozenset[str]:
    """Return the stems of those of `words` that carry meaning."""
    return frozenset(word.stem for word in words if word.carries_meaning)
