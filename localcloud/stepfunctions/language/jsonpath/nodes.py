"""The syntax tree of JSONPath as Jayway's library reads it, which Step Functions runs.

https://docs.aws.amazon.com/step-functions/latest/dg/amazon-states-language-paths.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

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
class ChildSegment:
    """`.name`, `['name']` or `['one','two']`."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IndexSegment:
    """`[0]`, `[-1]` or `[0,2]`."""

    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SliceSegment:
    """`[1:3]`; there is no step."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class WildcardSegment:
    """`.*` or `[*]`."""


@dataclass(frozen=True, slots=True)
class DescendantSegment:
    """`..`: the rest applies to the value and to everything in it."""


@dataclass(frozen=True, slots=True)
class FunctionSegment:
    """`.length()` and the like, at the end of a path."""

    name: str


@dataclass(frozen=True, slots=True)
class LiteralOperand:
    """A value in a filter."""

    value: Json


@dataclass(frozen=True, slots=True)
class RegexOperand:
    """`/pattern/i` in a filter."""

    pattern: re.Pattern[str]


@dataclass(frozen=True, slots=True)
class ExistsPredicate:
    """A path alone in a filter."""

    path: JsonPath


@dataclass(frozen=True, slots=True)
class ComparisonPredicate:
    """`left operator right`."""

    left: Operand
    operator: str
    right: Operand


@dataclass(frozen=True, slots=True)
class NotPredicate:
    """`!(…)`."""

    part: Predicate


@dataclass(frozen=True, slots=True)
class AndPredicate:
    """`… && …`."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class OrPredicate:
    """`… || …`."""

    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class FilterSegment:
    """`[?(…)]`."""

    predicate: Predicate


Segment: TypeAlias = (
    ChildSegment
    | IndexSegment
    | SliceSegment
    | WildcardSegment
    | DescendantSegment
    | FunctionSegment
    | FilterSegment
)


@dataclass(frozen=True, slots=True)
class JsonPath:
    """A parsed path. `root` is `$`, `$$`, `@` or the name of a variable."""

    root: str
    segments: tuple[Segment, ...]

    @property
    def is_definite(self) -> bool:
        """Whether the path selects one value, and not a list of them."""
        last = len(self.segments) - 1
        if self.segments and isinstance(self.segments[last], FunctionSegment):
            return True
        return all(
            is_definite_segment(part, is_leaf=at == last) for at, part in enumerate(self.segments)
        )

    @property
    def is_reference(self) -> bool:
        """Whether this is a reference path, which names one node that could be written."""
        return all(
            (isinstance(part, ChildSegment) and len(part.names) == 1)
            or (isinstance(part, IndexSegment) and len(part.indices) == 1)
            for part in self.segments
        )


Operand: TypeAlias = LiteralOperand | RegexOperand | JsonPath


Predicate: TypeAlias = (
    ExistsPredicate | ComparisonPredicate | NotPredicate | AndPredicate | OrPredicate
)


def is_definite_segment(segment: Segment, *, is_leaf: bool) -> bool:
    """Return whether one value has at most one successor by this segment."""
    if isinstance(segment, ChildSegment):
        return is_leaf or len(segment.names) == 1
    return isinstance(segment, IndexSegment) and len(segment.indices) == 1
