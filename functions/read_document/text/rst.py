"""reStructuredText: its text without the marks, with its headings, tables and definitions.

Lines and indentation stay as they are, since they show what belongs together. Inline marks,
comments, targets and options of directives are left out.
https://docutils.sourceforge.io/docs/ref/rst/restructuredtext.html
"""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass, field

from chalicelib.documents.pages import Block
from chalicelib.documents.tables import table_blocks
from functions.read_document.text.drawn_tables import DrawnTable, drawn_table

_ADORNMENT = re.compile(r"([!-/:-@\[-`{-~])\1*")
_DIRECTIVE = re.compile(r"\.\. +(?:\|[^|\n]+\| +)?([\w:+.-]+)::(?: +(.*)|$)")
_FOOTNOTE = re.compile(r"\.\. +(\[[^\]\n]+\]) +(.*)")
_TARGET = re.compile(r"\.\. +_([^:\n]+):")
_SUBSTITUTION = re.compile(
    r"^[ \t]*\.\. +\|([^|\n]+)\| +(?:replace|unicode):: +(.+)$", re.MULTILINE
)
_OPTION = re.compile(r":[\w-]+:(?: |$)")
_UNSEEN = frozenset(
    """toctree contents index raw highlight include meta automodule autoclass autofunction
    currentmodule module testsetup testcleanup default-role role sectnum tabularcolumns only
    py:module py:currentmodule image literalinclude program""".split()  # noqa: SIM905
)
_CODE = frozenset(
    """code code-block sourcecode parsed-literal prompt testcode testoutput doctest console
    math ipython""".split()  # noqa: SIM905
)
_CHANGES = {
    "versionadded": "New in version",
    "versionchanged": "Changed in version",
    "deprecated": "Deprecated since version",
}
_CODE_INDENT = 4
_TABLES = frozenset({"table", "csv-table", "list-table", "figure"})

_LITERAL = re.compile(r"``(?=\S)(.{1,400}?)(?<=\S)``(?!`)", re.DOTALL)
_ROLE = re.compile(r"(?::[\w+.:-]{1,40}:)?`([^`]{1,400})`(?:__?(?!\w)|:[\w+.-]{1,40}:)?")
_TITLED = re.compile(r"(.*?)\s*<[^<>]*>", re.DOTALL)
_STRONG = re.compile(r"(?<![\w*\\])\*\*(?=[^\s*])([^*]{1,400}?)(?<=\S)\*\*(?![\w*])")
_EMPHASIS = re.compile(r"(?<![\w*\\/.])\*(?=[^\s*])([^*]{1,400}?)(?<=\S)\*(?![\w*])")
_NOTE_MARK = re.compile(r"(\[[^\]\n]{1,40}\])_(?!\w)")
_REFERENCE = re.compile(r"(?<![\w`])([A-Za-z0-9][\w.+-]{0,80}?)__?(?![\w`])")
_REPLACED = re.compile(r"\|([^|\n]{1,80})\|_?")
_ESCAPE = re.compile(r"\\([^\w\n])")


