"""Filters and tests of templates, each of which accounts for the characters that it makes.

They are ours and not Jinja's, whose `replace`, `center`, `indent` or `round` make any amount of
text from a few characters. Sizes are checked before anything of that size is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chalicelib.errors import InvalidInput

MAX_INDENT = 64
MAX_DIGITS = 12

CountCharacters = Callable[[int], None]
"""Accounts for characters that are about to be made; raises `InvalidInput` for too many."""


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} takes text, not {_kind(value)}")
    return value


def _texts(value: object, name: str) -> Sequence[str]:
    if not (isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value)):
        raise InvalidInput(f"{name} takes a list of texts, not {_kind(value)}")
    return value


def _sized(value: object, name: str) -> str | Sequence[str]:
    return value if isinstance(value, str) else _texts(value, name)


def _whole(value: object, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{name} takes a whole number from {least} to {most}", limit=str(most))
    return value


def _kind(value: object) -> str:
    kinds: Mapping[type, str] = {str: "text", bool: "yes or no", list: "a list", tuple: "a list"}
    return kinds.get(type(value), "a number" if isinstance(value, (int, float)) else "that")


def _upper(value: object, copied: CountCharacters) -> str:
    return _text(value, "upper").upper()


def _lower(value: object, copied: CountCharacters) -> str:
    return _text(value, "lower").lower()


def _capitalize(value: object, copied: CountCharacters) -> str:
    return _text(value, "capitalize").capitalize()


def _title(value: object, copied: CountCharacters) -> str:
    return _text(value, "title").title()


def _trim(value: object, copied: CountCharacters) -> str:
    return _text(value, "trim").strip()


def _replace(value: object, copied: CountCharacters, old: object, new: object) -> str:
    text, wanted, instead = (_text(each, "replace") for each in (value, old, new))
    if not wanted:
        raise InvalidInput("replace needs a text to look for")
    copied(len(text) + text.count(wanted) * len(instead))
    return text.replace(wanted, instead)


def _truncate(
    value: object, copied: CountCharacters, length: object = 255, end: object = "…"
) -> str:
    text, tail = _text(value, "truncate"), _text(end, "truncate")
    most = _whole(length, "truncate", 0, 2**53)
    return text if len(text) <= most else text[: max(0, most - len(tail))] + tail[:most]


def _indent(value: object, copied: CountCharacters, width: object = 4) -> str:
    text, margin = _text(value, "indent"), " " * _whole(width, "indent", 0, MAX_INDENT)
    copied(len(text) + text.count("\n") * len(margin))
    return text.replace("\n", "\n" + margin)


def _join(value: object, copied: CountCharacters, separator: object = "") -> str:
    texts, between = _texts(value, "join"), _text(separator, "join")
    copied(sum(map(len, texts)) + len(texts) * len(between))
    return between.join(texts)


def _tojson(value: object, copied: CountCharacters) -> str:
    return json.dumps(value, ensure_ascii=False)


def _length(value: object, copied: CountCharacters) -> int:
    return len(_sized(value, "length"))


def _wordcount(value: object, copied: CountCharacters) -> int:
    return len(_text(value, "wordcount").split())


def _first(value: object, copied: CountCharacters) -> str:
    return _end(value, "first", 0)


def _last(value: object, copied: CountCharacters) -> str:
    return _end(value, "last", -1)


def _end(value: object, name: str, position: int) -> str:
    found = _sized(value, name)
    if not found:
        raise InvalidInput(f"{name} takes what is not empty")
    return found[position]


def _sort(value: object, copied: CountCharacters) -> list[str]:
    return sorted(_texts(value, "sort"))


def _unique(value: object, copied: CountCharacters) -> list[str]:
    return list(dict.fromkeys(_texts(value, "unique")))


def _reverse(value: object, copied: CountCharacters) -> list[str]:
    return list(reversed(_texts(value, "reverse")))


def _odd(value: object, copied: CountCharacters) -> bool:
    return _number(value, "odd") % 2 == 1


def _even(value: object, copied: CountCharacters) -> bool:
    return _number(value, "even") % 2 == 0


def _divisibleby(value: object, copied: CountCharacters, divisor: object) -> bool:
    return _number(value, "divisibleby") % _number(divisor, "divisibleby") == 0


def _number(value: object, name: str) -> float | int:
    """Return a number: of a text, `%` would make as much as the text says."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InvalidInput(f"{name} takes a number, not {_kind(value)}")
    return value


def _round(value: object, copied: CountCharacters, digits: object = 0) -> float | int:
    number, places = _number(value, "round"), _whole(digits, "round", 0, MAX_DIGITS)
    return round(number, places) if places else round(number)


FILTERS: Mapping[str, Callable[..., Any]] = {
    "capitalize": _capitalize,
    "count": _length,
    "first": _first,
    "indent": _indent,
    "join": _join,
    "last": _last,
    "length": _length,
    "lower": _lower,
    "replace": _replace,
    "reverse": _reverse,
    "round": _round,
    "sort": _sort,
    "title": _title,
    "tojson": _tojson,
    "trim": _trim,
    "truncate": _truncate,
    "unique": _unique,
    "upper": _upper,
    "wordcount": _wordcount,
}
"""By name: the value, what accounts for characters, then the filter's own arguments."""
NUMBER_TESTS: Mapping[str, Callable[..., bool]] = {
    "divisibleby": _divisibleby,
    "even": _even,
    "odd": _odd,
}
"""Tests of numbers, called as filters are."""
