"""Quantities in a text: a value in the base unit of its dimension."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.retrieval.text.dates import TimeExpression, find_times
from chalicelib.retrieval.text.units import (
    COUNT,
    FRACTION,
    FRACTIONS,
    ORDINALS,
    Unit,
    parse_digits,
    parse_unit,
    raise_unit,
    scale_value,
    unit_over_time,
    word_value,
)

if TYPE_CHECKING:
    from chalicelib.retrieval.text.terms import Word

ORDINAL = "ordinal"
_SIGNS = "%€°$£"
_SAME = 1e-6
_LARGEST_RATE = 1000
_BOUNDS: dict[tuple[str, ...], int] = {
    ("more", "than"): 1,
    ("at", "least"): 1,
    ("over",): 1,
    ("less", "than"): -1,
    ("fewer", "than"): -1,
    ("at", "most"): -1,
    ("under",): -1,
}
_TIMES = frozenset({"time", "months"})


@dataclass(frozen=True, slots=True)
class Quantity:
    """A value; `start` and `end` are the places of its first and last word.

    `bound` is 1 for `more than`, -1 for `less than`, and 0 without such words.
    """

    value: float
    dimension: str
    start: int
    end: int
    bound: int = 0

    def is_stated_by(self, other: Quantity) -> bool:
        """Return whether `other` states this quantity, or lies beyond it if it is a bound."""
        beyond = self.bound * (other.value - self.value) > 0
        return self.same(other) or (beyond and self.dimension == other.dimension != COUNT)

    def same(self, other: Quantity) -> bool:
        """Return whether both are equal; a number without a unit equals one with any."""
        kinds = {self.dimension, other.dimension}
        fits = len(kinds) == 1 or (COUNT in kinds and ORDINAL not in kinds)
        return fits and math.isclose(self.value, other.value, rel_tol=_SAME)


def implied_quantities(words: Sequence[Word]) -> Iterator[Quantity]:
    """Yield quantities that articles imply: the one month of `a month later`, or any `one`.

    `one` may only be a pronoun. A source states these quantities, but no claim has to.
    """
    for at in range(len(words) - 1):
        unit = (
            parse_unit(words[at + 1].written) if words[at].folded in {"a", "an", "next"} else None
        )
        if unit is not None and unit[0] in _TIMES:
            yield Quantity(unit[1], unit[0], at, at + 1)
        elif words[at].folded == "one" and parse_unit(words[at + 1].written) is None:
            yield Quantity(1.0, COUNT, at, at)


def find_quantities_and_times(
    text: str, words: Sequence[Word]
) -> tuple[list[Quantity], list[TimeExpression]]:
    """Return the quantities, and the dates and times, of `text`, whose words are `words`.

    A bare four-digit number from 1000 on is a year unless it counts something.
    """
    moments = [item for item in find_times(text, words) if not _counts(text, words, item)]
    time_places = {at for moment in moments for at in range(moment.start, moment.end + 1)}
    quantities = [_bounded(words, item) for item in _quantities(text, words, time_places)]
    return quantities, moments


def _bounded(words: Sequence[Word], found: Quantity) -> Quantity:
    before = tuple(word.folded for word in words[max(0, found.start - 2) : found.start])
    return dataclasses.replace(found, bound=_BOUNDS.get(before, _BOUNDS.get(before[-1:], 0)))


def _counts(text: str, words: Sequence[Word], moment: TimeExpression) -> bool:
    """Return whether an apparent year is a number with a unit."""
    if moment.kinds != {0}:
        return False
    return _unit(text, words, moment.end) is not None


def _quantities(text: str, words: Sequence[Word], taken: set[int]) -> Iterator[Quantity]:
    at = 0
    while at < len(words):
        quantity = None if at in taken else _quantity(text, words, at)
        if quantity is not None:
            yield quantity
            at = quantity.end
        at += 1


def _quantity(text: str, words: Sequence[Word], at: int) -> Quantity | None:
    number = _number(words, at)
    if number is None:
        return _ordinal(words, at)
    value, end = number
    if (rate := _rate(words, at, end)) is not None:
        return rate
    value, end = _and_a_half(words, end, value)
    share = _share(words, at, end)
    if share is not None and end == at and words[at].folded not in FRACTIONS:
        value, end = value * share, end + 1
    unit = _unit(text, words, end)
    if unit is None and share is not None:
        unit = _unit_of_share(words, end)
    if unit is None and words[at].folded == "one":
        return None
    (dimension, factor), end = unit if unit is not None else ((COUNT, 1.0), end)
    if share is not None and dimension == COUNT:
        dimension = FRACTION
    return Quantity(value * factor, dimension, at, end)


def _number(words: Sequence[Word], at: int) -> tuple[float, int] | None:
    word = words[at]
    if word.is_number:
        value = _digits(word.folded)
    elif word.folded in {"half", "third", "quarter"}:
        return _bare_fraction(words, at)
    else:
        value = word_value(word.folded)
    if value is None:
        return None
    end = at
    while end + 1 < len(words) and (scale := scale_value(words[end + 1].folded)) is not None:
        value, end = value * scale, end + 1
        end, value = _remainder(words, end, value)
    return value, end


def _digits(folded: str) -> float | None:
    try:
        return parse_digits(folded)
    except ValueError:
        return None


def _remainder(words: Sequence[Word], end: int, value: float) -> tuple[int, float]:
    """Add the `forty` of `five hundred and forty`."""
    follows = end + 2 if end + 1 < len(words) and words[end + 1].folded == "and" else end + 1
    more = word_value(words[follows].folded) if follows < len(words) else None
    if more is None:
        return end, value
    return follows, value + more


def _bare_fraction(words: Sequence[Word], at: int) -> tuple[float, int] | None:
    """Read `half` or `a third`, but not the ordinal of `the third day`."""
    before = words[at - 1].folded if at else ""
    if words[at].folded == "half" or before in {"a", "one", "first", "last"}:
        return FRACTIONS[words[at].folded], at
    return None


def _rate(words: Sequence[Word], at: int, end: int) -> Quantity | None:
    """Read `one in ten` as a fraction."""
    if end + 2 >= len(words) or words[end + 1].folded not in {"in", "out"}:
        return None
    start = end + 3 if words[end + 1].folded == "out" else end + 2
    whole = _number(words, start) if start < len(words) else None
    part = _number(words, at)
    if whole is None or part is None or not 0 < part[0] < whole[0] <= _LARGEST_RATE:
        return None
    return Quantity(part[0] / whole[0], FRACTION, at, whole[1])


def _and_a_half(words: Sequence[Word], end: int, value: float) -> tuple[float, int]:
    """Add the half of `two and a half`."""
    follows = [word.folded for word in words[end + 1 : end + 4]]
    return (value + 1 / 2, end + 3) if follows == ["and", "a", "half"] else (value, end)


def _share(words: Sequence[Word], at: int, end: int) -> float | None:
    """Return the fraction that `half`, or the denominator of `two thirds`, means."""
    if words[at].folded in FRACTIONS:
        return FRACTIONS[words[at].folded]
    if words[at].is_number or end + 1 >= len(words):
        return None
    return FRACTIONS.get(words[end + 1].folded)


def _ordinal(words: Sequence[Word], at: int) -> Quantity | None:
    before = words[at - 1].folded if at else ""
    value = ORDINALS.get(words[at].folded)
    if value is None or before in {"a", "one"}:
        return None
    return Quantity(value, ORDINAL, at, at)


def _unit(text: str, words: Sequence[Word], at: int) -> tuple[Unit, int] | None:
    """Return the unit after the word at `at`, and the place of its last word."""
    rest = text[words[at].end : words[at].end + 2].lstrip()
    before = text[words[at].start - 1] if words[at].start else ""
    for sign in (rest[:1], before):
        if sign and sign in _SIGNS:
            unit = parse_unit(sign)
            return (unit, at) if unit else None
    follows = at + 1
    if follows >= len(words) or not _joined(text, words, at):
        return None
    if words[follows].folded in {"square", "cubic"} and follows + 1 < len(words):
        base = parse_unit(words[follows + 1].written)
        power = raise_unit(words[follows].folded, base) if base else None
        return (power, follows + 1) if power else None
    if words[follows].folded == "working" and follows + 1 < len(words):
        follows += 1
    unit = parse_unit(words[follows].written)
    if unit is None:
        return _hyphened(words, follows)
    later = parse_unit(words[follows + 1].written) if follows + 1 < len(words) else None
    energy = unit_over_time(unit, later) if later else None
    return (energy, follows + 1) if energy else (unit, follows)


def _hyphened(words: Sequence[Word], at: int) -> tuple[Unit, int] | None:
    """Read the unit of `40 centimetre-wide`."""
    unit = parse_unit(words[at].written.partition("-")[0]) if "-" in words[at].written else None
    return (unit, at) if unit else None


def _joined(text: str, words: Sequence[Word], at: int) -> bool:
    """Return whether only a space or a hyphen separates a word from the next."""
    return text[words[at].end : words[at + 1].start].strip() in {"", "-"}


def _unit_of_share(words: Sequence[Word], at: int) -> tuple[Unit, int] | None:
    """Read the unit of `a quarter of an hour` or `half a year`; `at` is the share's place."""
    follows = at + 2 if at + 1 < len(words) and words[at + 1].folded == "of" else at + 1
    if follows + 1 >= len(words) or words[follows].folded not in {"a", "an"}:
        return None
    unit = parse_unit(words[follows + 1].written)
    return (unit, follows + 1) if unit else None
