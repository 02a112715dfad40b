"""Fields of `models/served.json`, taken one by one: what is wrong is named with its place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar

_T = TypeVar("_T")
_REQUIRED: Any = object()
Areas = Mapping[str, tuple[str, ...]]
"""Regions by the name of an area that stands for them."""


class ServedFileError(ValueError):
    """Raised when the file says something that no model can be made of."""


class Fields:
    """An object of the file, and which of its fields were read."""

    def __init__(self, where: str, written: Any) -> None:
        if not isinstance(written, dict):
            raise ServedFileError(f"{where} is no object.")
        self.where = where
        self._written: dict[str, Any] = written
        self._read: set[str] = set()

    def names(self) -> tuple[str, ...]:
        """Return the names of all fields."""
        return tuple(self._written)

    def has(self, name: str) -> bool:
        """Tell whether the field is there."""
        return name in self._written

    def take(self, name: str, kind: type[_T], default: Any = _REQUIRED) -> _T:
        """Return a field of `kind`, or `default` where it is left out."""
        self._read.add(name)
        found = self._written.get(name, default)
        if found is _REQUIRED:
            raise ServedFileError(f"{self.where} lacks {name}.")
        if not isinstance(found, kind) or (isinstance(found, bool) and kind is not bool):
            raise self.wrong(name, f"a {kind.__name__}")
        return found

    def count(self, name: str, default: Any = _REQUIRED) -> int:
        """Return a whole number of 0 or more."""
        found = self.take(name, int, default)
        if found < 0:
            raise self.wrong(name, "0 or more")
        return found

    def factor(self, name: str, default: Any = _REQUIRED) -> Decimal:
        """Return a decimal above 0, which is written as a text."""
        try:
            found = Decimal(self.take(name, str, default))
        except InvalidOperation as error:
            raise self.wrong(name, "a decimal in quotes") from error
        if not found.is_finite() or found <= 0:
            raise self.wrong(name, "above 0")
        return found

    def day(self, name: str) -> date | None:
        """Return a date, None where it is left out."""
        if not self.has(name):
            return None
        try:
            return date.fromisoformat(self.take(name, str))
        except ValueError as error:
            raise self.wrong(name, "a date such as 2026-11-26") from error

    def texts(self, name: str, default: Any = _REQUIRED) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.take(name, list, default)
        if not all(isinstance(text, str) and text for text in found):
            raise self.wrong(name, "a list of texts")
        return tuple(found)

    def one_of(self, name: str, choices: tuple[str, ...]) -> str:
        """Return a text that is one of `choices`."""
        found = self.take(name, str)
        if found not in choices:
            raise self.wrong(name, f"one of {', '.join(choices)}")
        return found

    def some_of(self, name: str, choices: tuple[str, ...]) -> frozenset[str]:
        """Return texts that are all among `choices`."""
        found = self.texts(name)
        if not set(found) <= set(choices):
            raise self.wrong(name, f"a list of {', '.join(choices)}")
        return frozenset(found)

    def sequence(self, name: str) -> list[Any]:
        """Return a list."""
        return self.take(name, list)

    def mapping(self, name: str) -> dict[str, Any]:
        """Return an object as it is written."""
        return self.take(name, dict)

    def part(self, name: str) -> Fields:
        """Return an object within this one."""
        return Fields(f"{self.where}.{name}", self.mapping(name))

    def regions(self, name: str, areas: Areas) -> frozenset[str]:
        """Return regions, with the names of areas replaced by theirs."""
        return frozenset(region for text in self.texts(name) for region in areas.get(text, (text,)))

    def wrong(self, name: str, wanted: str) -> ServedFileError:
        """Return the error for a field that is not what is `wanted`."""
        return ServedFileError(
            f"{self.where}.{name} is {self._written.get(name)!r}; it must be {wanted}."
        )

    def done(self) -> None:
        """Raise `ServedFileError` where a field was not read."""
        unknown = sorted(set(self._written) - self._read)
        if unknown:
            raise ServedFileError(f"{self.where} has the unknown field {unknown[0]}.")
