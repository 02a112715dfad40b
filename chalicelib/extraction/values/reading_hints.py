"""How a document writes numbers and dates, as told from its own unambiguous ones."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from chalicelib.extraction.values.characters import folded
from chalicelib.extraction.values.locale_table import by_locale, locale_table

_MAJORITY = 2
"""How many times as many signs must speak for a reading as for the other."""
_TWO_MARKS = re.compile(r"(?<![\d.,])\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*+([.,])\d{1,4}(?![\d.,])")
_CENTS = re.compile(r"(?<![\d.,:/-])\d{1,6}([.,])\d\d(?![\d:/-]|[.,]\d)")
_NUMERIC_DATE = re.compile(r"(?<![\d/.-])(\d{1,2})([/.-])(\d{1,2})\2(\d{4}|\d{2})(?![\d/-]|[.]\d)")


@dataclass(frozen=True, slots=True)
class ReadingHints:
    """How ambiguous numbers and dates are read.

    Attributes:
        language: The ISO 639 code of the document's language, "" if unknown.
        region: The ISO 3166 code of the country it comes from, "" if unknown. Decides the number
            plan of phone numbers without a country code.
        decimal_mark: "." or ",", "" if unknown.
        day_first: Whether 03/04 is the third of April; None if unknown.
        year_first: Whether 25/03/04 is of the year 2025.
        latest_year: The year at which two-digit years end: 26 is 2026 if this is 2030, and 1926 if
            it is 2020.
    """

    language: str = ""
    region: str = ""
    decimal_mark: str = ""
    day_first: bool | None = None
    year_first: bool = False
    latest_year: int = 2068


def document_hints(
    texts: Iterable[str], language: str = "", region: str = "", latest_year: int = 2068
) -> ReadingHints:
    """Return how a document writes numbers and dates.

    1.234,50 and 31/12/2025 within it decide; where it has none or contradicts itself, its language
    and region do.

    Args:
        texts: Its pages, or as many of them as are at hand.
        language: The ISO 639 code of its language, a territory may follow (`en-GB`); "" if unknown.
        region: The ISO 3166 code of the country it comes from, "" if unknown.
        latest_year: The year at which two-digit years end.
    """
    name, _, territory = language.replace("_", "-").partition("-")
    place = region.upper() or (territory.upper() if len(territory) == 2 else "")
    order = by_locale(locale_table().date_orders, name.lower(), place)
    known = ReadingHints(
        name.lower(), place, year_first=order.startswith("y"), latest_year=latest_year
    )
    marks, orders = {".": 0, ",": 0}, {True: 0, False: 0}
    for text in texts:
        _count(folded(text), marks, orders)
    return replace(known, decimal_mark=_mark(marks, known), day_first=_day_first(orders, known))


def _count(plain: str, marks: dict[str, int], orders: dict[bool, int]) -> None:
    """Count what speaks for a decimal mark, and for a day before its month."""
    for found in _TWO_MARKS.finditer(plain):
        marks[found[2]] += 3 if found[1] != found[2] else 0
    for found in _CENTS.finditer(plain):
        marks[found[1]] += 1
    for found in _NUMERIC_DATE.finditer(plain):
        first, second = int(found[1]), int(found[3])
        if first > 12 >= second > 0 or second > 12 >= first > 0:
            orders[first > 12] += 1


def _mark(marks: dict[str, int], known: ReadingHints) -> str:
    if max(marks.values()) > _MAJORITY * min(marks.values()):
        return "." if marks["."] > marks[","] else ","
    mark = by_locale(locale_table().decimal_marks, known.language, known.region)
    return mark if mark in marks else ""


def _day_first(orders: dict[bool, int], known: ReadingHints) -> bool | None:
    if max(orders.values()) > _MAJORITY * min(orders.values()):
        return orders[True] > orders[False]
    order = by_locale(locale_table().date_orders, known.language, known.region)
    if not order or (known.language == "en" and not known.region):
        # English alone says nothing: Britain and America write the opposite.
        return None
    return order.index("d") < order.index("m")
