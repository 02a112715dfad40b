"""Cells of a line that stand in several columns, cut between their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.document import Span

if TYPE_CHECKING:
    from chalicelib.extraction.document import DocumentPage
    from chalicelib.extraction.layout.lines import LineCell
    from chalicelib.extraction.layout.segments import TableSegment

_FLUSH = 0.4
"""Line heights between the edges of a word and of the column that it begins or ends with."""
_MIN_CUT = 0.4
"""Line heights between two words of one cell that belong to neighbouring columns, at least."""


def parted_cell(
    segment: TableSegment, cell: LineCell, hits: Sequence[int], page: DocumentPage
) -> list[tuple[int, LineCell]]:
    """Return the parts of a cell that stands in several columns, [] if it is one text.

    It is cut between all of them, or between a number and a text that reaches over the others.
    """
    if parts := _cut_cells(segment, cell, hits, page):
        return parts
    parts = _cut_cells(segment, cell, hits[:2], page, within=False)
    if len(parts) != 2 or not is_number(parts[0][1].text) or is_number(parts[1][1].text):
        return []
    return parts


def _cut_cells(
    segment: TableSegment,
    cell: LineCell,
    hits: Sequence[int],
    page: DocumentPage,
    *,
    within: bool = True,
) -> list[tuple[int, LineCell]]:
    """Return a cell that stands in several columns cut between them, [] if it is one text.

    Each part is `within` its column, or the last one may reach into further ones.
    """
    if cell.box is None:
        return []
    words = page.placed_in(cell.span.start, cell.span.end)
    cuts: list[int] = []
    for one, other in pairwise(hits):
        before, behind = segment.bands[one], segment.bands[other]
        edge = (before.right + behind.left) / 2
        gaps: list[tuple[bool, float, int]] = []
        for at, (left, right) in enumerate(pairwise(words), 1):
            starts = abs(right.left - behind.left) < _FLUSH * cell.height
            ends = abs(left.right - before.right) < _FLUSH * cell.height
            between = left.right - cell.height <= edge <= right.left + cell.height
            gap = right.left - left.right
            if (starts or ends or between) and gap >= _MIN_CUT * cell.height:
                gaps.append((starts or ends, gap, at))
        if not gaps:
            return []
        cuts.append(max(gaps)[2])
    if sorted(set(cuts)) != cuts:
        return []
    parts: list[tuple[int, LineCell]] = []
    for at, (first, last) in zip(hits, pairwise([0, *cuts, len(words)]), strict=True):
        inner = words[first:last]
        start = cell.span.start if first == 0 else inner[0].start
        end = cell.span.end if last == len(words) else words[last].start
        text = page.text[start:end].rstrip()
        box = (
            min(word.left for word in inner),
            min(word.top for word in inner),
            max(word.right for word in inner),
            max(word.bottom for word in inner),
        )
        span = Span(cell.span.page, start, start + len(text))
        part = replace(cell, text=text, span=span, place=box, box=box)
        if within and at not in segment.hits(part):
            return []
        parts.append((at, part))
    return parts
