"""A generated document, the schema that a user asks it with, and what is true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

JsonScalar = str | int | float | bool | None
Edges = tuple[float, float, float, float]
"""Left, top, right and bottom in points from the top left corner of the page as it is displayed."""


@dataclass(frozen=True, slots=True)
class TruePlace:
    """One place at which a value stands: its text there, and a box for each line of it."""

    page: int
    raw: str
    boxes: tuple[Edges, ...]


@dataclass(frozen=True, slots=True)
class TrueValue:
    """True value of a schema's leaf; `value` is None where the document has none.

    `concept` says what was asked whatever the schema calls it, and `kind` how it is typed.
    `value` is as the leaf's type wants it. It may stand at several places, of which any is right;
    an absent one has none.
    """

    pointer: str
    concept: str
    kind: str
    value: JsonScalar
    places: tuple[TruePlace, ...] = ()

    @property
    def raw(self) -> str:
        """Return its text at the first place, "" of an absent one."""
        return self.places[0].raw if self.places else ""

    @property
    def page(self) -> int | None:
        """Return its first page, from 1."""
        return self.places[0].page if self.places else None

    @property
    def boxes(self) -> tuple[Edges, ...]:
        """Return its boxes at the first place."""
        return self.places[0].boxes if self.places else ()


@dataclass(frozen=True, slots=True)
class TrueList:
    """The rows of a list, in the order of the document. Pointers of cells hold the row's number."""

    pointer: str
    rows: tuple[tuple[TrueValue, ...], ...]


@dataclass(frozen=True, slots=True)
class GeneratedDocument:
    """A PDF with a schema and its truth. `template` is the design, `language` a CLDR locale.

    `labels` are what the document itself calls concepts, which its schema does not know.
    """

    pdf: bytes
    schema: Mapping[str, JsonValue]
    truth: tuple[TrueValue, ...]
    lists: tuple[TrueList, ...]
    kind: str
    template: str
    language: str
    scanned: bool
    pages: int
    labels: Mapping[str, str]
