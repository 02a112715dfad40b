"""Regular expressions of JSON Schemas, matched by RE2 in time linear in the text.

Python's own engine backtracks, and some patterns of callers would take exponential time. JSON
Schema's patterns are those of ECMA-262; RE2 lacks only those that need backtracking. Constructs
that RE2 has beyond them are refused, so that a schema means the same to every validator.
https://json-schema.org/draft/2020-12/json-schema-core#section-6.4
https://github.com/google/re2/wiki/Syntax
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

MAX_MEMORY = 8 << 20
"""The most bytes of one compiled pattern and its caches."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_BEYOND_ECMA = re.compile(r"\(\?P|\(\?[a-zA-Z-]+[:)]|\[\[:|[*+?}]\?\?")
_ESCAPES_BEYOND_ECMA = frozenset("AaCEGQXZzu")


class PatternError(ValueError):
    """Raised when a pattern is invalid or uses a construct that we do not support."""


@functools.lru_cache(maxsize=128)
def compile_pattern(pattern: str) -> CompiledPattern:
    """Return `pattern`, compiled for searching. Raises `PatternError`."""
    import re2

    options = re2.Options()
    options.max_mem, options.log_errors = MAX_MEMORY, False
    if _BEYOND_ECMA.search(_ESCAPE.sub("", pattern)):
        raise PatternError("it uses syntax that ECMA-262 does not have")
    try:
        return CompiledPattern(re2.compile(_ESCAPE.sub(_translate, pattern), options))
    except re2.error as error:
        (reason,) = error.args
        raise PatternError(reason.decode(errors="replace")) from error
    except UnicodeEncodeError as error:
        raise PatternError(str(error)) from error


@dataclass(frozen=True, slots=True)
class CompiledPattern:
    """A pattern that RE2 compiled."""

    compiled: Any

    def search(self, text: str) -> bool:
        """Return whether the pattern occurs anywhere in `text`.

        Half of a surrogate pair, which UTF-8 cannot hold, counts as U+FFFD.
        """
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return self.compiled.search(whole) is not None


def _translate(escape: re.Match[str]) -> str:
    """Return an escape of ECMA-262 as RE2 writes it."""
    if escape[1] is not None:
        return rf"\x{{{escape[1]}}}"
    if escape[2] in _ESCAPES_BEYOND_ECMA:
        raise PatternError(f"\\{escape[2]} is not of ECMA-262")
    return escape[0]
