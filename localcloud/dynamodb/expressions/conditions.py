"""Condition and filter expressions: parsing, and evaluation on an item.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
"""

from __future__ import annotations

import base64
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from localcloud.dynamodb.expressions.paths import find
from localcloud.dynamodb.expressions.syntax import (
    BoundsCheck,
    ExpressionParser,
    Names,
    Operand,
    Parsed,
    PathOperand,
    SizeOf,
    ValueRef,
    Values,
)
from localcloud.dynamodb.expressions.tokens import Token
from localcloud.dynamodb.values import Item, Value, binary_size, kind_of, ordered, same

MAX_IN_OPERANDS = 100
_COMPARATORS = frozenset({"=", "<>", "<", "<=", ">", ">="})
_ORDERINGS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_OPERANDS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
}


@dataclass(frozen=True, slots=True)
class ConditionComparison:
    """Two operands compared by `=`, `<>`, `<`, `<=`, `>` or `>=`."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Between:
    """An operand between two others, both included."""

    operand: Operand
    low: Operand
    high: Operand


@dataclass(frozen=True, slots=True)
class OneOf:
    """The operator IN."""

    operand: Operand
    options: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """A function that yields a truth value."""

    name: str
    arguments: tuple[Operand, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a condition."""

    condition: Condition


@dataclass(frozen=True, slots=True)
class And:
    """Conditions that must all be true."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Conditions of which one must be true."""

    conditions: tuple[Condition, ...]


Condition = ConditionComparison | Between | OneOf | Function | Not | And | Or


@lru_cache(maxsize=1024)
def parse_condition(text: str, label: str, names: Names) -> Parsed[Condition]:
    """Parse a condition. Raises AwsError if it is not valid."""
    parser = ConditionParser(text, label, names)
    return parser.finish(parser.condition())


class ConditionParser(ExpressionParser):
    """The grammar of conditions; OR binds least, then AND, then NOT."""

    def condition(self) -> Condition:
        """Read a condition."""
        found = [self._conjunction()]
        while self.cursor.take_word("OR"):
            found.append(self._conjunction())
        return found[0] if len(found) == 1 else Or(tuple(found))

    def _conjunction(self) -> Condition:
        found = [self._negation()]
        while self.cursor.take_word("AND"):
            found.append(self._negation())
        return found[0] if len(found) == 1 else And(tuple(found))

    def _negation(self) -> Condition:
        if self.cursor.take_word("NOT"):
            return Not(self._negation())
        return self._primary()

    def _primary(self) -> Condition:
        cursor = self.cursor
        if cursor.token.text != "(" or _continues_operand(cursor.after_parentheses):
            return self._simple()
        if cursor.is_doubly_parenthesised:
            raise cursor.error("The expression has redundant parentheses;")
        cursor.expect_mark("(")
        condition = self.condition()
        cursor.expect_mark(")")
        return condition

    def _simple(self) -> Condition:
        token, following = self.cursor.token, self.cursor.following
        if token.kind == "word" and following.text == "(" and token.text != "size":
            return self._function()
        left = self.operand()
        token = self.cursor.token
        if token.kind == "mark" and token.text in _COMPARATORS:
            self.cursor.next()
            right = self.operand()
            self.check_operands_differ(token.text, left, right)
            return ConditionComparison(token.text, left, right)
        if self.cursor.take_word("BETWEEN"):
            return self._between(left)
        if self.cursor.take_word("IN"):
            return self._one_of(left)
        if isinstance(left, SizeOf):
            raise self._misused("size")
        raise self.cursor.syntax_error()

    def operand(self) -> Operand:
        """Read an operand, which may stand in parentheses."""
        cursor = self.cursor
        if cursor.is_doubly_parenthesised:
            raise cursor.error("The expression has redundant parentheses;")
        if cursor.take_mark("("):
            operand = self.operand()
            cursor.expect_mark(")")
            return operand
        if cursor.token.kind == "value":
            return self.value()
        if cursor.token.kind == "word" and cursor.following.text == "(":
            name = cursor.token.text
            if name not in _OPERANDS:
                raise cursor.error(f"Invalid function name; function: {name}")
            if name != "size":
                raise self._misused(name)
            return self._size()
        return PathOperand(self.path())

    def _size(self) -> SizeOf:
        self.cursor.next()
        arguments = self._arguments()
        if len(arguments) != 1:
            raise self.operand_count_error("size", len(arguments))
        self.check_type(arguments[0], "S B SS NS BS L M", "size")
        if not isinstance(arguments[0], PathOperand | ValueRef):
            raise self._misused("size")
        return SizeOf(arguments[0])

    def _between(self, operand: Operand) -> Between:
        low = self.operand()
        if not self.cursor.take_word("AND"):
            raise self.cursor.syntax_error()
        high = self.operand()
        if isinstance(low, ValueRef) and isinstance(high, ValueRef):
            self.checks.append(BoundsCheck(low.name, high.name))
        return Between(operand, low, high)

    def _one_of(self, operand: Operand) -> OneOf:
        options = self._arguments()
        if len(options) > MAX_IN_OPERANDS:
            raise self.operand_count_error("IN", len(options))
        return OneOf(operand, options)

    def _function(self) -> Function:
        name = self.cursor.next().text
        if name not in _OPERANDS:
            raise self.cursor.error(f"Invalid function name; function: {name}")
        arguments = self._arguments()
        if len(arguments) != _OPERANDS[name]:
            raise self.operand_count_error(name, len(arguments))
        if len(arguments) == 2:
            self.check_operands_differ(name, *arguments)
        self._check_arguments(name, arguments)
        return Function(name, arguments)

    def _check_arguments(self, name: str, arguments: tuple[Operand, ...]) -> None:
        if name in ("attribute_exists", "attribute_not_exists"):
            if not isinstance(arguments[0], PathOperand):
                raise self.path_error(name)
        elif name == "begins_with":
            for argument in arguments:
                self.check_type(argument, "S B", name)
        elif name == "attribute_type":
            if not isinstance(arguments[1], ValueRef):
                raise self.cursor.error(
                    "Incorrect operand type for operator or function; operator or function: "
                    "attribute_type, operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
                )
            self.check_type(arguments[1], "S", name)

    def _arguments(self) -> tuple[Operand, ...]:
        self.cursor.expect_mark("(")
        arguments = [self.operand()]
        while self.cursor.take_mark(","):
            arguments.append(self.operand())
        self.cursor.expect_mark(")")
        return tuple(arguments)

    def _misused(self, function: str) -> Exception:
        return self.cursor.error(
            "The function is not allowed to be used this way in an expression; "
            f"function: {function}"
        )


