"""Amounts of money: a number with the currency, the sign and the brackets beside it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.characters import folded, joins_word, stripped
from chalicelib.extraction.values.locale_table import locale_table
from chalicelib.extraction.values.numbers import (
    NumberSpan,
    find_unsigned,
    read_number,
    with_sign,
)
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ValueMatch

_MAX_SIGN = 16
"""The most characters of a currency's code, sign or name."""
_FIRST_OF_CJK = "\u2e80"
_WITHOUT_CURRENCY = 0.8
_COUNT = 0.4
"""The quality of a number without currency, decimals or groups."""
_UNSURE_CURRENCY = 0.9
_SIDE = re.compile(r"[ ]?(?P<side>[CD]R|[CD]r\.?)(?!\w)")
_NAME_BEFORE = re.compile(r"(?<![\w$])(?:[^\W\d_]{1,15}[.]?|[^\W\d_]{0,4}[$]|\S)[ ]?\Z")
_NAME_AFTER = re.compile(r"[ ]?(?P<name>[^\W\d_]{0,4}[$](?:US)?|[^\W\d_]+[.]?|[^\w\s])")


@dataclass(frozen=True, slots=True)
class _Currency:
    """A currency beside a number: its code, the characters it takes, and whether it is sure."""

    code: str
    length: int
    sure: bool
    is_code: bool


_NONE = _Currency("", 0, True, False)


class MoneyReader:
    """Finds amounts, with or without a currency."""

    kind = LeafKind.MONEY

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the amounts of a text in its order; those with a currency are the surest."""
        plain, earliest = folded(text), 0
        for number in find_unsigned(text, hints):
            match = _with_currency(text, plain, number, earliest, hints)
            if match is not None:
                earliest = match.end
                yield match

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the amount that the whole text is, or None."""
        start, end = stripped(text)
        for match in self.find(text[start:end], hints):
            if (match.start, match.end) == (0, end - start):
                quality = max(match.quality, _WITHOUT_CURRENCY)
                return replace(match, start=start, end=end, quality=quality)
            break
        found = read_number(text, hints)
        if found is None:
            return None
        quality = found.quality * _WITHOUT_CURRENCY
        return ValueMatch(found.start, found.end, found.value, quality, ambiguous=found.ambiguous)


def _with_currency(
    text: str, plain: str, number: NumberSpan, earliest: int, hints: ReadingHints
) -> ValueMatch | None:
    """Return a number with the currency and sign around it; None if a letter stands before it."""
    signed = with_sign(plain, number, earliest)
    before = _before(text, plain, signed.start, earliest, hints)
    if signed is number and plain[number.start - 1 : number.start] in ("-", "+"):
        before = _before(text, plain, number.start - 1, earliest, hints)
        if before.length:  # EUR-45,00
            value = -number.value if plain[number.start - 1] == "-" else number.value
            signed = replace(number, start=number.start - 1, value=value)
    if not before.length and signed.start > earliest and joins_word(plain[signed.start - 1]):
        return None
    after = _after(text, plain, signed.end, hints)
    is_said_twice = after.is_code and (after.code == before.code or not before.sure)
    if before.length and not is_said_twice:
        after = _NONE
    currency = after if after.length else before
    start, end = signed.start - before.length, signed.end + after.length
    value = signed.value
    if signed is number:
        outer = with_sign(plain, replace(number, start=start, end=end), earliest)
        start, end, value = outer.start, outer.end, outer.value
    side = _SIDE.match(plain, end)
    if side is not None:
        end = side.end()
        value = -value if side["side"][0] == "D" else value
    elif not after.length and end < len(plain) and joins_word(plain[end]):
        return None
    quality = number.quality * _quality(currency, number)
    return ValueMatch(
        start, end, value, quality, currency=currency.code, ambiguous=number.ambiguous
    )


def _quality(currency: _Currency, number: NumberSpan) -> float:
    if currency.length:
        return 1.0 if currency.sure else _UNSURE_CURRENCY
    return _WITHOUT_CURRENCY if number.is_formatted else _COUNT


def _before(text: str, plain: str, place: int, earliest: int, hints: ReadingHints) -> _Currency:
    """Return the currency that ends where a number begins."""
    first = max(earliest, place - _MAX_SIGN)
    found = _NAME_BEFORE.search(_bounded(plain, first, place))
    if found is None:
        return _NONE
    name = text[place - (found.end() - found.start()) : place]
    return _lookup(name, len(name), hints)


def _bounded(plain: str, first: int, place: int) -> str:
    """Return the characters before a place, of which a signed currency sign stands for itself."""
    return "".join("$" if _is_sign(letter) else letter for letter in plain[first:place])


def _after(text: str, plain: str, place: int, hints: ReadingHints) -> _Currency:
    """Return the currency that begins where a number ends."""
    found = _NAME_AFTER.match(_bounded(plain, place, place + _MAX_SIGN))
    if found is None:
        return _NONE
    currency = _lookup(text[place : place + found.end()], found.end(), hints)
    if not currency.length and found["name"][:1] >= _FIRST_OF_CJK:
        # Chinese and Japanese write the next word without a space: 12,000円です.
        for end in range(found.end() - 1, found.start("name"), -1):
            currency = _lookup(text[place : place + end], end, hints)
            if currency.length:
                return currency
    return currency


def _lookup(written: str, length: int, hints: ReadingHints) -> _Currency:
    name = unicodedata.normalize("NFKC", written.strip())
    table = locale_table()
    for each in dict.fromkeys((name, name.strip("."), name.strip("$"))):
        code, sure = table.currency(each, hints.language, hints.region)
        if code:
            return _Currency(code, length, sure, each in table.currency_codes)
    return _NONE


def _is_sign(letter: str) -> bool:
    return not letter.isascii() and unicodedata.category(letter) == "Sc"