@dataclass(slots=True)
class _BlockWriter:
    """Collects blocks from lines; `targets` and `replaced` are what references refer to."""

    lines: list[str]
    targets: frozenset[str]
    replaced: dict[str, str]
    blocks: list[Block] = field(default_factory=list)
    styles: list[tuple[str, bool]] = field(default_factory=list)
    """The adornments of titles, by level."""

    def run(self) -> list[Block]:
        at = 0
        while at < len(self.lines):
            at = self._next(at) if self.lines[at].strip() else at + 1
        return self.blocks

    def _next(self, at: int) -> int:
        """Add what begins with line `at`; return the index of the line behind it."""
        line = self.lines[at].strip()
        if line.startswith(".. ") or line == "..":
            return self._explicit(at, line)
        if table := drawn_table(self.lines, at):
            return self._table(table)
        return self._title(at) or self._paragraph(at)

    def _table(self, table: DrawnTable) -> int:
        rows = [[self._inline(cell) for cell in row] for row in table.rows]
        header = [self._inline(cell) for cell in table.header] if table.header else None
        self.blocks += table_blocks(rows, header=header)
        return table.behind

    def _title(self, at: int) -> int:
        """Add a title and return the index behind it, 0 if none begins at line `at`."""
        over = _is_adornment(self.lines[at]) and at + 2 < len(self.lines)
        if over and _is_adornment(self.lines[at + 2]):
            title, mark = self.lines[at + 1].strip(), self.lines[at].strip()
            behind = at + 3
            over = mark[0] == self.lines[at + 2].strip()[0]
        else:
            over, behind = False, at + 2
            title = self.lines[at].rstrip()
            mark = self.lines[at + 1].rstrip() if at + 1 < len(self.lines) else ""
            if title != title.lstrip():
                return 0
        if not title or not _is_adornment(mark) or (not over and len(mark) + 1 < len(title)):
            return 0
        style = (mark[0], over)
        if style not in self.styles:
            self.styles.append(style)
        self.blocks.append(Block(self._inline(title), min(self.styles.index(style) + 1, 6)))
        return behind

    def _explicit(self, at: int, line: str) -> int:
        """Add a directive or a footnote; leave out a comment or a target."""
        indent = _indent(self.lines[at])
        space = " " * indent
        if footnote := _FOOTNOTE.match(line):
            return self._paragraph(at, f"{space}{footnote[1]} {footnote[2]}")
        directive = _DIRECTIVE.match(line)
        if directive is None or _SUBSTITUTION.match(line):
            return self._body_end(at + 1, indent)
        name, argument = directive[1], self._inline(directive[2] or "")
        behind = at + 1
        while behind < len(self.lines) and (
            _OPTION.match(option := self.lines[behind].strip())
            and _indent(self.lines[behind]) > indent
        ):
            if name in {"image", "figure"} and option.startswith(":alt:"):
                self.blocks.append(Block(space + option[len(":alt:") :].strip()))
            behind += 1
        if name in _UNSEEN:
            return self._body_end(behind, indent)
        if name in _CODE:
            return self._code(behind, indent)
        if name in _TABLES:
            if argument and name != "figure":
                self.blocks.append(Block(space + argument))
            return behind
        return self._described(name, argument, behind, indent)

    def _described(self, name: str, argument: str, behind: int, indent: int) -> int:
        """Add an admonition or a definition: its line, above its body where that is."""
        title = _CHANGES.get(name) or f"{name.rpartition(':')[2].capitalize()}:"
        end = self._body_end(behind, indent)
        has_body = any(line.strip() for line in self.lines[behind:end])
        shown = argument or title
        if argument and (not has_body or name in _CHANGES):
            shown = f"{title} {argument}"
        self.lines[behind - 1] = f"{' ' * indent}{shown}"
        while behind < end and not self.lines[behind].strip():
            behind += 1
        following = self._paragraph_lines(behind) if has_body else []
        self.blocks.append(Block("\n".join([f"{' ' * indent}{shown}", *following])))
        return behind + len(following)

    def _paragraph_lines(self, at: int) -> list[str]:
        """Return the paragraph at line `at` if it is prose that may stand right below its term."""
        behind = at
        while behind < len(self.lines) and self.lines[behind].strip():
            behind += 1
        text = self._inline("\n".join(self.lines[at:behind]))
        is_plain = not self.lines[at].strip().startswith("..") and not text.endswith("::")
        return text.split("\n") if is_plain and not drawn_table(self.lines, at) else []

    def _paragraph(self, at: int, first: str = "") -> int:
        """Add the lines up to a blank one, and the literal block that they announce."""
        behind = at + 1
        while behind < len(self.lines) and self.lines[behind].strip():
            if self.lines[behind].lstrip().startswith(".. "):
                break
            behind += 1
        lines = [first or self.lines[at], *self.lines[at + 1 : behind]]
        text = "\n".join(lines)
        if lines[0].lstrip().startswith(">>>"):
            self.blocks.append(Block(text))
            return behind
        literal = text.endswith("::")
        text = text[:-1] if literal else text
        if text.strip() != ":":
            self.blocks.append(Block(self._inline(text)))
        if literal:
            return self._code(behind, min(map(_indent, lines[-1:])))
        return behind

    def _code(self, at: int, indent: int) -> int:
        """Add the deeper lines from `at` on as they are."""
        end = self._body_end(at, indent)
        text = textwrap.dedent("\n".join(self.lines[at:end])).strip("\n")
        if text.strip():
            self.blocks.append(Block(textwrap.indent(text, " " * (indent + _CODE_INDENT))))
        return end

    def _body_end(self, at: int, indent: int) -> int:
        """Return the index behind the lines from `at` on that are blank or deeper than `indent`."""
        while at < len(self.lines) and (
            not self.lines[at].strip() or _indent(self.lines[at]) > indent
        ):
            at += 1
        return at

    def _inline(self, text: str) -> str:
        """Return `text` without the marks within it; literals stay as they are."""
        parts = _LITERAL.split(text)
        parts[::2] = map(self._unmarked, parts[::2])
        return "".join(parts)

    def _unmarked(self, text: str) -> str:
        text = _ROLE.sub(_shown, text)
        text = _STRONG.sub(r"\1", text)
        text = _EMPHASIS.sub(r"\1", text)
        text = _NOTE_MARK.sub(r"\1", text)
        text = _REFERENCE.sub(self._referred, text)
        text = _REPLACED.sub(lambda match: self.replaced.get(match[1], match[0]), text)
        return _ESCAPE.sub(lambda match: "" if match[1] == " " else match[1], text)

    def _referred(self, match: re.Match[str]) -> str:
        return match[1] if match[1].lower() in self.targets else match[0]


def blocks(text: str) -> list[Block]:
    """Return the text of a reStructuredText document in blocks."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").expandtabs(8)
    targets = frozenset(match[1].strip("`").lower() for match in _TARGET.finditer(text))
    replaced = {match[1]: match[2] for match in _SUBSTITUTION.finditer(text)}
    return _BlockWriter(text.split("\n"), targets, replaced).run()


def _is_adornment(line: str) -> bool:
    mark = line.strip()
    return len(mark) > 1 and _ADORNMENT.fullmatch(mark) is not None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _shown(match: re.Match[str]) -> str:
    """Return what a reader sees of an interpreted text: its title, or the last part of `~a.b`."""
    text = match[1]
    if titled := _TITLED.fullmatch(text):
        return titled[1] or text.strip("<>")
    return text.rpartition(".")[2] if text.startswith("~") else text.removeprefix("!")
