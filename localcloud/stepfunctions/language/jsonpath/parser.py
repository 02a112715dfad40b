"""Parse JSONPath with the grammar of Jayway's library, which Step Functions uses.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Final

from localcloud.stepfunctions.language.jsonpath.nodes import (
    FUNCTIONS,
    OPERATORS,
    AndPredicate,
    ChildSegment,
    ComparisonPredicate,
    DescendantSegment,
    ExistsPredicate,
    FilterSegment,
    FunctionSegment,
    IndexSegment,
    JsonPath,
    LiteralOperand,
    NotPredicate,
    Operand,
    OrPredicate,
    PathSyntaxError,
    Predicate,
    RegexOperand,
    Segment,
    SliceSegment,
    WildcardSegment,
)
from localcloud.stepfunctions.language.values import Json


class Scanner:
    """A text and the position up to which it has been read."""

    def __init__(self, text: str) -> None:
        """Begin at the start of `text`."""
        self.text = text
        self.at = 0

    def complaint(self, why: str) -> str:
        """Return `why` with the position in the text."""
        return f"{why} at position {self.at} of '{self.text}'"

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read and return what `pattern` matches here, or None."""
        match = pattern.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def skip(self, symbol: str) -> bool:
        """Skip spaces and then `symbol`; return False and read nothing without the symbol."""
        start = self.at
        while self.text[start : start + 1].isspace():
            start += 1
        if self.text.startswith(symbol, start):
            self.at = start + len(symbol)
            return True
        return False


@lru_cache(maxsize=4096)
def parse(text: str) -> JsonPath:
    """Parse a whole path that starts at `$`, `$$` or `$name`; raise `PathSyntaxError`."""
    reader = _PathParser(text)
    path = reader.path()
    if reader.at != len(text):
        raise reader.error("unexpected character")
    if path.root == "@":
        raise reader.error("'@' stands in filters only")
    return path


_ROOT: Final = re.compile(r"\$\$|\$[^\W\d]\w*|[$@]")
_NAME: Final = re.compile(r"[^.\[\]()\s,'\"<>=!&|]+")
_FUNCTION: Final = re.compile(r"\.(\w+)\(\s*\)")
_INDICES: Final = re.compile(r"\[\s*(-?\d+(?:\s*,\s*-?\d+)*)\s*\]")
_SLICE: Final = re.compile(r"\[\s*(-?\d+)?\s*:\s*(-?\d+)?\s*\]")
_ANY: Final = re.compile(r"\[\s*\*\s*\]|\.\*")
_FILTER: Final = re.compile(r"\[\s*\?\s*\(")
_FILTER_END: Final = re.compile(r"\s*\)\s*\]")
_QUOTED: Final = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"")
_REGEX: Final = re.compile(r"/((?:[^/\\]|\\.)*)/([ims]*)")
_SCALAR: Final = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true\b|false\b|null\b")
_WORDS: Final = re.compile("|".join(re.escape(word) for word in OPERATORS))
_FLAGS: Final = {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}


