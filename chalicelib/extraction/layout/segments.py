"""Parts of a page whose lines stand in the same columns: the pieces that tables are joined from.

Columns are told from the cells of neighbouring lines, which may leave some of them empty. A line
that stands in no column does not end a part if lines in its columns follow: titles of groups,
notes and wrapped texts stand between the rows of a table.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from statistics import median
from typing import TYPE_CHECKING

from chalicelib.documents.layout import is_number
from chalicelib.extraction.layout.lines import COLUMN_WIDTH
from chalicelib.extraction.layout.parted_cells import parted_cell

if TYPE_CHECKING:
    from chalicelib.extraction.document import DocumentPage
    from chalicelib.extraction.layout.lines import LayoutLine, LineCell, PageLines

_HIT = 0.3
"""Share of the narrower of a cell and a column that the other covers if the cell is in it."""
_SLACK = 4.0
"""Points by which a cell may be wider than the column that it is in rather than in the next."""
_FAR, _NEAR = 5.0, 2.5
"""Line heights to the next line with columns, and to one without, at most."""
_WIDER = 1.6
"""The next line with columns may be this many times as far as the farthest so far."""
_NEW = 0.34
"""Share of the cells of a line that stand in no column so far, at most."""
_MAX_HEAD, _APART = 5, 1.2
"""Lines of the header of the next part, at most, and how many times as far they are from this."""
_MOST = 0.75
"""Share of the columns that a line whose cells stand too close is cut into, at least."""
_MAX_PENDING = 8
"""Lines in a row that stand in no column, at most, before a line that does."""
_PROSE_WORDS, _PROSE_WIDTH, _PROSE_LINES = 4, 0.75, 0.6
_MIN_PROSE = 3


@dataclass(slots=True)
class Band:
    """The part of a page's width that a column fills: the means of the edges of its cells."""

    left: float
    right: float
    count: int = 1

    def add(self, left: float, right: float, count: int = 1) -> None:
        """Take the edges of more cells into the means."""
        self.count += count
        self.left += (left - self.left) * count / self.count
        self.right += (right - self.right) * count / self.count

    def covers(self, left: float, right: float) -> float:
        """Return the share that this band and a range have in common of the narrower of them."""
        shared = min(self.right, right) - max(self.left, left)
        return shared / max(0.1, min(self.right - self.left, right - left))


@dataclass(slots=True)
class TableSegment:
    """Lines of one page that share columns; `is_written` if the text says which these are.

    It `goes_on` if its first line stands in the columns of a table on the page before.
    """

    page: int
    lines: list[LayoutLine]
    bands: list[Band]
    is_written: bool = False
    goes_on: bool = False
    _far: float = field(default=0.0)
    _tight: list[LayoutLine] = field(default_factory=list)

    def hits(self, cell: LineCell) -> list[int]:
        """Return the numbers of the bands that a cell stands in."""
        left, _, right, _ = cell.place
        covers = {at: band.covers(left, right) for at, band in enumerate(self.bands)}
        hits = [at for at, cover in covers.items() if cover >= _HIT]
        most = max(hits, key=covers.__getitem__, default=None)
        if (
            len(hits) == 2
            and most is not None
            and min(covers[at] for at in hits) < covers[most] / 2
        ):
            narrow = right - left <= self.bands[most].right - self.bands[most].left + _SLACK
            return [most] if narrow else hits
        return hits

    def takes_tight(self, line: LayoutLine, page: DocumentPage) -> bool:
        """Return whether a line is one whose cells stand too close, in known columns; keep it."""
        known = self.goes_on or len(self.lines) > 1
        is_tight = known and _is_tight(self, line, page)
        if is_tight:
            self._tight.append(line)
        return is_tight

    @property
    def bottom(self) -> float:
        """Return where the last line ends."""
        return self.lines[-1].place[3]


def segments_of(read: PageLines, above: Sequence[Band] = ()) -> list[TableSegment]:
    """Return the parts of a page that stand in columns, from the top.

    `above` are the columns of a table on the page before, which may go on here, if with one row.
    """
    if read.has_boxes:
        shown = list(_shown_segments(read.lines, read.page, above))
        return _without_headers_of_next(shown, read.lines)
    segments: list[TableSegment] = []
    for is_written, lines in groupby(read.lines, key=lambda line: line.cells[0].table >= 0):
        if is_written:
            for _, rows in groupby(lines, key=lambda line: line.cells[0].table):
                segments.append(_written_segment(read, list(rows)))
        else:
            segments += _shown_segments(list(lines), read.page)
    return segments


