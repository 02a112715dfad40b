"""The parts that all expressions share: names, placeholders, operands, and what a parse yields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from localcloud.dynamodb.errors import invalid
from localcloud.dynamodb.expressions.paths import Path, show
from localcloud.dynamodb.expressions.tokens import TokenCursor, reserved_words
from localcloud.dynamodb.values import Value, kind_of, ordered

T = TypeVar("T")
Values = Mapping[str, Value]
Names = tuple[tuple[str, str], ...]
"""`#name` placeholders and what they stand for, sorted, so that a parse can be cached."""

MAX_LIST_INDEX_DIGITS = 9
_TYPES = ("B", "NULL", "SS", "BOOL", "L", "BS", "N", "NS", "S", "M")


@dataclass(frozen=True, slots=True)
class ValueRef:
    """A `:value` placeholder."""

    name: str


@dataclass(frozen=True, slots=True)
class PathOperand:
    """A document path as an operand."""

    path: Path


@dataclass(frozen=True, slots=True)
class SizeOf:
    """The function `size` of a path or a value."""

    operand: PathOperand | ValueRef


Operand = ValueRef | PathOperand | SizeOf


@dataclass(frozen=True, slots=True)
class TypeCheck:
    """A demand of an operator on the type of a placeholder's value."""

    value: str
    allowed: frozenset[str]
    operator: str
    words: Mapping[str, str] = field(default_factory=dict)

    def run(self, values: Values) -> None:
        """Raise AwsError if the value's type is not allowed."""
        kind = kind_of(values[self.value])
        if self.operator == "attribute_type" and kind == "S":
            _check_type_name(values[self.value]["S"])
        if kind not in self.allowed:
            shown = self.words.get(kind, kind)
            raise invalid(
                "Incorrect operand type for operator or function; "
                f"operator{'' if self.words else ' or function'}: {self.operator}, "
                f"operand type: {shown}"
            )


@dataclass(frozen=True, slots=True)
class BoundsCheck:
    """The demand of BETWEEN that its bounds are of one type and in order."""

    low: str
    high: str

    def run(self, values: Values) -> None:
        """Raise AwsError if the bounds cannot be."""
        low, high = values[self.low], values[self.high]
        shown = f"lower bound operand: {_shown(low)}, upper bound operand: {_shown(high)}"
        if kind_of(low) != kind_of(high):
            raise invalid(
                f"The BETWEEN operator requires same data type for lower and upper bounds; {shown}"
            )
        first, last = ordered(low), ordered(high)
        if first is not None and last is not None and first[1] > last[1]:
            raise invalid(
                "The BETWEEN operator requires upper bound to be greater than or equal to lower "
                f"bound; {shown}"
            )


def _check_type_name(name: str) -> None:
    if name not in _TYPES:
        raise invalid(
            f"Invalid attribute type name found; type: {name}, valid types: {{{','.join(_TYPES)}}}"
        )


def _shown(value: Value) -> str:
    [(kind, content)] = value.items()
    return f"AttributeValue: {{{kind}:{content}}}"


@dataclass(frozen=True, slots=True)
class Parsed(Generic[T]):
    """A parsed expression.

    `names` and `values` are the placeholders that it uses, `checks` what it demands of values.
    """

    root: T
    label: str
    names: frozenset[str]
    values: frozenset[str]
    checks: tuple[TypeCheck | BoundsCheck, ...] = ()

    def check_values(self, values: Values) -> None:
        """Raise AwsError for a placeholder without a value, or one of a wrong type."""
        missing = self.values - values.keys()
        if missing:
            raise invalid(
                f"Invalid {self.label}: An expression attribute value used in expression is not "
                f"defined; attribute value: {min(missing)}"
            )
        for check in self.checks:
            try:
                check.run(values)
            except Exception as error:
                message = getattr(error, "message", str(error))
                raise invalid(f"Invalid {self.label}: {message}") from error


class ExpressionParser:
    """The grammar that all expressions share; a subclass adds its own."""

    def __init__(self, text: str, label: str, names: Names) -> None:
        """Begin to read the expression `text`, in which `names` stand for attributes."""
        self.cursor = TokenCursor(text, label)
        self._defined = dict(names)
        self._names: set[str] = set()
        self._values: set[str] = set()
        self.checks: list[TypeCheck | BoundsCheck] = []
        self._reserved = ""
        self._undefined = ""

    def finish(self, root: T) -> Parsed[T]:
        """Return what was parsed. Raises AwsError if text is left or a name is not allowed."""
        if self.cursor.token.kind != "end":
            raise self.cursor.syntax_error()
        if self._reserved:
            raise self.cursor.error(
                f"Attribute name is a reserved keyword; reserved keyword: {self._reserved}"
            )
        if self._undefined:
            raise self.cursor.error(
                "An expression attribute name used in the document path is not defined; "
                f"attribute name: {self._undefined}"
            )
        return Parsed(
            root,
            self.cursor.label,
            frozenset(self._names),
            frozenset(self._values),
            tuple(self.checks),
        )

    def path(self) -> Path:
        """Read a document path."""
        elements: list[str | int] = [self._attribute_name()]
        while True:
            if self.cursor.take_mark("."):
                elements.append(self._attribute_name())
            elif self.cursor.take_mark("["):
                elements.append(self._list_index())
                self.cursor.expect_mark("]")
            else:
                return tuple(elements)

    def value(self) -> ValueRef:
        """Read a `:value` placeholder."""
        if self.cursor.token.kind != "value":
            raise self.cursor.syntax_error()
        name = self.cursor.next().text
        self._values.add(name)
        return ValueRef(name)

    def check_type(
        self, operand: Any, allowed: str, operator: str, words: Mapping[str, str] | None = None
    ) -> None:
        """Demand that a placeholder's value is of one of the `allowed` types."""
        if isinstance(operand, ValueRef):
            kinds = frozenset(allowed.split())
            self.checks.append(TypeCheck(operand.name, kinds, operator, words or {}))

    def check_operands_differ(self, operator: str, left: Any, right: Any) -> None:
        """Raise AwsError if both operands are the same path."""
        if isinstance(left, PathOperand) and left == right:
            raise self.cursor.error(
                "The first operand must be distinct from the remaining operands for this operator "
                f"or function; operator: {operator}, first operand: {show(left.path)}"
            )

    def operand_count_error(self, function: str, count: int) -> Exception:
        """Return AWS's error for a function with too few or too many operands."""
        return self.cursor.error(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {function}, number of operands: {count}"
        )

    def path_error(self, function: str) -> Exception:
        """Return AWS's error for a function whose first operand is no path."""
        return self.cursor.error(
            f"Operator or function requires a document path; operator or function: {function}"
        )

    def _attribute_name(self) -> str:
        token = self.cursor.token
        if token.kind == "name":
            self.cursor.next()
            self._names.add(token.text)
            self._undefined = self._undefined or ("" if token.text in self._defined else token.text)
            return self._defined.get(token.text, token.text)
        if token.kind != "word":
            raise self.cursor.syntax_error()
        self.cursor.next()
        if token.text.upper() in reserved_words():
            self._reserved = self._reserved or token.text
        return token.text

    def _list_index(self) -> int:
        token = self.cursor.token
        if token.kind != "number":
            raise self.cursor.syntax_error()
        if len(token.text) > MAX_LIST_INDEX_DIGITS:
            raise self.cursor.error(
                f"List index is not within the allowable range; index: [{token.text}]"
            )
        self.cursor.next()
        return int(token.text)