class _PathParser(Scanner):
    """Reads a path from left to right."""

    def error(self, why: str) -> PathSyntaxError:
        return PathSyntaxError(self.complaint(why))

    def path(self) -> JsonPath:
        root = self.take(_ROOT)
        if root is None:
            raise self.error("a path starts with '$'")
        name = root.group()
        segments: list[Segment] = []
        while (segment := self.segment()) is not None:
            if segments and isinstance(segments[-1], FunctionSegment):
                raise self.error("a function ends a path")
            segments.append(segment)
        if segments and isinstance(segments[-1], DescendantSegment):
            raise self.error("'..' must be followed by something")
        return JsonPath(name if name in {"$", "$$", "@"} else name[1:], tuple(segments))

    def segment(self) -> Segment | None:
        if self.text.startswith("..", self.at):
            # The second dot is left for the name that follows; a bracket needs none.
            self.at += 1 if self.text[self.at + 2 : self.at + 3] != "[" else 2
            return DescendantSegment()
        if self.text.startswith(".", self.at):
            return self.dotted()
        if self.text.startswith("[", self.at):
            return self.bracketed()
        return None

    def dotted(self) -> Segment:
        if self.take(_ANY):
            return WildcardSegment()
        if function := self.take(_FUNCTION):
            if function.group(1) not in FUNCTIONS:
                raise self.error(f"unknown function '{function.group(1)}()'")
            return FunctionSegment(function.group(1))
        self.at += 1
        if self.text.startswith("[", self.at):
            return self.bracketed()
        name = self.take(_NAME)
        if name is None:
            raise self.error("a name is missing")
        return ChildSegment((name.group(),))

    def bracketed(self) -> Segment:
        if self.take(_ANY):
            return WildcardSegment()
        if indices := self.take(_INDICES):
            return IndexSegment(tuple(int(index) for index in indices.group(1).split(",")))
        if bounds := self.take(_SLICE):
            start, stop = bounds.groups()
            return SliceSegment(int(start) if start else None, int(stop) if stop else None)
        if self.take(_FILTER):
            predicate = self.either()
            if not self.take(_FILTER_END):
                raise self.error("')]' is missing")
            return FilterSegment(predicate)
        return self.names()

    def names(self) -> Segment:
        self.at += 1
        names = [self.quoted()]
        while self.skip(","):
            names.append(self.quoted())
        if not self.skip("]"):
            raise self.error("']' is missing")
        return ChildSegment(tuple(names))

    def quoted(self) -> str:
        """Read a quoted name; a backslash escapes its own quote and itself, and nothing else."""
        self.skip("")
        match = self.take(_QUOTED)
        if match is None:
            raise self.error("a quoted name is missing")
        single, double = match.groups()
        if single is not None:
            return re.sub(r"\\(['\\])", r"\1", single)
        return re.sub(r"\\([\"\\])", r"\1", double)

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.skip("||"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else OrPredicate(tuple(parts))

    def both(self) -> Predicate:
        parts = [self.predicate()]
        while self.skip("&&"):
            parts.append(self.predicate())
        return parts[0] if len(parts) == 1 else AndPredicate(tuple(parts))

    def predicate(self) -> Predicate:
        if self.skip("!"):
            return NotPredicate(self.predicate())
        if self.skip("("):
            inner = self.either()
            if not self.skip(")"):
                raise self.error("')' is missing")
            return inner
        left = self.operand()
        self.skip("")
        operator = self.take(_WORDS)
        if operator is not None:
            return ComparisonPredicate(left, operator.group(), self.operand())
        if isinstance(left, JsonPath):
            return ExistsPredicate(left)
        raise self.error("a comparison is missing")

    def operand(self) -> Operand:
        self.skip("")
        if self.text[self.at : self.at + 1] in {"$", "@"}:
            return self.path()
        if regex := self.take(_REGEX):
            return self.regex(regex)
        if self.text.startswith("[", self.at):
            return self.structure()
        if scalar := self.take(_SCALAR):
            return LiteralOperand(json.loads(scalar.group()))
        return LiteralOperand(self.quoted())

    def regex(self, match: re.Match[str]) -> RegexOperand:
        flags = sum(_FLAGS[flag] for flag in set(match.group(2)))
        try:
            return RegexOperand(re.compile(match.group(1), flags))
        except re.error as problem:
            raise self.error(f"bad regular expression ({problem})") from problem

    def structure(self) -> LiteralOperand:
        """Read an array of literals."""
        self.at += 1
        values: list[Json] = []
        while not self.skip("]"):
            value = self.operand()
            if not isinstance(value, LiteralOperand):
                raise self.error("an array holds literals")
            values.append(value.value)
            if not self.skip(",") and not self.text[self.at :].lstrip().startswith("]"):
                raise self.error("']' is missing")
        return LiteralOperand(values)