def _without_headers_of_next(
    segments: list[TableSegment], lines: Sequence[LayoutLine]
) -> list[TableSegment]:
    """Take lines without numbers at the end of a part from it that stand nearer to the next."""
    for segment, following in pairwise(segments):
        own, first = segment.lines, lines.index(following.lines[0])
        between = lines[lines.index(own[-1]) + 1 : first]
        run = [*own, *between, lines[first]]
        gaps = [below.place[1] - above.place[3] for above, below in pairwise(run)]
        count = 0
        while count < min(_MAX_HEAD, len(run) - 3) and not _has_number(run[-2 - count]):
            count += 1
        cut = max(range(1, count + 1), key=lambda n: gaps[-1 - n], default=0)
        if cut > len(between) and gaps[-1 - cut] > _APART * max(0.0, *gaps[-cut:]):
            del own[len(between) - cut :]
            _settle(segment)
    return segments


def _has_number(line: LayoutLine) -> bool:
    return any(is_number(cell.text) for cell in line.cells)


def _written_segment(read: PageLines, lines: list[LayoutLine]) -> TableSegment:
    width = max(map(len, read.tables[lines[0].cells[0].table].rows))
    bands = [Band(at * COLUMN_WIDTH, (at + 0.9) * COLUMN_WIDTH) for at in range(width)]
    return TableSegment(read.page.number, lines, bands, is_written=True)


def _shown_segments(
    lines: Sequence[LayoutLine], page: DocumentPage, above: Sequence[Band] = ()
) -> Iterator[TableSegment]:
    at = 0
    while at < len(lines):
        seed = above if above and _stands_in(lines[at], page, above) else ()
        segment, end = _grown(lines, page, at, seed)
        if segment is None:
            at += 1
            continue
        _settle(segment)
        if not _is_prose(segment):
            above = ()
            yield segment
        at = end


def _stands_in(line: LayoutLine, page: DocumentPage, bands: Sequence[Band]) -> bool:
    """Return whether each cell of a line stands in a column of its own, of several."""
    own = TableSegment(line.page, [], list(bands))
    hits = [own.hits(cell) for cell in line.cells]
    single = {each[0] for each in hits if len(each) == 1}
    return len(single) == len(line.cells) > 1 or _is_tight(own, line, page)


def _is_tight(segment: TableSegment, line: LayoutLine, page: DocumentPage) -> bool:
    """Return whether the cells of a line stand so close that several are one, in known columns.

    Each of its cells is in a column, or can be cut between the words of its columns.
    """
    found: list[int] = []
    for cell in line.cells:
        hits = segment.hits(cell)
        if not hits or (len(hits) > 1 and not parted_cell(segment, cell, hits, page)):
            return False
        found += hits
    alone = len(set(found)) == len(found) > len(line.cells) > 1
    return alone and len(found) >= _MOST * len(segment.bands)


def _grown(
    lines: Sequence[LayoutLine], page: DocumentPage, start: int, seed: Sequence[Band] = ()
) -> tuple[TableSegment | None, int]:
    """Return the segment that begins at a line, and the number of the line behind it.

    It stands in the columns of `seed`, if there are any.
    """
    first = lines[start]
    if len(first.cells) < 2:
        return None, start + 1
    bands = [replace(band) for band in seed]
    bands = bands or [Band(cell.place[0], cell.place[2]) for cell in first.cells]
    segment = TableSegment(first.page, [first], bands, goes_on=bool(seed))
    segment.takes_tight(first, page)
    pending: list[LayoutLine] = []
    at = start + 1
    while at < len(lines) and len(pending) <= _MAX_PENDING:
        line = lines[at]
        above = (pending or segment.lines)[-1]
        height = _height(line)
        gap = (line.place[1] - above.place[3]) / height
        fits = _fits(segment, line) or segment.takes_tight(line, page)
        if fits and len(segment.lines) > 1 and _is_new_header(segment, lines, at):
            break
        near = _FAR if fits else _NEAR
        if gap > max(near, _WIDER * segment._far):
            break
        if fits:
            segment._far = max(segment._far, gap)
            segment.lines += [*pending, line]
            _widen(segment, line)
            pending = []
        elif _begins_another(segment, lines, at):
            break
        else:
            pending.append(line)
        at += 1
    if len(segment.lines) < 2 and (not seed or 2 * len(first.cells) < len(seed)):
        return None, start + 1
    end = start + len(segment.lines)
    while pending and _trails(segment, pending[0]):
        segment.lines.append(pending.pop(0))
        end += 1
    return segment, end


def _fits(segment: TableSegment, line: LayoutLine) -> bool:
    """Return whether the cells of a line stand in several columns, all but a few of them.

    Below a header, one is enough if there are as many cells: titles may stand beside their columns.
    """
    if len(line.cells) < 2:
        return False
    hits = [segment.hits(cell) for cell in line.cells]
    single = {each[0] for each in hits if len(each) == 1}
    if single and len(segment.lines) == 1 and _is_under(segment.lines[0], line):
        return True
    new = sum(not each for each in hits)
    across = sum(len(each) > 1 for each in hits)
    most = 2 * len(single) >= len(hits) - across and new <= _NEW * len(hits)
    return len(single) >= 2 and most


