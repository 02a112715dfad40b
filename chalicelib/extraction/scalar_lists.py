"""Lists of single values: below each other, with marks before them, or behind each other.

The values are counted by the signs and lines that part them, whatever can be read of them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING

from chalicelib.extraction.document import Span
from chalicelib.extraction.layout.item_regions import (
    ItemLine,
    ItemRegion,
    item_regions,
    opening_region,
)
from chalicelib.extraction.leaves import LeafKind
from chalicelib.extraction.list_choice import SURE_TITLES
from chalicelib.extraction.lists import MIN_SCORE, ListCell, ListDifference, ListReading
from chalicelib.extraction.values.locale_table import locale_table

if TYPE_CHECKING:
    from chalicelib.extraction.label_similarity import LabelComparison
    from chalicelib.extraction.layout.document_layout import DocumentLayout
    from chalicelib.extraction.leaves import ListField
    from chalicelib.extraction.values.reading_hints import ReadingHints
    from chalicelib.extraction.values.value_match import ValueReader

MIN_TITLE = 0.45
"""Likeness of a label and the list's names, at least."""
SURE_SINGLE = 0.95
"""Likeness at which a label surely has the list, though it has one value as other fields have."""
_SINGLE = 0.7
"""How much less likely one value without a mark is a list."""
MIN_READ = 0.5
"""Share of the elements that have to be values of the field."""
_WORDS = frozenset({LeafKind.TEXT, LeafKind.ADDRESS})
_SEPARATORS = (";", "|", "\u2022", "\u00b7", " / ", "\u3001", "\u060c", ",")
"""Signs between the elements of a text, the surest first."""
_CLOSED = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|\u201c[^\u201d]*\u201d|\"[^\"]*\"")
_MASK = "\ue000"


@dataclass(frozen=True, slots=True)
class _Elements:
    """The elements of a region, and how many there are by what parts them."""

    cells: tuple[ListCell, ...]
    counted: int
    unread: int


def read_scalars(
    of: ListField,
    layout: DocumentLayout,
    reader: ValueReader,
    comparison: LabelComparison,
    hints: ReadingHints,
) -> ListReading | None:
    """Return the list of single values whose label is most like its names, None if none is.

    Args:
        of: The list of the schema.
        layout: What stands where in the document.
        reader: The reader of its values.
        comparison: Compares its names with labels.
        hints: How the document writes numbers and dates.
    """
    pages = [layout.page_lines(page.number) for page in layout.document.pages]
    openings = list(map(opening_region, pages))
    best: _Found | None = None
    for at, read in enumerate(pages):
        for region in item_regions(read):
            if not region.title or not region.lines:
                continue
            likeness = comparison.similarity(of.columns[0].names, region.title)
            if likeness < MIN_TITLE and reader.kind in _WORDS and not region.lines[0].mark:
                continue
            elements = _elements(_whole(region, openings[at + 1 :]), reader, hints)
            found = _Found(likeness, region, elements, _goes_on(region, openings[at + 1 :]))
            if found.is_possible and found.score > (best.score if best else 0.0):
                best = found
    return _reading(best) if best is not None else None


@dataclass(frozen=True, slots=True)
class _Found:
    """A region that may be the list, and how alike its label and the list's names are."""

    likeness: float
    region: ItemRegion
    elements: _Elements
    goes_on: bool

    @property
    def is_possible(self) -> bool:
        """Return whether enough can be read, and the label or the kind of several values fits."""
        read, counted = len(self.elements.cells), self.elements.counted
        fits = self.likeness >= MIN_TITLE or (read == counted > 1)
        return fits and read >= max(1, MIN_READ * counted)

    @property
    def is_single(self) -> bool:
        """Return whether it is one value, without a mark that tells it from any other field's."""
        return self.elements.counted == 1 and not self.region.lines[0].mark

    @property
    def score(self) -> float:
        """Return how likely it is the list, from 0 to 1."""
        share = len(self.elements.cells) / self.elements.counted
        return max(MIN_SCORE, self.likeness) * share * (_SINGLE if self.is_single else 1.0)


def _reading(found: _Found) -> ListReading:
    region, elements = found.region, found.elements
    page = region.lines[0].span.page
    differences = []
    if elements.unread:
        several = "An element has" if elements.unread == 1 else f"{elements.unread} elements have"
        reason = f"{several} a text of another kind below “{region.title}”."
        differences.append(ListDifference(page, reason))
    if found.goes_on:
        reason = "The list ends with its page, and the next one may go on with it."
        differences.append(ListDifference(page, reason))
    if region.is_open:
        reason = "The line behind the list may be one of it."
        differences.append(ListDifference(page, reason))
    if found.likeness < (SURE_SINGLE if found.is_single else SURE_TITLES):
        reason = f"The label “{region.title}” does not confirm that what it has is the list."
        differences.append(ListDifference(page, reason))
    rows = tuple((cell,) for cell in elements.cells)
    titles, likely = (region.title,), (min(1.0, found.likeness),)
    return ListReading(
        rows, elements.counted, titles, tuple(differences), found.score, likely=likely
    )


