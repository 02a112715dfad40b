"""Fields and lists as they were read from a document, with what their confidence is told from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.extraction.choice import ChosenValue
from chalicelib.extraction.confidence import (
    NO_VOTES,
    CellFacts,
    ReadKind,
    RuleVotes,
    absent_features,
    cell_features,
    value_features,
)

if TYPE_CHECKING:
    from chalicelib.extraction.document import Span
    from chalicelib.extraction.feature_names import Features
    from chalicelib.extraction.leaves import Leaf, ListField
    from chalicelib.extraction.lists import ListReading
    from chalicelib.extraction.values.value_match import ScalarValue


@dataclass(frozen=True, slots=True)
class ReadField:
    """A field with what was read for it.

    Attributes:
        pointer: The JSON Pointer of the value, with the number of the row in a list.
        leaf: The field of the schema.
        value: The value, or None where the document has none.
        raw: The text that it was read from.
        spans: The characters of that text.
        origin: The choice or the cell that it comes from, which its confidence is told from.
    """

    pointer: str
    leaf: Leaf
    value: ScalarValue | None
    raw: str
    spans: tuple[Span, ...]
    origin: ChosenValue | CellFacts

    @property
    def kind(self) -> ReadKind:
        """Return which of the regressions tells its confidence."""
        if isinstance(self.origin, CellFacts):
            return ReadKind.CELL
        return ReadKind.ABSENT if self.value is None else ReadKind.VALUE

    def features(self, votes: RuleVotes = NO_VOTES) -> Features:
        """Return the features that its confidence is told from, of its kind."""
        if isinstance(self.origin, CellFacts):
            return cell_features(self.leaf, self.origin, votes)
        if self.value is None:
            return absent_features(self.origin)
        return value_features(self.origin, votes)


@dataclass(frozen=True, slots=True)
class ReadList:
    """A list as it was read, and the fields of its rows, row by row."""

    field: ListField
    reading: ListReading
    fields: tuple[ReadField, ...]