def _is_under(header: LayoutLine, line: LayoutLine) -> bool:
    """Return whether a line has a cell for each cell of one that has no numbers, and some."""
    numbers = [any(is_number(cell.text) for cell in each.cells) for each in (header, line)]
    return len(header.cells) == len(line.cells) and numbers == [False, True]


def _begins_another(segment: TableSegment, lines: Sequence[LayoutLine], at: int) -> bool:
    """Return whether a line that does not fit is the first of another part.

    The next lines with several cells then stand in its columns, and one of them in more of these
    than in those of the segment: titles may go on in a second line that tells neither.
    """
    line = lines[at]
    if len(line.cells) < 2 or _ends_above(segment, lines, at):
        return False
    bands = [Band(cell.place[0], cell.place[2]) for cell in line.cells]
    other = TableSegment(line.page, [line], bands)
    for below in lines[at + 1 : at + 4]:
        if len(below.cells) > 1:
            theirs, ours = _matches(other, below), _matches(segment, below)
            if theirs != ours or not _fits(other, below):
                return theirs > ours and _fits(other, below)
    return False


def _ends_above(segment: TableSegment, lines: Sequence[LayoutLine], at: int) -> bool:
    """Return whether a line is much nearer to a segment than to what follows, as a total is."""
    if at + 1 == len(lines):
        return True
    line, below = lines[at].place, lines[at + 1].place
    return _APART * max(_height(lines[at]), line[1] - segment.bottom) < below[1] - line[3]


def _is_new_header(segment: TableSegment, lines: Sequence[LayoutLine], at: int) -> bool:
    """Return whether a line without numbers has cells in no column, which the next lines are in."""
    line = lines[at]
    if _matches(segment, line) == len(line.cells) or _has_number(line):
        return False
    return _begins_another(segment, lines, at)


def _matches(segment: TableSegment, line: LayoutLine) -> int:
    hits = [segment.hits(cell) for cell in line.cells]
    return len({each[0] for each in hits if len(each) == 1})


def _widen(segment: TableSegment, line: LayoutLine) -> None:
    """Take the cells of a line into the columns, and open columns for those that are in none.

    Two cells below one of the first line are two columns, whose titles stand close.
    """
    hits = [segment.hits(cell) for cell in line.cells]
    firsts = [each[0] for each in hits if len(each) == 1]
    new: list[Band] = []
    parted: set[int] = set()
    for each, cell in zip(hits, line.cells, strict=True):
        left, _, right, _ = cell.place
        if len(each) == 1 and firsts.count(each[0]) > 1 and segment.bands[each[0]].count == 1:
            new.append(Band(left, right))
            parted.add(each[0])
        elif len(each) == 1:
            segment.bands[each[0]].add(left, right)
        elif not each:
            new.append(Band(left, right))
    if new:
        kept = [band for at, band in enumerate(segment.bands) if at not in parted]
        segment.bands = sorted([*kept, *new], key=lambda band: band.left)


def _trails(segment: TableSegment, line: LayoutLine) -> bool:
    """Return whether a line behind the last row continues it, or is a total below it."""
    height = _height(line)
    gap = (line.place[1] - segment.bottom) / height
    hits = [segment.hits(cell) for cell in line.cells]
    if len(line.cells) > 1:
        return gap <= _NEAR and any(len(each) == 1 for each in hits)
    left = line.cells[0].place[0]
    flush = any(abs(segment.bands[at].left - left) < height for each in hits for at in each[:1])
    return gap < 1.0 and len(hits[0]) == 1 and flush


def _settle(segment: TableSegment) -> None:
    """Tell the columns once more, from all lines, with those that many cells are in."""
    for band in segment.bands:
        band.count = 0
    edges = [(band.left, band.right) for band in segment.bands]
    for line in segment.lines:
        for cell in line.cells:
            hits = segment.hits(cell)
            for at in hits if len(hits) == 1 or line in segment._tight else ():
                segment.bands[at].count += 1
    kept = [at for at, band in enumerate(segment.bands) if band.count]
    segment.bands = [Band(*edges[at], segment.bands[at].count) for at in kept]


def _height(line: LayoutLine) -> float:
    return median(cell.height for cell in line.cells)


def _is_prose(segment: TableSegment) -> bool:
    """Return whether most columns are running text: most lines have words and reach the end."""
    prose = 0
    columns: dict[int, list[LineCell]] = {}
    for line in segment.lines:
        for cell in line.cells:
            for at in segment.hits(cell)[:1]:
                columns.setdefault(at, []).append(cell)
    for cells in columns.values():
        if len(cells) < _MIN_PROSE:
            continue
        words = median(len(cell.text.split()) for cell in cells)
        width = max(c.place[2] for c in cells) - min(c.place[0] for c in cells)
        full = sum(c.place[2] - c.place[0] >= _PROSE_WIDTH * width for c in cells)
        prose += words >= _PROSE_WORDS and full >= _PROSE_LINES * len(cells)
    return prose >= 2 and prose * 2 >= len(segment.bands)
