"""The reader of a leaf: that of its kind, held to what the schema says of the value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

from chalicelib.extraction.leaves import Leaf, LeafKind
from chalicelib.extraction.values.choices import BooleanReader, CurrencyReader, EnumReader
from chalicelib.extraction.values.codes import IbanReader, IdentifierReader, VatReader
from chalicelib.extraction.values.constraints import is_integral, keeps_to
from chalicelib.extraction.values.contacts import EmailReader, PhoneReader, UrlReader
from chalicelib.extraction.values.dates import DateReader, DateTimeReader, TimeReader
from chalicelib.extraction.values.measures import (
    NumberReader,
    PercentReader,
    QuantityReader,
)
from chalicelib.extraction.values.money import MoneyReader
from chalicelib.extraction.values.plain_text import AddressReader, TextReader
from chalicelib.extraction.values.reading_hints import ReadingHints
from chalicelib.extraction.values.value_match import ScalarValue, ValueMatch, ValueReader

_READERS: Mapping[LeafKind, Callable[[], ValueReader]] = {
    LeafKind.TEXT: TextReader,
    LeafKind.ADDRESS: AddressReader,
    LeafKind.NUMBER: NumberReader,
    LeafKind.INTEGER: NumberReader,
    LeafKind.MONEY: MoneyReader,
    LeafKind.PERCENT: PercentReader,
    LeafKind.DATE: DateReader,
    LeafKind.DATE_TIME: DateTimeReader,
    LeafKind.TIME: TimeReader,
    LeafKind.CURRENCY: CurrencyReader,
    LeafKind.IBAN: IbanReader,
    LeafKind.VAT: VatReader,
    LeafKind.PHONE: PhoneReader,
    LeafKind.EMAIL: EmailReader,
    LeafKind.URL: UrlReader,
}


def value_reader(leaf: Leaf) -> ValueReader:
    """Return the reader of a leaf: its values have the type of the schema and keep to it."""
    return LeafReader(leaf, _reader(leaf))


def _reader(leaf: Leaf) -> ValueReader:
    if leaf.kind is LeafKind.ENUM:
        return EnumReader(leaf)
    if leaf.kind is LeafKind.BOOLEAN:
        return BooleanReader(leaf.synonyms)
    if leaf.kind is LeafKind.QUANTITY:
        return QuantityReader(leaf.unit)
    if leaf.kind is LeafKind.IDENTIFIER:
        return IdentifierReader(leaf.constraints.pattern)
    return _READERS[leaf.kind]()


class LeafReader:
    """Reads the values of one leaf; those that its schema forbids are none."""

    def __init__(self, leaf: Leaf, reader: ValueReader) -> None:
        self._leaf = leaf
        self._reader = reader

    @property
    def kind(self) -> LeafKind:
        """Return the kind of the leaf."""
        return self._leaf.kind

    def find(self, text: str, hints: ReadingHints) -> Iterator[ValueMatch]:
        """Yield the allowed values within a text, in its order, the longest at each place."""
        for match in self._reader.find(text, hints):
            allowed = self._allowed(match)
            if allowed is not None:
                yield allowed

    def read(self, text: str, hints: ReadingHints) -> ValueMatch | None:
        """Return the allowed value that the whole text is, apart from space around it, or None."""
        match = self._reader.read(text, hints)
        return None if match is None else self._allowed(match)

    def _allowed(self, match: ValueMatch) -> ValueMatch | None:
        value = _as_type(match.value, self._leaf)
        if value is None or not keeps_to(value, match.value, self._leaf):
            return None
        return match if value is match.value else replace(match, value=value)


def _as_type(value: ScalarValue, leaf: Leaf) -> ScalarValue | None:
    """Return a value as the schema's type has it, None if it cannot be of that type."""
    if leaf.kind is LeafKind.ENUM or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value if leaf.json_type == "string" else None
    number = Decimal(value)
    if leaf.json_type == "integer" or leaf.kind is LeafKind.INTEGER:
        if not is_integral(number):
            return None
        return str(int(number)) if leaf.json_type == "string" else int(number)
    return format(number, "f") if leaf.json_type == "string" else number
