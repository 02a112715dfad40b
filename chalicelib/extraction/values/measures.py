"""Readers of numbers, percentages and quantities with their units."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Context, Decimal
from typing import TYPE_CHECKING

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.characters import folded, stripped
from chalicelib.extraction.values.money import MoneyReader
from chalicelib.extraction.values.numbers import NumberSpan, find_numbers, read_number
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ValueMatch

if TYPE_CHECKING:
    from pint import UnitRegistry

_PERCENT = re.compile(r"[ ]?(?P<sign>[%\u2030]|(?:percent|per cent|pct|p\.c\.)(?!\w))")
_UNIT = re.compile(r"[ ]?(?P<unit>[^\W\d_\u00b0]+[\u00b2\u00b3]?\.?|\u00b0[ ]?[CFK]?|[\"'%\u2030])")
_UNIT_PARTS = re.compile(r"/[ ]?[^\W\d_]+[\u00b2\u00b3]?")
_LONGEST_UNIT = 24
_NO_UNIT = 0.5
_UNKNOWN_UNIT = 0.7
_CONVERTED = Context(prec=28)


class NumberReader:
    """Finds numbers, with the currency or percent sign beside them."""

    kind = LeafKind.NUMBER

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the numbers of a text, in its order."""
        plain, end = folded(text), 0
        amounts = MoneyReader().find(text, hints)
        amount = next(amounts, None)
        for span in find_numbers(text, hints):
            while amount is not None and amount.end <= span.start:
                amount = next(amounts, None)
            if span.start < end:
                continue
            match = _match(span)
            if amount is not None and amount.currency and amount.start <= span.start:
                match = replace(amount, quality=span.quality)
            elif (percent := _PERCENT.match(plain, match.end)) and percent["sign"] == "%":
                match = replace(match, end=percent.end())
            end = match.end
            yield match

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the number that the whole text is; a currency or percent sign may be by it."""
        span = read_number(text, hints)
        if span is not None:
            return _match(span)
        return MoneyReader().read(text, hints) or PercentReader().read(text, hints)


def _match(span: NumberSpan) -> ValueMatch:
    return ValueMatch(span.start, span.end, span.value, span.quality, ambiguous=span.ambiguous)


class PercentReader:
    """Finds percentages: the value of 19 % is 19, and that of 5 ‰ is 0.5."""

    kind = LeafKind.PERCENT

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the numbers with a sign of percent, in the order of the text."""
        plain, earliest = folded(text), 0
        for span in find_numbers(text, hints):
            match = _percent(plain, span, earliest)
            if match is not None:
                earliest = match.end
                yield match

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the percentage that the whole text is; the sign may stand in a table's header."""
        start, end = stripped(text)
        for match in self.find(text[start:end], hints):
            if (match.start, match.end) == (0, end - start):
                return replace(match, start=start, end=end)
            break
        span = read_number(text, hints)
        return None if span is None else replace(_match(span), quality=span.quality * _NO_UNIT)


def _percent(plain: str, span: NumberSpan, earliest: int) -> ValueMatch | None:
    found = _PERCENT.match(plain, span.end)
    quality = span.quality if span.ambiguous else 1.0
    if found is not None:
        value = span.value.scaleb(-1) if found["sign"] == "\u2030" else span.value
        return ValueMatch(span.start, found.end(), value, quality, ambiguous=span.ambiguous)
    first = span.start - 1 - plain.endswith(" ", earliest, span.start)
    if first >= earliest and plain[first] == "%":
        return ValueMatch(first, span.end, span.value, quality, ambiguous=span.ambiguous)
    return None


class QuantityReader:
    """Finds numbers with a unit, and converts them if the schema names one."""

    kind = LeafKind.QUANTITY

    def __init__(self, unit: str = "") -> None:
        self._unit = unit

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the numbers with a unit, in the order of the text; those with a known one first."""
        plain = folded(text)
        for span in find_numbers(text, hints):
            match = self._quantity(text, plain, span)
            if match is not None:
                yield match

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the quantity that the whole text is; the unit may stand in a table's header."""
        start, end = stripped(text)
        for match in self.find(text[start:end], hints):
            if (match.start, match.end) == (0, end - start):
                return replace(match, start=start, end=end)
            break
        span = read_number(text, hints)
        return None if span is None else replace(_match(span), quality=span.quality * _NO_UNIT)

    def _quantity(self, text: str, plain: str, span: NumberSpan) -> ValueMatch | None:
        found = _UNIT.match(plain[span.end : span.end + _LONGEST_UNIT])
        if found is None:
            quality = span.quality * _NO_UNIT
            return replace(_match(span), quality=quality)
        end = span.end + found.end()
        more = _UNIT_PARTS.match(plain, end)
        end = end if more is None else more.end()
        unit = text[span.end : end].strip()
        value, quality = span.value, _UNKNOWN_UNIT
        if known_unit(unit):
            quality = 1.0
        if self._unit:
            converted = convert(value, unit, self._unit)
            if converted is None:
                return None
            value = converted
        return ValueMatch(span.start, end, value, quality, unit=unit, ambiguous=span.ambiguous)


@functools.cache
def _registry() -> UnitRegistry[Decimal]:
    """Return pint's units, read when one is first asked for: that takes a third of a second."""
    from pint import UnitRegistry

    return UnitRegistry(non_int_type=Decimal, cache_folder=None)


@functools.lru_cache(maxsize=1024)
def known_unit(unit: str) -> bool:
    """Return whether a word or sign is a unit of measure."""
    return bool(_parsed(unit))


@functools.lru_cache(maxsize=1024)
def _parsed(unit: str) -> object:
    name = unit.strip(". ").replace("\u00b2", "**2").replace("\u00b3", "**3")
    if not name or len(name) > _LONGEST_UNIT or not all(_is_of_unit(each) for each in name):
        return None
    for written in dict.fromkeys((name, name.lower())):
        with contextlib.suppress(Exception):  # a parser of expressions, given any word
            return _registry().Unit(written)
    return None


def _is_of_unit(letter: str) -> bool:
    return letter.isalpha() or letter in "/*23\u00b0%\u2030 "


@functools.lru_cache(maxsize=1024)
def convert(value: Decimal, unit: str, target: str) -> Decimal | None:
    """Return a quantity in another unit, exact to 28 digits; None if it cannot be converted."""
    if unit == target:
        return value
    one, other = _parsed(unit), _parsed(target)
    if one is None or other is None:
        return None
    try:
        converted = _registry().Quantity(value, str(one)).to(str(other)).magnitude
        return _CONVERTED.create_decimal(str(converted)).normalize(_CONVERTED)
    except Exception:  # noqa: BLE001 - of units that do not fit, offsets and overflow
        return None