def _whole(region: ItemRegion, following: Sequence[ItemRegion | None]) -> ItemRegion:
    """Return a region with the marked lines that go on with it at the top of the next pages."""
    lines = list(region.lines)
    at_end = region.at_end
    for top in following:
        if not at_end or top is None or not (lines[-1].mark and top.lines[0].mark):
            break
        lines += top.lines
        at_end = top.at_end
    return replace(region, lines=tuple(lines), at_end=at_end)


def _goes_on(region: ItemRegion, following: Sequence[ItemRegion | None]) -> bool:
    """Return whether lines without marks end with their page, and others begin the next one."""
    if not region.at_end or not following or region.lines[-1].mark:
        return False
    return following[0] is not None


def _elements(region: ItemRegion, reader: ValueReader, hints: ReadingHints) -> _Elements:
    """Return the elements of a region: one a line or mark, or those between signs."""
    lines = region.lines
    marked = [bool(line.mark) for line in lines]
    if any(marked) and marked[0]:
        items = _joined(lines)
    elif len(lines) == 1 or region.is_running:
        return _parted(lines, reader, hints)
    else:
        items = [[line] for line in lines]
    return _read_cells([_cell(item) for item in items], reader, hints)


def _joined(lines: Sequence[ItemLine]) -> list[list[ItemLine]]:
    """Return the lines of each mark."""
    items: list[list[ItemLine]] = []
    for line in lines:
        if line.mark:
            items.append([line])
        else:
            items[-1].append(line)
    return items


def _cell(lines: Sequence[ItemLine]) -> ListCell:
    return ListCell(" ".join(line.text for line in lines), tuple(line.span for line in lines))


def _read_cells(cells: Sequence[ListCell], reader: ValueReader, hints: ReadingHints) -> _Elements:
    """Return those of some texts that are values, or have one that is most of them."""
    read = [cell for cell in cells if _is_value(cell.text, reader, hints)]
    return _Elements(tuple(read), len(cells), len(cells) - len(read))


def _is_value(text: str, reader: ValueReader, hints: ReadingHints) -> bool:
    if reader.read(text, hints) is not None:
        return True
    if reader.kind in _WORDS:
        return False
    visible = len("".join(text.split()))
    return any(2 * (each.end - each.start) >= visible for each in reader.find(text, hints))


def _parted(lines: Sequence[ItemLine], reader: ValueReader, hints: ReadingHints) -> _Elements:
    """Return the elements of lines that stand behind each other.

    Values with a form of their own are found first, since they may have the sign that parts them.
    """
    text = " ".join(line.text for line in lines)
    matches = [] if reader.kind in _WORDS else list(reader.find(text, hints))
    letters = list(text)
    for match in matches:
        letters[match.start : match.end] = _MASK * (match.end - match.start)
    masked, matches = "".join(letters), sorted(matches, key=attrgetter("start"))
    begins = [each.start for each in matches]
    cells: list[ListCell] = []
    unread = 0
    for start, end in _pieces(masked, hints.language):
        within = matches[bisect_left(begins, start) : bisect_left(begins, end)]
        inside = [each for each in within if each.end <= end]
        first, last = (inside[0].start, inside[0].end) if inside else (start, end)
        fits = reader.kind in _WORDS or len(inside) == 1
        if fits and _is_value(text[first:last], reader, hints):
            cells.append(ListCell(text[first:last], _spans(lines, first, last)))
        else:
            unread += 1
    return _Elements(tuple(cells), len(cells) + unread, unread)


def _spans(lines: Sequence[ItemLine], start: int, end: int) -> tuple[Span, ...]:
    """Return the characters of each line within a range of all of them."""
    found: list[Span] = []
    at = 0
    for line in lines:
        first, last = max(start, at), min(end, at + len(line.text))
        if first < last:
            page, begin, _ = line.span
            found.append(Span(page, begin + first - at, begin + last - at))
        at += len(line.text) + 1
    return tuple(found)


def _pieces(text: str, language: str) -> Iterator[tuple[int, int]]:
    """Yield the ranges between the signs of a text, and the word that joins the last two."""
    open_text = _CLOSED.sub(lambda found: _MASK * len(found.group()), text)
    sign = next((each for each in _SEPARATORS if each in open_text.strip(" ,;.")), "")
    bounds = [0]
    ends: list[int] = []
    at = open_text.find(sign) if sign else -1
    while at >= 0:
        ends.append(at)
        bounds.append(at + len(sign))
        at = open_text.find(sign, bounds[-1])
    ends.append(len(text))
    ranges = list(zip(bounds, ends, strict=True))
    join = locale_table().list_joins.get(language, "")
    if join and len(ranges) > 1:
        ranges[-1:] = list(_at_join(open_text, *ranges[-1], join))
    for start, end in ranges:
        piece = text[start:end]
        first = start + len(piece) - len(piece.lstrip())
        last = first + len(piece.strip().rstrip(".;,"))
        if any(letter.isalnum() or letter == _MASK for letter in text[first:last]):
            yield first, last


def _at_join(text: str, start: int, end: int, join: str) -> Iterator[tuple[int, int]]:
    found = re.search(rf"(?:^|\s)\s*{re.escape(join)}\s+", text[start:end], re.IGNORECASE)
    if found is None:
        yield start, end
        return
    yield start, start + found.start()
    yield start + found.end(), end
