"""Labels beside the values of one reviewed document, as the layout of its pages shows them.

A value teaches only where the characters that the review cites read as it: whoever points at other
words teaches nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import NotFound
from chalicelib.extraction.document import Span, without_places
from chalicelib.extraction.layout.document_layout import read_layout
from chalicelib.extraction.leaves import BLOCK_KINDS, Leaf
from chalicelib.extraction.value_tree import json_value
from chalicelib.extraction.values.readers import value_reader
from chalicelib.extraction.values.reading_hints import document_hints

if TYPE_CHECKING:
    from pydantic import JsonValue

    from chalicelib.extraction.document import SourceDocument
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.layout.labels import LabelContext
    from chalicelib.extraction.schema import ExtractionSchema
    from chalicelib.extraction.values.reading_hints import ReadingHints

MAX_CHARACTERS, MAX_WORDS = 60, 8
"""A longer text beside a value is a sentence, or another value."""
_COSTS: Mapping[str, tuple[float, float, float]] = {
    "same_cell": (0.0, 0.0, 0.0),
    "left": (0.2, 0.02, 0.5),
    "row": (0.2, 0.3, 1.5),
    "column": (0.7, 0.0, 0.0),
    "above": (0.4, 0.3, 2.0),
    "behind": (2.0, 0.03, 0.4),
    "below": (2.0, 0.3, 0.6),
}
"""How far from a value a label is by its relation: at least, by its gap, and by that at most."""
_OF_TEXT = 0.5
"""How much farther a label is that the text has beside a value, where words have boxes."""
_SIGN = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class ReviewedValue:
    """The right value of a leaf, by its JSON Pointer, and the characters that show it."""

    pointer: str
    value: JsonValue
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class LabelSighting:
    """A label beside the value of a field, the nearer the likelier it names it.

    Attributes:
        field: The pointer of the leaf, without the number of a row in a list.
        label: Its words.
        distance: How far it stands from the value.
        value: The key of the value's text.
        in_list: Whether it is the title of a list's column.
        titled: Whether it stands over a column of a table.
        stacked: Whether it stands above or below a text, as a name stands above an address.
    """

    field: str
    label: str
    distance: float
    value: str = ""
    in_list: bool = False
    titled: bool = False
    stacked: bool = False

    @property
    def key(self) -> str:
        """Return the label without case, accents and signs, as labels are told apart."""
        return label_key(self.label)


@dataclass(frozen=True, slots=True)
class DocumentSightings:
    """The labels beside the values of one document, and the keys of all texts that are values.

    `doubtful` are the pointers of values that the cited characters do not read as.
    """

    document_id: str
    labels: tuple[LabelSighting, ...]
    values: frozenset[str]
    doubtful: frozenset[str] = frozenset()


def label_key(text: str) -> str:
    """Return the words of a text without case, accents and signs."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    plain = "".join(each for each in folded if not unicodedata.combining(each))
    return " ".join(_SIGN.sub(" ", plain).split())


def label_sightings(
    document_id: str,
    document: SourceDocument,
    schema: ExtractionSchema,
    values: Iterable[ReviewedValue],
) -> DocumentSightings:
    """Return the labels beside reviewed values that stand where their evidence says.

    Args:
        document_id: what tells the document from others that teach.
        document: the pages that the values were read from.
        schema: the fields.
        values: the reviewed values; null ones and those of unknown fields are left out.
    """
    layouts = [read_layout(document)]
    if any(page.placed for page in document.pages):
        layouts.append(read_layout(without_places(document)))
    places, doubtful = _value_places(document, schema, values)
    texts = frozenset(text for place in places for text in place.texts)
    nearest: dict[tuple[str, str], LabelSighting] = {}
    for place in places:
        for sighting in _sightings(place, layouts):
            key = sighting.field, sighting.key
            if key not in nearest or sighting.distance < nearest[key].distance:
                nearest[key] = sighting
    labels = tuple(_without_values(tuple(nearest.values()), texts))
    return DocumentSightings(document_id, labels, texts, doubtful)


@dataclass(frozen=True, slots=True)
class _ValuePlace:
    """Where the value of a field stands; `texts` are the keys of its lines, and of all of them."""

    field: str
    leaf: Leaf
    span: Span
    texts: tuple[str, ...]
    is_cell: bool


