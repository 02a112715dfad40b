"""What kind of answer a question asks for: a quantity, a moment or a name.

English wordings; a question in another language expects nothing in particular.
"""

from __future__ import annotations

import re
from enum import Enum, auto

from chalicelib.retrieval.terms import names, words

_HOW = (
    "many much long far fast often deep high tall wide old big large heavy late early soon thick"
    " strong hot cold"
)
_QUANTITY = re.compile(rf"\bhow ({'|'.join(_HOW.split())})\b", re.IGNORECASE)
_AMOUNT = re.compile(
    r"\bwhat\b.*\b(age|amount|capacity|cost|depth|distance|fee|height|length|number|percentage|power"
    r"|pressure|price|rate|salary|size|speed|temperature|weight|width)\b",
    re.IGNORECASE,
)
_MOMENT = re.compile(r"\b(when|what (time|year|date|day))\b", re.IGNORECASE)
_PERSON = re.compile(r"\b(who|whom|whose)\b", re.IGNORECASE)
_ASKS = re.compile(r"\b(?:who|whom|whose|what|which|when|where|why|how)\b", re.IGNORECASE)
_NUMBER_WORDS = frozenset(
    """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety
    hundred thousand million half once twice daily weekly monthly yearly""".split()  # noqa: SIM905
)
_DAYS = frozenset(
    """monday tuesday wednesday thursday friday saturday sunday january february march april may
    june july august september october november december spring summer autumn winter morning noon
    evening night""".split()  # noqa: SIM905
)


class Expected(Enum):
    """What an answer should hold."""

    NUMBER = auto()
    MOMENT = auto()
    NAME = auto()


_EXPECTED = (
    (_QUANTITY, Expected.NUMBER),
    (_AMOUNT, Expected.NUMBER),
    (_MOMENT, Expected.MOMENT),
    (_PERSON, Expected.NAME),
)


def expected(question: str) -> Expected | None:
    """Return what `question` asks for, or None where that is open."""
    for pattern, expectation in _EXPECTED:
        if asks_by(pattern, question):
            return expectation
    return None


def asks_by(pattern: re.Pattern[str], question: str) -> bool:
    """Say whether the first word that asks is of `pattern`: `what happens when it rains` asks for
    no date.
    """
    asks, found = _ASKS.search(question), pattern.search(question)
    return asks is not None and found is not None and found.start() <= asks.start()


def holds(expectation: Expected, sentence: str) -> bool:
    """Say whether `sentence` holds anything of the kind."""
    if expectation is Expected.NAME:
        return bool(names(sentence))
    has_number = any(character.isdigit() for character in sentence)
    known = _NUMBER_WORDS if expectation is Expected.NUMBER else _DAYS
    return has_number or not known.isdisjoint(words(sentence))


def without_asking(question: str) -> str:
    """Return `question` without the words that only ask, such as `how long`."""
    return _QUANTITY.sub(" ", question)
