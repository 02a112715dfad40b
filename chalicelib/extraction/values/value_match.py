"""A typed value that was found in text, and the reader that finds it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.values.reading_hints import ReadingHints

ScalarValue = str | int | bool | Decimal
"""A value of JSON. A number that is no integer is a Decimal, with the digits of the document."""


@dataclass(frozen=True, slots=True)
class ValueMatch:
    """A value and the characters that it was read from.

    Attributes:
        start: The first character of the value in the text.
        end: The character after the last one.
        value: The value as the schema wants it: an ISO date, a decimal number, an IBAN without
            spaces.
        quality: How plainly the characters say this value, from 0 to 1. Below 1 for what had to be
            repaired or guessed: letters read as digits, two-digit years, ambiguous days.
        valid: Whether the checksum or number plan holds; None if the kind has none, or for a value
            that breaks no rule of its own.
        currency: The ISO 4217 code beside an amount, "" if none stands there.
        unit: The unit beside a quantity, in the words of the text, "" if none.
        ambiguous: Whether the same characters have another reading, such as 03/04/2025.
    """

    start: int
    end: int
    value: ScalarValue
    quality: float = 1.0
    valid: bool | None = None
    currency: str = ""
    unit: str = ""
    ambiguous: bool = False


class ValueReader(Protocol):
    """Finds and reads values of one kind. Total: no text raises an error."""

    @property
    def kind(self) -> LeafKind:
        """Return the kind of the values."""

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the values within a text, longest first, none within or over another."""

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the value that the whole text is, apart from space around it, or None."""
