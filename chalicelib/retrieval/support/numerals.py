"""Numbers in digits or in English words, as values."""

from __future__ import annotations

import re

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NTHS = "third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
_VALUES = {name: float(value) for value, name in enumerate(_ONES.split())} | {
    name: 10.0 * place for place, name in enumerate(_TENS.split(), start=2)
}
_SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "dozen": 12.0}
FRACTIONS = {
    "half": 1 / 2,
    "third": 1 / 3,
    "thirds": 1 / 3,
    "quarter": 1 / 4,
    "quarters": 1 / 4,
    "fifth": 1 / 5,
    "fifths": 1 / 5,
    "tenth": 1 / 10,
    "tenths": 1 / 10,
}
ORDINALS = {name: float(value) for value, name in enumerate(_NTHS.split(), start=3)}
_GROUP = 3
_TEN = 10.0
_POINTED = re.compile(r"\d{1,3}(?:\.\d{3}){2,}$|\d{1,3}(?:\.\d{3})+,\d+$")


def digits(written: str) -> float:
    """Return the value of a number in digits, its separators guessed.

    A comma before exactly three digits groups them (`1,500` is 1500), and another one is a
    decimal comma (`1,5` is 1.5). Points group only where there are two or a decimal comma
    follows (`1.500,00`); a single point is decimal.

    Raises:
        ValueError: `written` is no number.
    """
    if _POINTED.match(written):
        return float(written.replace(".", "").replace(",", "."))
    whole, comma, fraction = written.rpartition(",")
    if comma and len(fraction) != _GROUP and "." not in written:
        return float(f"{whole.replace(',', '')}.{fraction}")
    return float(written.replace(",", ""))


def word_value(folded: str) -> float | None:
    """Return the value of a number word such as `seven` or `twenty-three`, else None."""
    if folded in _VALUES:
        return _VALUES[folded]
    tens, _, ones = folded.partition("-")
    if ones and tens in _TENS.split() and _VALUES.get(ones, _TEN) < _TEN:
        return _VALUES[tens] + _VALUES[ones]
    return None


def scale_of(folded: str) -> float | None:
    """Return what a scale word such as `million` multiplies by, else None."""
    return _SCALES.get(folded)
