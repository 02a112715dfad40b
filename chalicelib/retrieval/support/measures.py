"""Questions that ask for a measure: of what dimension it is, and what has to be said of it.

A length is not yet a width: a question of how wide something is has its reply where a width is
told of. Plain `long`, `far`, `large` and `heavy` need the dimension alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.expectations import asks_by
from chalicelib.retrieval.support.units import COUNT, TEMPERATURE
from chalicelib.retrieval.support.words import word_set

if TYPE_CHECKING:
    from chalicelib.retrieval.support.quantities import Quantity
    from chalicelib.retrieval.support.reading import Reading

_MONEY = frozenset({"euro", "dollar", "pound"})
_LENGTH = frozenset({"length"})
_TIME = frozenset({"time", "months"})
_SIZE = frozenset({"length", "area", "volume", "mass", "data", "power", COUNT})
_WORTH = word_set(
    "cost costs earn earns earned paid pay pays charge charges price prices salary fee fine worth"
    " value"
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What is asked for: a dimension, one of `kinds`, and one of the words `told` beside it.

    Without `told` the dimension is enough, as it is for the dimensions of `also`: a price is high,
    too.
    """

    kinds: frozenset[str]
    told: frozenset[str] = frozenset()
    also: frozenset[str] = frozenset()


_WIDTH = word_set("wide wider width broad across diameter apart")
_HEIGHT = word_set("high higher height tall taller drop drops climb climbs rise rises")
_DEPTH = word_set("deep deeper depth below beneath")
_THICKNESS = word_set("thick thicker thickness")
_AGE = word_set("old older age aged date dates built made born founded opened since young")
_HEIGHTENED = word_set(
    "resistance pressure temperature voltage flow rate risk share level output capacity speed"
    " frequency power dividend interest turnout humidity concentration income loss profit deposit"
    " efficiency number percentage amount load demand consumption"
)
"""What is high without being tall."""
_MEASURES = tuple(
    (re.compile(words, re.IGNORECASE), measure)
    for words, measure in (
        (r"\bhow (?:wide|broad)\b|\bwhat\b.*\b(?:width|diameter)\b", Measure(_LENGTH, _WIDTH)),
        (r"\bhow (?:high|tall)\b|\bwhat\b.*\bheight\b", Measure(_LENGTH, _HEIGHT, _MONEY)),
        (r"\bhow deep\b|\bwhat\b.*\bdepth\b", Measure(_LENGTH, _DEPTH)),
        (r"\bhow thick\b|\bwhat\b.*\bthickness\b", Measure(_LENGTH, _THICKNESS)),
        (r"\bhow far\b|\bwhat\b.*\blength\b", Measure(_LENGTH)),
        (r"\bhow (?:large|big)\b|\bwhat\b.*\bsize\b", Measure(_SIZE)),
        (r"\bhow long\b.*\b(?:take|takes|last|lasts)\b", Measure(_TIME)),
        (r"\bhow long\b", Measure(_TIME | _LENGTH)),
        (r"\bhow old\b|\bwhat\b.*\bage\b", Measure(frozenset({"months"}), _AGE)),
        (r"\bhow heavy\b|\bhow much\b.*\bweigh|\bwhat\b.*\bweight\b", Measure(frozenset({"mass"}))),
        (
            r"\bhow (?:hot|cold|warm)\b|\bwhat\b.*\btemperature\b",
            Measure(frozenset({TEMPERATURE})),
        ),
        (
            (
                r"\b(?:how much|what)\b.*\b(?:cost|costs|earn|earns|paid|pay|charge|charges|price"
                r"|salary|fee|fine|worth)\b"
            ),
            Measure(_MONEY),
        ),
    )
)


def measure_asked(question: Reading) -> Measure | None:
    """Return the measure that `question` asks for, None where it asks for none."""
    found = (measure for pattern, measure in _MEASURES if asks_by(pattern, question.text))
    return next(found, None)


def tells_measure(measure: Measure, question: Reading, sentence: Reading) -> bool:
    """Say whether `sentence` tells a measure of the kind."""
    told = {word.folded for word in sentence.words}
    if any(found.dimension in measure.also for found in sentence.quantities):
        return True
    if measure.also and not _HEIGHTENED.isdisjoint(word.folded for word in question.words):
        return bool(sentence.quantities)
    if measure.told and measure.told.isdisjoint(told):
        return False
    if measure.kinds == _MONEY:
        return _tells_price(question, sentence)
    quantities = (*sentence.quantities, *sentence.understood)
    once = [found for found in quantities if not _recurs(sentence, found)]
    if any(found.dimension in measure.kinds for found in once):
        return True
    return _tells_by_dates(measure, sentence)


def _tells_by_dates(measure: Measure, sentence: Reading) -> bool:
    """Say whether a date tells it: an age by a year, a duration by its end or beginning."""
    if measure.told is _AGE:
        return bool(sentence.moments)
    ends = any(moment.bound for moment in sentence.moments)
    return ends and not measure.kinds.isdisjoint(_TIME)


def _recurs(sentence: Reading, found: Quantity) -> bool:
    """Say whether a span of time tells how often, as in `every three months`."""
    return found.start > 0 and sentence.words[found.start - 1].folded in {"every", "each", "per"}


def _tells_price(question: Reading, sentence: Reading) -> bool:
    """Say whether a sum is told, a share of it, or what is paid with: `it cost us eleven days`."""
    if any(found.dimension in _MONEY for found in sentence.quantities):
        return True
    told = {word.stem for word in sentence.words}
    paying = any(word.stem in told for word in question.words if word.folded in _WORTH)
    return paying and bool(sentence.quantities)
