"""Fields of an extraction schema: leaves, which hold one value, and lists of rows of leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from pydantic import JsonValue


class LeafKind(StrEnum):
    """Kind of a leaf's value: decides how it is found and read in text.

    It is derived from `type` and `format`, and named by `x-kind` where these cannot say it.
    """

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    ENUM = "enum"
    DATE = "date"
    DATE_TIME = "date_time"
    TIME = "time"
    MONEY = "money"
    CURRENCY = "currency"
    PERCENT = "percent"
    QUANTITY = "quantity"
    IBAN = "iban"
    VAT = "vat"
    PHONE = "phone"
    EMAIL = "email"
    URL = "url"
    ADDRESS = "address"
    IDENTIFIER = "identifier"


NUMERIC_KINDS = frozenset(
    (LeafKind.NUMBER, LeafKind.INTEGER, LeafKind.MONEY, LeafKind.PERCENT, LeafKind.QUANTITY)
)
"""Kinds whose values are numbers, if the schema's type is `number` or `integer`."""
BLOCK_KINDS = frozenset({LeafKind.TEXT, LeafKind.ADDRESS})
"""Kinds whose values may fill several lines."""


@dataclass(frozen=True, slots=True)
class Constraints:
    """Constraints on a value beside its kind. None or "" means no such constraint.

    Attributes:
        minimum: The least number; values equal to it pass unless `exclusive_minimum`.
        maximum: The greatest number; values equal to it pass unless `exclusive_maximum`.
        multiple_of: The number of which a value is a multiple.
        min_length: The fewest characters of a text.
        max_length: The most characters of a text.
        pattern: An expression of ECMA-262 that occurs in a text.
        const: Whether the only allowed value is the one in `Leaf.enum`.
    """

    minimum: Decimal | None = None
    maximum: Decimal | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: Decimal | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    const: bool = False


@dataclass(frozen=True, slots=True)
class Leaf:
    """A place of the schema that holds one value.

    Attributes:
        path: The property names from the root, or from the row for a column: ("invoice", "total").
        pointer: The JSON pointer of the value: "/invoice/total". For a column of a list it is
            relative to the row: "/amount", and "" for a list of scalars.
        kind: What the value is.
        json_type: The type the schema wants: string, number, integer or boolean.
        names: What a document may call it: the key in words, title, synonyms, and a description of
            a few words. None is empty.
        parents: The names of the objects around it, from the outermost; for a column those of its
            list come first.
        description: The schema's description, "" if there is none.
        examples: Values that the schema gives as examples.
        enum: The allowed values, () if any value is allowed.
        synonyms: Other spellings of a value of `enum` (or of "true" and "false"), by its text.
        required: Whether the parent names it in `required`.
        nullable: Whether the schema allows null where the document has no value.
        unit: The unit that a quantity is converted to, "" to keep the document's own.
        constraints: What a value must keep to.
        min_confidence: How sure a value has to be to be given, None for what was learned.
    """

    path: tuple[str, ...]
    pointer: str
    kind: LeafKind
    json_type: str
    names: tuple[str, ...] = ()
    parents: tuple[tuple[str, ...], ...] = ()
    description: str = ""
    examples: tuple[JsonValue, ...] = ()
    enum: tuple[JsonValue, ...] = ()
    synonyms: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    required: bool = False
    nullable: bool = True
    unit: str = ""
    constraints: Constraints = Constraints()
    min_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class ListField:
    """A list of rows, each of which has the same columns.

    Attributes:
        path: The property names from the root.
        pointer: The JSON pointer of the list: "/lines".
        names: What a document may call the list.
        columns: The leaves of a row. A list of scalars has one column, whose pointer is "".
        of_scalars: Whether an item is the value of the only column, and no object.
        required: Whether the parent names it in `required`.
        min_items: The fewest rows.
        max_items: The most rows, None if unlimited.
        unique_items: Whether equal rows are not allowed.
    """

    path: tuple[str, ...]
    pointer: str
    names: tuple[str, ...]
    columns: tuple[Leaf, ...]
    of_scalars: bool = False
    required: bool = False
    min_items: int = 0
    max_items: int | None = None
    unique_items: bool = False
