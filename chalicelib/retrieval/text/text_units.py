"""Units of a text: lines that belong together, such as a list item with its continuation.

Units follow each other, and together they have every line that has a visible character.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field

from chalicelib.retrieval.text.lines import (
    LineForm,
    TextLine,
    common_column,
    paragraphs,
    second_column,
    text_lines,
)

_DEEPER = 2
"""The fewest columns by which a definition is indented below its term."""
_CODE_INDENT = 4
_MAX_TERM = 100
_SHORT_LINE = 0.75
_FEWEST_FIELDS = 2
_FIELDS = {LineForm.FIELD, LineForm.KEY}
_PROSE = {LineForm.PROSE, LineForm.FIELD, LineForm.KEY}
_SETTINGS = {*_FIELDS, LineForm.ITEM, LineForm.SECTION, LineForm.HASH, LineForm.COMMENT}


class UnitKind(enum.Enum):
    """The kind of the lines of a unit."""

    PROSE = enum.auto()
    HEADING = enum.auto()
    SECTION = enum.auto()
    TERM = enum.auto()
    KEY = enum.auto()
    ITEM = enum.auto()
    FIELD = enum.auto()
    COLUMNS = enum.auto()
    ROW = enum.auto()
    QUOTE = enum.auto()
    COMMENT = enum.auto()
    CODE = enum.auto()
    RULE = enum.auto()


_MARKED = {
    LineForm.ROW: UnitKind.ROW,
    LineForm.SECTION: UnitKind.SECTION,
    LineForm.QUOTE: UnitKind.QUOTE,
    LineForm.COMMENT: UnitKind.COMMENT,
    LineForm.HASH: UnitKind.COMMENT,
}


@dataclass(frozen=True, slots=True)
class TextUnit:
    """A range of characters, from the first visible one to the last, and its first line."""

    kind: UnitKind
    start: int
    end: int
    indent: int
    gap: bool
    lines: int
    head: str
    column: int = 0
    """Where the text of a unit of columns begins, within `head`."""


@dataclass(slots=True)
class _Grouper:
    """Groups lines into units, from the first line to the last."""

    lines: Sequence[TextLine]
    units: list[TextUnit] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    """For each line, the index behind the last line of its paragraph."""
    fields: list[bool] = field(default_factory=list)
    """For each line, whether its paragraph consists of named values."""
    columns: list[int] = field(default_factory=list)
    widths: list[int] = field(default_factory=list)

    def run(self) -> list[TextUnit]:
        for group in paragraphs(self.lines):
            members = self.lines[group.start : group.stop]
            count = len(members)
            self.ends += [group.stop] * count
            self.fields += [_has_fields(members)] * count
            self.columns += [common_column(members)] * count
            self.widths += [max(line.width for line in members)] * count
        at = 0
        while at < len(self.lines):
            at = self._next(at)
        return self.units

    def _next(self, at: int) -> int:
        """Add the unit that begins with line `at`; return the index of the line behind it."""
        line = self.lines[at]
        if self._is_code(line):
            return self._add(UnitKind.CODE, at, self._indented(at))
        if line.form is LineForm.RULE:
            return self._rule(at)
        if line.form in _PROSE:
            return self._words(at)
        kind, behind = self._marked(at)
        return self._add(kind, at, behind)

    def _marked(self, at: int) -> tuple[UnitKind, int]:
        """Return the kind and the end of a unit that begins with a mark."""
        form = self.lines[at].form
        if form is LineForm.FENCE:
            return UnitKind.CODE, self._fenced(at)
        if form is LineForm.ITEM:
            return UnitKind.ITEM, self._item(at)
        behind = at + 1 if form in {LineForm.ROW, LineForm.SECTION} else self._run_of(at, form)
        if form is LineForm.HASH and not (self.fields[at] and behind < self.ends[at]):
            return UnitKind.HEADING, at + 1
        return _MARKED[form], behind

    def _words(self, at: int) -> int:
        """Add a unit that begins with a line of words."""
        line = self.lines[at]
        column = self.columns[at]
        if column and line.indent + _DEEPER <= column and second_column(line) == column:
            behind = at + 1
            while behind < self.ends[at] and self.lines[behind].indent + _DEEPER > column:
                behind += 1
            return self._add(UnitKind.COLUMNS, at, behind, column - line.indent)
        if self.fields[at] and line.form is LineForm.FIELD:
            return self._add(UnitKind.FIELD, at, self._deeper_prose(at))
        if line.form is LineForm.KEY and (self.fields[at] or self._leads(at)):
            return self._add(UnitKind.KEY, at, at + 1)
        if self._is_term(at):
            return self._add(UnitKind.TERM, at, at + 1)
        return self._add(UnitKind.PROSE, at, self._prose(at))

    def _add(self, kind: UnitKind, first: int, behind: int, column: int = 0) -> int:
        line, last = self.lines[first], self.lines[behind - 1]
        self.units.append(
            TextUnit(
                kind,
                line.start,
                last.end,
                line.indent,
                line.gap,
                behind - first,
                line.head,
                column,
            )
        )
        return behind

    def _fenced(self, at: int) -> int:
        """Return the index behind the closing fence, or behind the paragraph if none closes."""
        mark = self.lines[at].head[:3]
        for behind in range(at + 1, len(self.lines)):
            line = self.lines[behind]
            if line.form is LineForm.FENCE and line.head.startswith(mark):
                return behind + 1
        return self.ends[at]

    def _is_code(self, line: TextLine) -> bool:
        """Return whether an indented block begins at `line`, below prose and a blank line."""
        if not (line.gap and self.units) or line.form in {LineForm.ITEM, LineForm.ROW}:
            return False
        above = self.units[-1]
        if above.kind not in {UnitKind.PROSE, UnitKind.KEY}:
            return False
        return line.indent >= above.indent + _CODE_INDENT

    def _indented(self, at: int) -> int:
        indent = self.lines[at].indent
        behind = at + 1
        while behind < len(self.lines) and self.lines[behind].indent >= indent:
            behind += 1
        return behind

    def _rule(self, at: int) -> int:
        """Join a line of punctuation with the title above it, if there is one."""
        line = self.lines[at]
        above = self.units[-1] if self.units else None
        titles = {UnitKind.PROSE, UnitKind.TERM, UnitKind.KEY, UnitKind.FIELD}
        if (
            above is not None
            and not line.gap
            and above.kind in titles
            and above.lines == 1
            and len(set(line.head)) == 1
            and line.end - line.start + 1 >= above.end - above.start
        ):
            self.units[-1] = TextUnit(
                UnitKind.HEADING,
                above.start,
                line.end,
                above.indent,
                above.gap,
                above.lines + 1,
                above.head,
            )
            return at + 1
        return self._add(UnitKind.RULE, at, at + 1)

    def _run_of(self, at: int, form: LineForm) -> int:
        behind = at + 1
        while behind < self.ends[at] and self.lines[behind].form is form:
            behind += 1
        return behind

    def _item(self, at: int) -> int:
        """Return the index behind a list item: deeper lines belong to it, and wrapped ones."""
        line = self.lines[at]
        behind = at + 1
        while behind < self.ends[at]:
            following = self.lines[behind]
            if following.form not in _PROSE or (
                self.fields[at] and following.form in _FIELDS and following.indent > line.indent
            ):
                break
            if following.indent <= line.indent and self._stands_alone(behind - 1):
                break
            behind += 1
        return behind

    def _deeper_prose(self, at: int) -> int:
        behind = at + 1
        while behind < self.ends[at]:
            following = self.lines[behind]
            if following.form is not LineForm.PROSE or following.indent <= self.lines[at].indent:
                break
            behind += 1
        return behind

    def _leads(self, at: int) -> bool:
        """Return whether a line that ends with a colon stands before something deeper or apart."""
        if at + 1 == len(self.lines):
            return False
        following = self.lines[at + 1]
        return (
            following.gap
            or following.indent > self.lines[at].indent
            or (following.form in {LineForm.ITEM, LineForm.FENCE})
        )

    def _is_term(self, at: int) -> bool:
        """Return whether the lines below `at` are indented as its definition."""
        line = self.lines[at]
        if at + 1 >= self.ends[at] or line.end - line.start > _MAX_TERM:
            return False
        following = self.lines[at + 1]
        if following.indent < line.indent + _DEEPER or following.form is LineForm.RULE:
            return False
        if line.head[-1] in ".;!?":
            return False
        wraps = following.head[0].islower() and line.width > _SHORT_LINE * self.widths[at]
        return not wraps or line.head[0] == "-"

    def _prose(self, at: int) -> int:
        """Return the index behind a paragraph of prose, which a term or a list may end."""
        behind = at + 1
        while behind < self.ends[at]:
            following = self.lines[behind]
            if following.form not in _PROSE:
                break
            if self.fields[at] and following.form in _FIELDS:
                break
            if following.form is LineForm.KEY and self._leads(behind):
                break
            if following.indent < self.lines[behind - 1].indent and behind > at + 1:
                break
            if self._is_term(behind) and self._stands_alone(behind - 1):
                break
            column = self.columns[behind]
            if column and second_column(following) == column:
                break
            behind += 1
        return behind

    def _stands_alone(self, at: int) -> bool:
        """Return whether the writer broke the line after line `at`, not the margin."""
        opens = self.lines[at + 1].head[0]
        opens_anew = opens.isupper() or opens.isdigit() or not opens.isalnum()
        return opens_anew and self.lines[at].width < _SHORT_LINE * self.widths[at]


def text_units(text: str) -> list[TextUnit]:
    """Return the units of `text` in order."""
    return _Grouper(text_lines(text)).run()


def _has_fields(lines: Sequence[TextLine]) -> bool:
    """Return whether a paragraph consists of named values, comments and items aside."""
    base = min(line.indent for line in lines)
    fields = sum(line.form in _FIELDS for line in lines)
    prose = sum(line.form is LineForm.PROSE and line.indent == base for line in lines)
    settings = all(line.form in _SETTINGS for line in lines)
    if settings and any(line.form is LineForm.FIELD for line in lines):
        return True
    return fields >= _FEWEST_FIELDS and prose <= fields
