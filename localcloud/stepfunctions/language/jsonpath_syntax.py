"""The grammar of JSONPath as Jayway's library reads it, which is what Step Functions runs.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from localcloud.stepfunctions.language.scanner import Scanner
from localcloud.stepfunctions.language.values import Json

FUNCTIONS: Final = frozenset(
    {"length", "size", "keys", "min", "max", "avg", "sum", "stddev", "first", "last"}
)
OPERATORS: Final = (
    "==",
    "!=",
    "<=",
    ">=",
    "=~",
    "<",
    ">",
    "subsetof",
    "contains",
    "noneof",
    "anyof",
    "empty",
    "size",
    "nin",
    "in",
)


class PathSyntaxError(Exception):
    """The text is not a path; `str()` says why and where."""


@dataclass(frozen=True, slots=True)
class Child:
    """`.name`, `['name']` or `['one','two']`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`[0]`, `[-1]` or `[0,2]`."""

    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Slice:
    """`[1:3]`; there is no step."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """`.*` or `[*]`."""


@dataclass(frozen=True, slots=True)
class Descend:
    """`..`: what follows applies to the value and all that is in it."""


@dataclass(frozen=True, slots=True)
class Function:
    """`.length()` and the like, at the end of a path."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a filter."""

    value: Json


@dataclass(frozen=True, slots=True)
class Regex:
    """`/pattern/i` in a filter."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Exists:
    """A path alone in a filter."""

    path: Path


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right`."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class Negate:
    """`!(…)`."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class Both:
    """`… && …`."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """`… || …`."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """`[?(…)]`."""

    predicate: Predicate


Segment: TypeAlias = Child | Index | Slice | Wildcard | Descend | Function | Filter


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `root` is `$`, `$$`, `@` or the name of a variable."""

    root: str
    segments: tuple[Segment, ...]

    @property
    def is_definite(self) -> bool:
        """Whether the path leads to one value, and not to a list of them."""
        last = len(self.segments) - 1
        if self.segments and isinstance(self.segments[last], Function):
            return True
        return all(
            leads_on_alone(part, is_leaf=at == last) for at, part in enumerate(self.segments)
        )

    @property
    def is_reference(self) -> bool:
        """Whether this is a reference path, which names one place that could be written."""
        return all(
            (isinstance(part, Child) and len(part.names) == 1)
            or (isinstance(part, Index) and len(part.indices) == 1)
            for part in self.segments
        )


Operand: TypeAlias = Literal | Regex | Path
Predicate: TypeAlias = Exists | Compare | Negate | Both | Either


def leads_on_alone(segment: Segment, *, is_leaf: bool) -> bool:
    """Return whether one value leads to at most one by this step."""
    if isinstance(segment, Child):
        return is_leaf or len(segment.names) == 1
    return isinstance(segment, Index) and len(segment.indices) == 1


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Parse a whole path that starts at `$`, `$$` or `$name`; raise `PathSyntaxError`."""
    reader = _Reader(text)
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


class _Reader(Scanner):
    """Reads a path from left to right."""

    def error(self, why: str) -> PathSyntaxError:
        return PathSyntaxError(self.complaint(why))

    def path(self) -> Path:
        root = self.take(_ROOT)
        if root is None:
            raise self.error("a path starts with '$'")
        name = root.group()
        segments: list[Segment] = []
        while (segment := self.segment()) is not None:
            if segments and isinstance(segments[-1], Function):
                raise self.error("a function ends a path")
            segments.append(segment)
        if segments and isinstance(segments[-1], Descend):
            raise self.error("'..' must be followed by something")
        return Path(name if name in {"$", "$$", "@"} else name[1:], tuple(segments))

    def segment(self) -> Segment | None:
        if self.text.startswith("..", self.at):
            # The second dot is left for the name that follows; a bracket needs none.
            self.at += 1 if self.text[self.at + 2 : self.at + 3] != "[" else 2
            return Descend()
        if self.text.startswith(".", self.at):
            return self.dotted()
        if self.text.startswith("[", self.at):
            return self.bracketed()
        return None

    def dotted(self) -> Segment:
        if self.take(_ANY):
            return Wildcard()
        if function := self.take(_FUNCTION):
            if function.group(1) not in FUNCTIONS:
                raise self.error(f"unknown function '{function.group(1)}()'")
            return Function(function.group(1))
        self.at += 1
        if self.text.startswith("[", self.at):
            return self.bracketed()
        name = self.take(_NAME)
        if name is None:
            raise self.error("a name is missing")
        return Child((name.group(),))

    def bracketed(self) -> Segment:
        if self.take(_ANY):
            return Wildcard()
        if indices := self.take(_INDICES):
            return Index(tuple(int(index) for index in indices.group(1).split(",")))
        if bounds := self.take(_SLICE):
            start, stop = bounds.groups()
            return Slice(int(start) if start else None, int(stop) if stop else None)
        if self.take(_FILTER):
            predicate = self.either()
            if not self.take(_FILTER_END):
                raise self.error("')]' is missing")
            return Filter(predicate)
        return self.names()

    def names(self) -> Segment:
        self.at += 1
        names = [self.quoted()]
        while self.skip(","):
            names.append(self.quoted())
        if not self.skip("]"):
            raise self.error("']' is missing")
        return Child(tuple(names))

    def quoted(self) -> str:
        self.skip("")
        match = self.take(_QUOTED)
        if match is None:
            raise self.error("a quoted name is missing")
        single, double = match.groups()
        return re.sub(r"\\(.)", r"\1", single if single is not None else double)

    def either(self) -> Predicate:
        parts = [self.both()]
        while self.skip("||"):
            parts.append(self.both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def both(self) -> Predicate:
        parts = [self.predicate()]
        while self.skip("&&"):
            parts.append(self.predicate())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def predicate(self) -> Predicate:
        if self.skip("!"):
            return Negate(self.predicate())
        if self.skip("("):
            inner = self.either()
            if not self.skip(")"):
                raise self.error("')' is missing")
            return inner
        left = self.operand()
        self.skip("")
        operator = self.take(_WORDS)
        if operator is not None:
            return Compare(left, operator.group(), self.operand())
        if isinstance(left, Path):
            return Exists(left)
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
            return Literal(json.loads(scalar.group()))
        return Literal(self.quoted())

    def regex(self, match: re.Match[str]) -> Regex:
        flags = sum(_FLAGS[flag] for flag in set(match.group(2)))
        try:
            return Regex(re.compile(match.group(1), flags))
        except re.error as problem:
            raise self.error(f"bad regular expression ({problem})") from problem

    def structure(self) -> Literal:
        """Read an array of literals."""
        self.at += 1
        values: list[Json] = []
        while not self.skip("]"):
            value = self.operand()
            if not isinstance(value, Literal):
                raise self.error("an array holds literals")
            values.append(value.value)
            if not self.skip(",") and not self.text[self.at :].lstrip().startswith("]"):
                raise self.error("']' is missing")
        return Literal(values)
