"""The look of a column's cells: long texts, codes, few words, days before later days.

Unlike roles by arithmetic they prove nothing: they tell which of several columns is the likelier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.list_roles import ColumnRole, Roles, opposite_columns

if TYPE_CHECKING:
    from chalicelib.extraction.list_roles import Numbers

_MIN_WORDS = 8
"""Characters of the usual cell of a column that describes what a row is about."""
_DISTINCT, _FEW = 0.8, 0.34
"""Shares of cells that differ: of codes at least, of measures and rates at most."""
_MOST = 0.8
_SHORT = 10
_MAX_RATE = Decimal(100)
_CODE_DIGITS = 4
"""Digits of a whole number that may be a code."""


def column_traits(
    cells: Sequence[Sequence[str]],
    numeric: Mapping[int, Numbers],
    days: Mapping[int, Sequence[str]],
) -> Roles:
    """Return the likeliest roles of columns by what their cells look like.

    Args:
        cells: Some texts of each column.
        numeric: The numbers of the columns that have some.
        days: The dates of the columns of dates, in ISO 8601.
    """
    traits: dict[int, ColumnRole] = {}
    words: dict[int, float] = {}
    for at, texts in enumerate(cells):
        if not texts or at in days:
            continue
        differ = len(set(texts)) / len(texts)
        length = sum(map(len, texts)) / len(texts)
        if sum(map(_is_code, texts)) >= _MOST * len(texts) and differ >= _DISTINCT:
            traits[at] = ColumnRole.CODE
        elif at in numeric and _is_rate(numeric[at]):
            traits[at] = ColumnRole.RATE
        elif sum(map(is_number, texts)) < (1 - _MOST) * len(texts):
            if length >= _MIN_WORDS:
                words[at] = length
            if length <= _SHORT and differ <= max(_FEW, 2 / len(texts)):
                traits[at] = ColumnRole.MEASURE
    if words:
        traits[max(words, key=words.__getitem__)] = ColumnRole.DESCRIPTION
    if pair := opposite_columns(numeric):
        traits |= dict(zip(pair, (ColumnRole.DEBIT, ColumnRole.CREDIT), strict=True))
    return {**traits, **_day_roles(days)}


def _is_code(text: str) -> bool:
    """Return whether a text is one piece with digits that is no amount."""
    if " " in text.strip() or not any(map(str.isdigit, text)):
        return False
    if text.isdigit():
        return len(text) >= _CODE_DIGITS
    return any(map(str.isalpha, text)) or "-" in text.strip("-") or "/" in text


def _is_rate(numbers: Numbers) -> bool:
    known = [each for each in numbers if each is not None]
    few = len(set(known)) <= max(1, _FEW * len(known)) and len(known) > 2
    return few and all(0 <= each < _MAX_RATE for each in known)


def _day_roles(days: Mapping[int, Sequence[str]]) -> Roles:
    """Return which of two columns of dates has the later days, or which one stands first."""
    if not days:
        return {}
    if len(days) == 1:
        return dict.fromkeys(days, ColumnRole.DAY)
    order = sorted(days, key=lambda at: (sorted(days[at])[len(days[at]) // 2], at))
    first = order[0]
    return {at: ColumnRole.DAY if at == first else ColumnRole.LATER_DAY for at in order}
