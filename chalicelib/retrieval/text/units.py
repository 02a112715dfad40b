"""Units of measurement with their dimension and factor, and values of number words."""

from __future__ import annotations

import re

from chalicelib.retrieval.text.terms import stem

Unit = tuple[str, float]
"""A dimension and a factor to its base unit."""

COUNT = ""
FRACTION = "fraction"
TEMPERATURE = "temperature"

_PREFIXES = {"milli": 1e-3, "centi": 1e-2, "kilo": 1e3, "mega": 1e6, "giga": 1e9, "tera": 1e12}
_SHORT = {"m": 1e-3, "c": 1e-2, "k": 1e3, "M": 1e6, "G": 1e9}
_METRIC = {
    "gram": ("mass", 1.0, "g"),
    "metre": ("length", 1.0, "m"),
    "meter": ("length", 1.0, "m"),
    "litre": ("volume", 1.0, "l"),
    "liter": ("volume", 1.0, "l"),
    "watt": ("power", 1.0, "W"),
    "volt": ("voltage", 1.0, "V"),
    "ampere": ("current", 1.0, "A"),
    "hertz": ("frequency", 1.0, "Hz"),
    "byte": ("data", 1.0, "B"),
    "second": ("time", 1.0, "s"),
    "bar": ("pressure", 1.0, "bar"),
}
_OTHERS: dict[str, Unit] = {
    "kilo": ("mass", 1e3),
    "tonne": ("mass", 1e6),
    "ton": ("mass", 1e6),
    "minute": ("time", 60.0),
    "min": ("time", 60.0),
    "hour": ("time", 3600.0),
    "h": ("time", 3600.0),
    "day": ("time", 86400.0),
    "night": ("time", 86400.0),
    "week": ("time", 7 * 86400.0),
    "fortnight": ("time", 14 * 86400.0),
    "month": ("months", 1.0),
    "year": ("months", 12.0),
    "decade": ("months", 120.0),
    "century": ("months", 1200.0),
    "mile": ("length", 1609.344),
    "inch": ("length", 0.0254),
    "foot": ("length", 0.3048),
    "feet": ("length", 0.3048),
    "hectare": ("area", 1e4),
    "percent": (FRACTION, 0.01),
    "%": (FRACTION, 0.01),
    "degree": (TEMPERATURE, 1.0),
    "°": (TEMPERATURE, 1.0),
    "euro": ("euro", 1.0),
    "eur": ("euro", 1.0),
    "€": ("euro", 1.0),
    "cent": ("euro", 0.01),
    "dollar": ("dollar", 1.0),
    "usd": ("dollar", 1.0),
    "$": ("dollar", 1.0),
    "pound": ("pound", 1.0),
    "£": ("pound", 1.0),
    "knot": ("knot", 1.0),
    "ohm": ("resistance", 1.0),
    "megohm": ("resistance", 1e6),
    "kwh": ("energy", 1e3),
    "mwh": ("energy", 1e6),
    "gwh": ("energy", 1e9),
}
_POWERS = {"square": ("area", 2), "cubic": ("volume", 3)}
_LITRES_IN_A_CUBIC_METRE = 1000.0


def _table() -> dict[str, Unit]:
    table = {stem(name): unit for name, unit in _OTHERS.items()}
    for name, (dimension, factor, short) in _METRIC.items():
        table[stem(name)] = (dimension, factor)
        table.update(
            {stem(prefix + name): (dimension, factor * by) for prefix, by in _PREFIXES.items()}
        )
        table[short] = (dimension, factor)
        table.update({prefix + short: (dimension, factor * by) for prefix, by in _SHORT.items()})
    return table


_TABLE = _table()


def parse_unit(written: str) -> Unit | None:
    """Return the dimension and factor of the unit `written`, or None if it is no unit."""
    return _TABLE.get(written) or _TABLE.get(stem(written.casefold()))


def raise_unit(power: str, unit: Unit) -> Unit | None:
    """Return the unit of `square` or `cubic` and a length; volumes are in litres."""
    if power not in _POWERS or unit[0] != "length":
        return None
    dimension, exponent = _POWERS[power]
    by = _LITRES_IN_A_CUBIC_METRE if dimension == "volume" else 1.0
    return dimension, unit[1] ** exponent * by


def unit_over_time(unit: Unit, time: Unit) -> Unit | None:
    """Return the unit of a power over a time, such as `kilowatt hours`."""
    if unit[0] != "power" or time != ("time", 3600.0):
        return None
    return "energy", unit[1]


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


def parse_digits(written: str) -> float:
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


def scale_value(folded: str) -> float | None:
    """Return the factor of a scale word such as `million`, else None."""
    return _SCALES.get(folded)
