"""Lines at the head or foot of pages that count them: they are in no table.

Such a line stands at the same place of two pages in a row and differs by a number that is one more.
A table that goes on below it would take it for a header, and so for another table.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chalicelib.extraction.layout.lines import LayoutLine, PageLines

_AT_END = 3
"""Lines at the top and at the bottom of a page that may count it, each."""
_NUMBER = re.compile(r"\d{1,9}")


def without_running_lines(pages: Iterable[PageLines]) -> Iterator[PageLines]:
    """Yield pages without the lines that count them; nothing else of them changes."""
    before: PageLines | None = None
    counted: set[int] = set()
    for read in pages:
        here: set[int] = set()
        if before is not None:
            above, below = _numbered(before), _numbered(read)
            for text in above.keys() & below.keys():
                if _counts(above[text], below[text]):
                    counted.add(id(above[text]))
                    here.add(id(below[text]))
            yield _without(before, counted)
        before, counted = read, here
    if before is not None:
        yield _without(before, counted)


def _without(read: PageLines, counted: set[int]) -> PageLines:
    if not counted:
        return read
    return replace(read, lines=tuple(line for line in read.lines if id(line) not in counted))


def _numbered(read: PageLines) -> Mapping[str, LayoutLine]:
    """Return the lines at the ends of a page that have numbers, by their text without these."""
    ends = (*read.lines[:_AT_END], *read.lines[-_AT_END:]) if read.has_boxes else ()
    return {plain: line for line in ends if (plain := _NUMBER.sub("0", line.text)) != line.text}


def _counts(one: LayoutLine, other: LayoutLine) -> bool:
    """Return whether a line is that of the page before at the same place, with the next number."""
    numbers = [map(int, _NUMBER.findall(line.text)) for line in (one, other)]
    steps = [after - before for before, after in zip(*numbers, strict=True) if after != before]
    height = one.place[3] - one.place[1]
    return steps == [1] and abs(one.place[1] - other.place[1]) < height
