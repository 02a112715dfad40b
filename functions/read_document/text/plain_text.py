"""Plain text by paragraphs, and source code with its definitions as headings."""

from __future__ import annotations

import re

from chalicelib.contracts.ingest import Page
from chalicelib.documents.pages import Block, clean
from chalicelib.documents.tables import table_blocks
from functions.read_document.text.drawn_tables import drawn_table


def blocks(text: str) -> list[Block]:
    """Return the paragraphs of `text`, separated by blank lines and form feeds, and its tables."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").split("\n")
    found: list[Block] = []
    paragraph: list[str] = []
    at = 0
    while at < len(lines):
        table = None if paragraph or not lines[at].strip() else drawn_table(lines, at)
        if table is not None:
            found += table_blocks(table.rows, header=table.header)
            at = table.behind
            continue
        if lines[at].strip():
            paragraph.append(lines[at])
        elif paragraph:
            found.append(Block("\n".join(paragraph)))
            paragraph = []
        at += 1
    return [*found, Block("\n".join(paragraph))] if paragraph else found


_MAX_LINE = 400
"""A longer line is data, or minified code: it has no definition that a reader looks for."""


_DEFINITION = re.compile(
    r"""(?:(?:export|default|public|private|protected|internal|abstract|final|static|sealed|async
        |pub(?:\([a-z]+\))?|open|data|override|inline|unsafe|extern|const|declare|partial)\s+)*
    (?:class|interface|struct|enum|trait|impl|module|namespace|object|protocol|extension|record
        |def|func|function|fn|fun|sub|proc|procedure|macro_rules!|type
        |(?i:CREATE\s+(?:OR\s+REPLACE\s+)?(?:TABLE|VIEW|FUNCTION|PROCEDURE|TRIGGER)
            (?:\s+IF\s+NOT\s+EXISTS)?))
    (?:<[^>\n]{0,80}>)?\s+(?:\([^)\n]{0,80}\)\s*)?
    [A-Za-z_$][\w$.:-]{0,100}(?<![.:-])""",
    re.VERBOSE,
)


_FUNCTION_OF_C = re.compile(
    r"(?!(?:if|for|while|switch|return|else|do|case|typedef|new|using)\b)"
    r"[A-Za-z_][\w*&:<>, ]{0,100}?[ *&](?P<name>[A-Za-z_~][\w:~]{0,100}) ?\([^;{}]{0,300}$"
)


_FUNCTION_OF_SHELL = re.compile(r"(?P<name>[A-Za-z_][\w-]{0,100}) ?\(\)\s*\{?\s*$")


_SECTION = re.compile(r"\[+([^\[\]\n]{1,100})\]+\s*$|\\(?:sub)*section\*?\{([^}\n]{1,200})\}")


_COMMENT_OR_DECORATOR = re.compile(r"@|#\[|//|#|--|/\*| \*|\*/|template *<")
"""The beginning of a line that belongs to the definition below it: a decorator or a comment."""


def code_page(text: str) -> Page:
    """Return source code as page 1, with a heading at each definition or its comment."""
    text = clean(text.replace("\f", "\n"))
    headings: list[tuple[int, str]] = []
    at, above = 0, -1
    for line in text.split("\n"):
        title = _definition(line)
        if title:
            headings.append((above if above >= 0 else at, title))
        if title or not _COMMENT_OR_DECORATOR.match(line):
            above = -1
        elif above < 0:
            above = at
        at += len(line) + 1
    return Page(page=1, text=text, headings=tuple(headings))


def _definition(line: str) -> str:
    """Return the name that `line` defines, "" if it defines nothing."""
    if not line or line[0] in " \t})" or len(line) > _MAX_LINE:
        return ""
    if match := _DEFINITION.match(line):
        return " ".join(match.group().split())
    if match := _FUNCTION_OF_C.match(line) or _FUNCTION_OF_SHELL.match(line):
        return f"{match['name']}()"
    if match := _SECTION.match(line):
        return (match[1] or match[2]).strip()
    return ""
