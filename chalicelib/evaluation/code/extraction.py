"""The code in an answer: within Markdown's fences, between prose, or the rest of a program."""

from __future__ import annotations

import ast
import re

_FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1`*[ \t]*$|\Z)", re.M | re.S
)
_NOT_PYTHON = frozenset({"bash", "console", "json", "output", "sh", "shell", "text", "txt"})
_STARTS = re.compile(r"^(?:async\s+def|def|class|import|from|@)\b|^@", re.M)
_GOES_ON = re.compile(
    r"^(?:\s|$|#|@|[)\]}]|(?:async|def|class|import|from|if|elif|else|for|while|try|except|finally"
    r"|with|return|raise|assert|del|global)\b|[A-Za-z_][\w.\[\]]*\s*(?::[^=]+)?[-+*/|&]?=)"
)
"""A line of a program that is not prose: empty, indented, or one that begins as Python does."""
INDENT = "    "
_MAX_ENDS = 20
"""Ends of a program that are tried."""


def extract_code(text: str, entry_point: str, goes_on: str = "") -> str:
    """Return the program in an answer.

    Of several fenced blocks it is the first that defines `entry_point`, else the first of Python.
    An answer without such a definition is read as the rest of `goes_on`, if that is given.
    """
    blocks = [
        body for _, language, body in _FENCE.findall(text) if language.lower() not in _NOT_PYTHON
    ]
    defines = re.compile(rf"^(?:async\s+)?def\s+{entry_point}\b|^{entry_point}\s*=", re.M)
    code = next((block for block in blocks if defines.search(block)), blocks[0] if blocks else text)
    if defines.search(code):
        return code if blocks else _program(code)
    return goes_on + _body(code) if goes_on else _program(code)


def _program(text: str) -> str:
    """Return a program without the prose before and after it."""
    start = _STARTS.search(text)
    if start is None:
        return text
    lines = text[start.start() :].splitlines()
    ends = [at for at, line in enumerate(lines) if not _GOES_ON.match(line)]
    programs = ("\n".join(lines[:end]) + "\n" for end in (*ends[:_MAX_ENDS], len(lines)))
    whole = "\n".join(lines[: ends[0]]) + "\n" if ends else text[start.start() :]
    return next(filter(_is_program, programs), whole)


def _is_program(text: str) -> bool:
    """Tell whether a text can be parsed: a line that looks like prose may be within brackets."""
    try:
        ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _body(text: str) -> str:
    """Return what belongs to a function whose head came before: all that is indented.

    A first line may have lost its indent to who trims answers.
    """
    lines = text.strip("\n").splitlines()
    if lines and not lines[0].startswith((" ", "\t")):
        lines[0] = INDENT + lines[0]
    end = next((at for at, line in enumerate(lines) if line and not line[0].isspace()), len(lines))
    return "\n".join(lines[:end]) + "\n"
