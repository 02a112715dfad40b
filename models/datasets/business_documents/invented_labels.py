"""Labels that nobody knows: words of letters that follow each other as in a language's wordings.

They stand for wordings that no vocabulary has, in documents that tell how sure a choice may be.
C. Shannon, A mathematical theory of communication, 1948, section 3: letters by the two before them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from models.datasets.business_documents.wordings import wordings

_MOST = 12
_LEAST = 5
_ATTEMPTS = 50


@cache
def _following(language: str) -> Mapping[str, Sequence[str]]:
    """Return which letters follow two others in the wordings of training; a blank ends a word."""
    found: dict[str, list[str]] = defaultdict(list)
    for known, _ in wordings(language).values():
        for word in (word for text in known for word in text.lower().split()):
            marked = f"  {word} "
            for at in range(len(marked) - 2):
                found[marked[at : at + 2]].append(marked[at + 2])
    return found


def invented_label(language: str, rng: random.Random) -> str:
    """Return a label of one or two words that mean nothing."""
    words = [_word(language, rng) for _ in range(rng.choice((1, 1, 2)))]
    return " ".join(words).capitalize()


def _word(language: str, rng: random.Random) -> str:
    following = _following(language)
    word = ""
    for _ in range(_ATTEMPTS):
        word, pair = "", "  "
        while len(word) < _MOST and (letter := rng.choice(following[pair])) != " ":
            word += letter
            pair = pair[1] + letter
        if len(word) >= _LEAST and word.isalpha() and word not in _known_words(language):
            break
    return word


@cache
def _known_words(language: str) -> frozenset[str]:
    known = (text for each in wordings(language).values() for text in each[0])
    return frozenset(word for text in known for word in text.lower().split())
