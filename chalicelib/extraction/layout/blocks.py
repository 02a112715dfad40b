"""Blocks of a page: lines that belong together, such as an address or a paragraph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.extraction.document import Span, around
from chalicelib.extraction.layout.lines import LineCell

if TYPE_CHECKING:
    from chalicelib.documents.words import Edges
    from chalicelib.extraction.layout.lines import PageLines

_NEAR = 1.0
"""Line heights between two lines of a block."""
_SIMILAR = 0.6
"""Ratio of the heights of two lines of a block, at least."""
_SHARED = 0.5
"""Share of the narrower of two lines that stands above the other, if they begin apart."""


@dataclass(frozen=True, slots=True)
class LayoutBlock:
    """Lines that stand below each other, of which each span is one; `box` is around them all."""

    text: str
    spans: tuple[Span, ...]
    box: Edges | None


def page_blocks(read: PageLines, *, in_tables: bool = False) -> tuple[LayoutBlock, ...]:
    """Return the blocks of a page, those of one line too.

    What the text has as tables is left out, unless `in_tables`: columns of prose look like them.
    """
    open_blocks: list[list[LineCell]] = []
    blocks: list[list[LineCell]] = []
    for line in read.lines:
        open_blocks = [
            block for block in open_blocks if _gap(block[-1], line.cells[0]) <= 2 * _NEAR
        ]
        for cell in line.cells:
            if cell.table >= 0 and not in_tables:
                continue
            near = [block for block in open_blocks if _continues(block[-1], cell, read)]
            if near:
                near[-1].append(cell)
            else:
                open_blocks.append([cell])
                blocks.append(open_blocks[-1])
    return tuple(map(_block, blocks))


def _continues(above: LineCell, below: LineCell, read: PageLines) -> bool:
    if above.place[3] >= below.place[3] or _gap(above, below) > _NEAR:
        return False
    if above.box is None:
        return "\n\n" not in read.page.text[above.span.end : below.span.start]
    lower, higher = sorted((above.height, below.height))
    beside = min(above.place[2], below.place[2]) - max(above.place[0], below.place[0])
    narrow = min(above.place[2] - above.place[0], below.place[2] - below.place[0])
    flush = abs(above.place[0] - below.place[0]) < lower
    return lower >= _SIMILAR * higher and (flush or beside > _SHARED * narrow)


def _gap(above: LineCell, below: LineCell) -> float:
    """Return the line heights between two cells."""
    return (below.place[1] - above.place[3]) / max(above.height, below.height)


def _block(cells: Sequence[LineCell]) -> LayoutBlock:
    box = cells[0].box
    for cell in cells[1:]:
        box = around(box, cell.box) if box and cell.box else None
    return LayoutBlock("\n".join(cell.text for cell in cells), tuple(c.span for c in cells), box)
