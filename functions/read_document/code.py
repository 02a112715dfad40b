"""Source code: as it stands, with the names of what its top level defines as headings.

What a line at the left margin defines is told by the words that most languages share; a language
without such lines has no headings.
"""

from __future__ import annotations

import re

from chalicelib.contracts.ingest import Page
from functions.read_document.pages import clean

_MAX_LINE = 400
"""A longer line is data, or a program made small: it defines nothing that a reader looks for."""

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
_ABOVE = re.compile(r"@|#\[|//|#|--|/\*| \*|\*/|template *<")
"""Begins a line that belongs to the definition below it: a decorator or a comment."""


def page(text: str) -> Page:
    """Return source code as page 1; a heading stands where a definition or its comment begins."""
    text = clean(text.replace("\f", "\n"))
    headings: list[tuple[int, str]] = []
    at, above = 0, -1
    for line in text.split("\n"):
        title = _title(line)
        if title:
            headings.append((above if above >= 0 else at, title))
        if title or not _ABOVE.match(line):
            above = -1
        elif above < 0:
            above = at
        at += len(line) + 1
    return Page(page=1, text=text, headings=tuple(headings))


def _title(line: str) -> str:
    """Return what `line` defines, "" if it defines nothing."""
    if not line or line[0] in " \t})" or len(line) > _MAX_LINE:
        return ""
    if found := _DEFINITION.match(line):
        return " ".join(found.group().split())
    if found := _FUNCTION_OF_C.match(line) or _FUNCTION_OF_SHELL.match(line):
        return f"{found['name']}()"
    if found := _SECTION.match(line):
        return (found[1] or found[2]).strip()
    return ""