def _continues_operand(token: Token | None) -> bool:
    """Return whether a token behind parentheses says that they hold an operand."""
    if token is None:
        return False
    return (token.kind == "mark" and token.text in _COMPARATORS) or any(
        token.is_word(word) for word in ("BETWEEN", "IN")
    )


def holds(condition: Condition, item: Item, values: Values) -> bool:
    """Return whether a condition is true of an item; a missing item is an empty one."""
    match condition:
        case ConditionComparison():
            return _compare(condition, item, values)
        case Function():
            return _FUNCTIONS[condition.name](condition.arguments, item, values)
        case And():
            return all(holds(each, item, values) for each in condition.conditions)
        case Or():
            return any(holds(each, item, values) for each in condition.conditions)
        case Not():
            return not holds(condition.condition, item, values)
        case Between():
            bounds = (
                ("<=", condition.low, condition.operand),
                ("<=", condition.operand, condition.high),
            )
            return all(_compare(ConditionComparison(*bound), item, values) for bound in bounds)
        case OneOf():
            operand = _value(condition.operand, item, values)
            return any(same(operand, _value(each, item, values)) for each in condition.options)


def _value(operand: Operand, item: Item, values: Values) -> Value | None:
    match operand:
        case ValueRef():
            return values[operand.name]
        case PathOperand():
            return find(item, operand.path)
        case SizeOf():
            value = _value(operand.operand, item, values)
            size = None if value is None else _size(value)
            return None if size is None else {"N": str(size)}


def _size(value: Value) -> int | None:
    """Return the characters of a text, bytes of a binary or members of a collection."""
    [(kind, content)] = value.items()
    if kind == "B":
        return binary_size(content)
    return len(content) if kind in ("S", "SS", "NS", "BS", "L", "M") else None


def _compare(comparison: ConditionComparison, item: Item, values: Values) -> bool:
    left = _value(comparison.left, item, values)
    right = _value(comparison.right, item, values)
    if comparison.operator == "=":
        return same(left, right)
    if comparison.operator == "<>":
        return not same(left, right)
    first, second = ordered(left), ordered(right)
    if first is None or second is None or first[0] != second[0]:
        return False
    return _ORDERINGS[comparison.operator](first[1], second[1])


def _exists(arguments: tuple[Operand, ...], item: Item, values: Values) -> bool:
    return _value(arguments[0], item, values) is not None


def _not_exists(arguments: tuple[Operand, ...], item: Item, values: Values) -> bool:
    return _value(arguments[0], item, values) is None


def _begins_with(arguments: tuple[Operand, ...], item: Item, values: Values) -> bool:
    value, prefix = (ordered(_value(each, item, values)) for each in arguments)
    if value is None or prefix is None or value[0] != prefix[0] or value[0] == "N":
        return False
    return bool(value[1].startswith(prefix[1]))


def _contains(arguments: tuple[Operand, ...], item: Item, values: Values) -> bool:
    value, wanted = (_value(each, item, values) for each in arguments)
    if value is None or wanted is None:
        return False
    [(kind, content)] = value.items()
    [(wanted_kind, wanted_content)] = wanted.items()
    if kind == "L":
        return any(same(member, wanted) for member in content)
    if kind in ("SS", "NS", "BS"):
        return kind[0] == wanted_kind and wanted_content in content
    if kind != wanted_kind:
        return False
    if kind == "B":
        return base64.b64decode(wanted_content) in base64.b64decode(content)
    return kind == "S" and wanted_content in content


def _has_type(arguments: tuple[Operand, ...], item: Item, values: Values) -> bool:
    value, wanted = (_value(each, item, values) for each in arguments)
    return value is not None and wanted is not None and kind_of(value) == wanted["S"]


_FUNCTIONS: Mapping[str, Callable[[tuple[Operand, ...], Item, Values], bool]] = {
    "attribute_exists": _exists,
    "attribute_not_exists": _not_exists,
    "attribute_type": _has_type,
    "begins_with": _begins_with,
    "contains": _contains,
}
