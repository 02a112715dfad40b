"""The type of answer that a question expects: a quantity, a time, a name, or a measure.

The wordings are English; a question in another language expects no particular type.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.terms import names_in, word_set, words
from chalicelib.retrieval.text.units import COUNT, TEMPERATURE

if TYPE_CHECKING:
    from chalicelib.retrieval.text.parsed_text import ParsedText
    from chalicelib.retrieval.text.quantities import Quantity


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


class ExpectedAnswer(Enum):
    """The kinds of content that an answer should have."""

    NUMBER = auto()
    MOMENT = auto()
    NAME = auto()


_EXPECTED = (
    (_QUANTITY, ExpectedAnswer.NUMBER),
    (_AMOUNT, ExpectedAnswer.NUMBER),
    (_MOMENT, ExpectedAnswer.MOMENT),
    (_PERSON, ExpectedAnswer.NAME),
)


def expected_answer(question: str) -> ExpectedAnswer | None:
    """Return the type of answer that `question` expects, or None if it is open."""
    for pattern, expectation in _EXPECTED:
        if asks_with(pattern, question):
            return expectation
    return None


def asks_with(pattern: re.Pattern[str], question: str) -> bool:
    """Return whether the first question word of `question` matches `pattern`.

    `What happens when it rains` asks for no date, though it has `when`.
    """
    asks, match = _ASKS.search(question), pattern.search(question)
    return asks is not None and match is not None and match.start() <= asks.start()


def holds_answer(expectation: ExpectedAnswer, sentence: str) -> bool:
    """Return whether `sentence` has anything of the expected kind."""
    if expectation is ExpectedAnswer.NAME:
        return bool(names_in(sentence))
    has_number = any(character.isdigit() for character in sentence)
    known = _NUMBER_WORDS if expectation is ExpectedAnswer.NUMBER else _DAYS
    return has_number or not known.isdisjoint(words(sentence))


def strip_question_words(question: str) -> str:
    """Return `question` without the words that only ask, such as `how long`."""
    return _QUANTITY.sub(" ", question)


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
    """The measure that a question asks for: a dimension of `kinds`, with a required word.

    A sentence states the measure if it has a quantity of one of `kinds` and, unless there are none,
    one of `required_words`. A quantity of one of `other_kinds` needs no word: a price is high, too.
    """

    kinds: frozenset[str]
    required_words: frozenset[str] = frozenset()
    other_kinds: frozenset[str] = frozenset()


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
"""Nouns that can be high without being tall."""


_MEASURES = tuple(
    (re.compile(wording, re.IGNORECASE), measure)
    for wording, measure in (
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


def asked_measure(question: ParsedText) -> Measure | None:
    """Return the measure that `question` asks for, or None if it asks for none."""
    measures = (measure for pattern, measure in _MEASURES if asks_with(pattern, question.text))
    return next(measures, None)


def states_measure(measure: Measure, question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether `sentence` states a measure of the kind."""
    folded_words = {word.folded for word in sentence.words}
    if any(quantity.dimension in measure.other_kinds for quantity in sentence.quantities):
        return True
    if measure.other_kinds and not _HEIGHTENED.isdisjoint(word.folded for word in question.words):
        return bool(sentence.quantities)
    if measure.required_words and measure.required_words.isdisjoint(folded_words):
        return False
    if measure.kinds == _MONEY:
        return _tells_price(question, sentence)
    quantities = (*sentence.quantities, *sentence.implied)
    once = [quantity for quantity in quantities if not _recurs(sentence, quantity)]
    if any(quantity.dimension in measure.kinds for quantity in once):
        return True
    return _tells_by_dates(measure, sentence)


def _tells_by_dates(measure: Measure, sentence: ParsedText) -> bool:
    """Return whether a date states it: an age by a year, a duration by its start or end."""
    if measure.required_words is _AGE:
        return bool(sentence.times)
    ends = any(moment.bound for moment in sentence.times)
    return ends and not measure.kinds.isdisjoint(_TIME)


def _recurs(sentence: ParsedText, found: Quantity) -> bool:
    """Return whether a span of time says how often, as in `every three months`."""
    return found.start > 0 and sentence.words[found.start - 1].folded in {"every", "each", "per"}


def _tells_price(question: ParsedText, sentence: ParsedText) -> bool:
    """Return whether a sum, a share of it, or a means of payment is stated.

    `It cost us eleven days` states a price, too.
    """
    if any(quantity.dimension in _MONEY for quantity in sentence.quantities):
        return True
    sentence_stems = {word.stem for word in sentence.words}
    paying = any(word.stem in sentence_stems for word in question.words if word.folded in _WORTH)
    return paying and bool(sentence.quantities)