def _value_places(
    document: SourceDocument, schema: ExtractionSchema, values: Iterable[ReviewedValue]
) -> tuple[list[_ValuePlace], frozenset[str]]:
    """Return where values stand, and the pointers of those that do not stand where they should."""
    hints = document_hints((page.text for page in document.pages), document.language)
    leaves = {leaf.pointer: leaf for leaf in schema.leaves}
    columns = {
        f"{of.pointer}{column.pointer}": column
        for of in schema.lists
        if not of.of_scalars
        for column in of.columns
    }
    places: list[_ValuePlace] = []
    doubtful: set[str] = set()
    for value in values:
        is_cell = value.pointer not in leaves
        field = without_row(value.pointer, schema) if is_cell else value.pointer
        leaf = columns.get(field) if is_cell else leaves[field]
        if leaf is None or value.value is None or not value.spans:
            continue
        lines = [_text(document, span) for span in value.spans]
        if not _reads_as(leaf, lines, value.value, hints):
            doubtful.add(value.pointer)
            continue
        texts = tuple(map(label_key, (*lines, " ".join(lines))))
        places.append(_ValuePlace(field, leaf, value.spans[0], texts, is_cell))
    return places, frozenset(doubtful)


def _without_values(
    sightings: Sequence[LabelSighting], texts: Iterable[str]
) -> Iterator[LabelSighting]:
    """Yield the sightings but those that have a value in them, or stand over a list's column."""
    values = [f" {text} " for text in texts if _is_told_apart(text)]
    titles = {each.key for each in sightings if each.in_list}
    for each in sightings:
        # A total below a list stands in a column, whose title is that of the list's field.
        is_of_list = each.titled and not each.in_list and each.key in titles
        if not is_of_list and not any(value in f" {each.key} " for value in values):
            yield each


def _is_told_apart(key: str) -> bool:
    """Return whether a value is one wherever it stands, which a currency or a word is not."""
    return " " in key or any(map(str.isdigit, key))


def without_row(pointer: str, schema: ExtractionSchema) -> str:
    """Return the pointer of a cell without the number of its row."""
    for of in schema.lists:
        rest = pointer.removeprefix(f"{of.pointer}/")
        if rest != pointer:
            number, _, column = rest.partition("/")
            if number.isdigit():
                return f"{of.pointer}/{column}" if column else of.pointer
    return pointer


def _text(document: SourceDocument, span: Span) -> str:
    try:
        return document.text(span)
    except NotFound:
        return ""


def _reads_as(leaf: Leaf, lines: Sequence[str], value: JsonValue, hints: ReadingHints) -> bool:
    """Return whether the cited lines read as the value, alone or with signs around it."""
    text, reader = "\n".join(lines), value_reader(leaf)
    if not text.strip():
        return False
    whole = reader.read(text, hints)
    matches = [whole] if whole is not None else list(reader.find(text, hints))
    return any(is_same_value(json_value(match.value), value) for match in matches)


def is_same_value(read: JsonValue, value: JsonValue) -> bool:
    """Return whether two values are equal, texts without regard to case, accents and signs."""
    if isinstance(read, str) and isinstance(value, str):
        return label_key(read) == label_key(value) and bool(label_key(value))
    return read == value and isinstance(read, bool) == isinstance(value, bool)


def _sightings(place: _ValuePlace, layouts: Sequence[DocumentLayout]) -> Iterator[LabelSighting]:
    is_block = place.leaf.kind in BLOCK_KINDS
    for number, layout in enumerate(layouts):
        for label in layout.labels(place.span):
            text = " ".join(label.text.split())
            is_title = label.relation == "column"
            if label.relation not in _COSTS or not _is_label(text):
                continue
            if is_title or not place.is_cell:
                yield LabelSighting(
                    place.field,
                    text,
                    _distance(label) + number * _OF_TEXT,
                    place.texts[-1],
                    in_list=place.is_cell,
                    titled=is_title,
                    stacked=is_block and label.relation in ("above", "below"),
                )


def _distance(label: LabelContext) -> float:
    base, a_gap, limit = _COSTS[label.relation]
    return base + min(limit, a_gap * label.gap)


def _is_label(text: str) -> bool:
    letters = sum(map(str.isalpha, text))
    return (
        len(text) <= MAX_CHARACTERS
        and len(text.split()) <= MAX_WORDS
        and letters > 1
        and letters > sum(map(str.isdigit, text))
    )
