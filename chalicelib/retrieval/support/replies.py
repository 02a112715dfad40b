"""Whether a sentence can be the reply to a question: has it the kind of thing that is asked for?"""

from __future__ import annotations

import itertools
import re

from chalicelib.retrieval.support.quantities import Quantity
from chalicelib.retrieval.support.reading import Reading
from chalicelib.retrieval.support.units import FRACTION
from chalicelib.retrieval.support.words import word_set

_MONEY = frozenset({"euro", "dollar", "pound"})
_LENGTH = frozenset({"length"})
_AGE = frozenset({"months", "time"})
_DURATION = frozenset({"time", "months", "length", "clock"})
_PRICE = (
    r"\b(?:how much|what)\b.*\b(?:cost|costs|earn|earns|paid|pay|charge|charges|price|salary"
    r"|fee|fine)\b"
)
_KINDS: tuple[tuple[str, frozenset[str]], ...] = (
    (r"\bhow (?:wide|tall|high|deep|thick|far)\b", _LENGTH),
    (r"\bwhat\b.*\b(?:diameter|width|height|depth|thickness|length)\b", _LENGTH),
    (r"\bhow long\b", _DURATION),
    (r"\bhow old\b|\bwhat\b.*\bage\b", _AGE),
    (r"\bhow heavy\b|\bhow much\b.*\bweigh|\bwhat\b.*\bweight\b", frozenset({"mass"})),
    (r"\bhow (?:hot|cold|warm)\b|\bwhat\b.*\btemperature\b", frozenset({"temperature"})),
    (_PRICE, _MONEY),
)
_PATTERNS = tuple((re.compile(words, re.IGNORECASE), kinds) for words, kinds in _KINDS)
_PAYING = word_set("cost costs earn earns paid pay charge charges price salary fee fine")
_COUNT = re.compile(r"\bhow (?:many|much)\b", re.IGNORECASE)
_WHY = re.compile(r"^\W*why\b", re.IGNORECASE)
_WHEN = re.compile(r"\b(?:when|what (?:time|year|date|day)|(?:which|what) day)\b", re.IGNORECASE)
_WHO = re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE)
_CAUSES = word_set("because since due owing reason reasons cause caused therefore thus hence")
_MADE = re.compile(r"\bwho (?:made|built|manufactured|produced)\b", re.IGNORECASE)
_MAKING = word_set(
    "made makes make maker built build builds builder manufactured manufacturer produced producer"
    " supplied constructed construction"
)
_SEASONS = word_set(
    "spring summer autumn winter morning noon afternoon evening night today tomorrow before after"
    " when until daily weekly monthly yearly every"
)
_PEOPLE = word_set(
    "person people member members engineer engineers supervisor officer treasurer secretary chair"
    " board director manager owner maker company firm authority council committee court doctor"
    " nurse teacher tenant landlord parents visitors staff team workers captain crew police"
    " customer sender recipient employer employees association department service bank nobody"
    " everyone somebody"
)


def can_reply(question: Reading, sentence: Reading) -> bool:
    """Say whether `sentence` holds the kind of thing that `question` asks for.

    A sum of money for a cost, a length for a width, a cause for why, a date for when, somebody
    for who. A question of no such kind can have any reply.
    """
    text = question.text
    for pattern, kinds in _PATTERNS:
        if pattern.search(text):
            return _has_kind(sentence, kinds) or _prices(question, sentence, kinds)
    told = {word.folded for word in sentence.words}
    if _WHY.search(text):
        return not _CAUSES.isdisjoint(told) or "so that" in sentence.text
    if _WHEN.search(text):
        return bool(sentence.moments) or not _SEASONS.isdisjoint(told)
    if _MADE.search(text) and _MAKING.isdisjoint(told):
        return False
    if _WHO.search(text):
        return _names_somebody(question, sentence)
    if _COUNT.search(text):
        return bool(sentence.quantities or sentence.moments)
    return True


def asks_of(question: Reading, passage: frozenset[str]) -> bool:
    """Say whether a passage, by its stems, knows what `how many` asks to be counted."""
    counted = _counted(question)
    return counted is None or counted in passage


def _counted(question: Reading) -> str | None:
    folded = [word.folded for word in question.words]
    for at in range(len(folded) - 2):
        if folded[at : at + 2] == ["how", "many"]:
            run = list(
                itertools.takewhile(
                    lambda place: place in question.content, range(at + 2, len(folded))
                )
            )
            return question.words[run[-1]].stem if run else None
    return None


def _recurs(sentence: Reading, found: Quantity) -> bool:
    """Say whether a span of time tells how often, as in `every three months`."""
    return found.start > 0 and sentence.words[found.start - 1].folded in {"every", "each", "per"}


def _has_kind(sentence: Reading, kinds: frozenset[str]) -> bool:
    told: tuple[Quantity, ...] = (*sentence.quantities, *sentence.understood)
    once = [found for found in told if not _recurs(sentence, found)]
    if any(found.dimension in kinds for found in once):
        return True
    dates = bool(sentence.moments) and not kinds.isdisjoint(_AGE | _DURATION - _LENGTH)
    return dates or (kinds == _MONEY and any(found.dimension == FRACTION for found in told))


def _prices(question: Reading, sentence: Reading, kinds: frozenset[str]) -> bool:
    """Say whether something is paid for otherwise: `it cost us eleven days`."""
    if kinds != _MONEY or not sentence.quantities:
        return False
    told = {word.stem for word in sentence.words}
    return any(word.stem in told for word in question.words if word.folded in _PAYING)


def _names_somebody(question: Reading, sentence: Reading) -> bool:
    """Say whether somebody is named or called by an office that the question does not name."""
    asked = {word.folded for word in question.words}
    named = {
        sentence.words[at].folded
        for at in sentence.names
        if not sentence.words[at].written.isupper()
    }
    called = {word.folded for word in sentence.words} & _PEOPLE
    return bool((named | called) - asked)
