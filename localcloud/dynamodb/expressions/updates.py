"""Update expressions: parsing.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from localcloud.dynamodb.expressions.paths import Path, check_distinct
from localcloud.dynamodb.expressions.syntax import (
    ExpressionParser,
    Names,
    Parsed,
    PathOperand,
    ValueRef,
)

LABEL = "UpdateExpression"
_SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
_TYPE_WORDS = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "NULL": "NULL",
    "BOOL": "BOOLEAN",
    "L": "LIST",
    "M": "MAP",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}


@dataclass(frozen=True, slots=True)
class IfNotExists:
    """The function `if_not_exists`: the value at a path, or else another."""

    path: Path
    otherwise: Operand


@dataclass(frozen=True, slots=True)
class ListAppend:
    """The function `list_append`."""

    first: Operand
    second: Operand


Operand = PathOperand | ValueRef | IfNotExists | ListAppend


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """The sum or the difference of two operands."""

    operator: str
    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class SetAction:
    """Sets a path to a value."""

    path: Path
    value: Operand | Arithmetic


@dataclass(frozen=True, slots=True)
class RemoveAction:
    """Removes a path."""

    path: Path


@dataclass(frozen=True, slots=True)
class AddAction:
    """Adds to a number or a set."""

    path: Path
    value: ValueRef


@dataclass(frozen=True, slots=True)
class DeleteAction:
    """Deletes members of a set."""

    path: Path
    value: ValueRef


UpdateAction = SetAction | RemoveAction | AddAction | DeleteAction


@lru_cache(maxsize=1024)
def parse_update(text: str, names: Names) -> Parsed[tuple[UpdateAction, ...]]:
    """Parse an update expression. Raises AwsError if it is not valid."""
    parser = _UpdateParser(text, LABEL, names)
    actions = parser.actions()
    parsed = parser.finish(actions)
    check_distinct([action.path for action in actions], LABEL)
    return parsed


class _UpdateParser(ExpressionParser):
    def actions(self) -> tuple[UpdateAction, ...]:
        """Read every section."""
        actions: list[UpdateAction] = []
        seen: set[str] = set()
        while self.cursor.token.kind != "end":
            section = next((each for each in _SECTIONS if self.cursor.take_word(each)), None)
            if section is None:
                raise self.cursor.syntax_error()
            if section in seen:
                raise self.cursor.error(
                    f'The "{section}" section can only be used once in an update expression;'
                )
            seen.add(section)
            actions.append(self._action(section))
            while self.cursor.take_mark(","):
                actions.append(self._action(section))
        return tuple(actions)

    def _action(self, section: str) -> UpdateAction:
        path = self.path()
        if section == "SET":
            self.cursor.expect_mark("=")
            return SetAction(path, self._set_value())
        if section == "REMOVE":
            return RemoveAction(path)
        value = self.value()
        allowed = "N SS NS BS" if section == "ADD" else "SS NS BS"
        self.check_type(value, allowed, section, _TYPE_WORDS)
        return AddAction(path, value) if section == "ADD" else DeleteAction(path, value)

    def _set_value(self) -> Operand | Arithmetic:
        if self.cursor.token.text == "(" and not self._continues():
            self.cursor.next()
            value = self._set_value()
            self.cursor.expect_mark(")")
            return value
        left = self._operand()
        for operator in ("+", "-"):
            if self.cursor.take_mark(operator):
                right = self._operand()
                for operand in (left, right):
                    self.check_type(operand, "N", operator)
                return Arithmetic(operator, left, right)
        return left

    def _continues(self) -> bool:
        token = self.cursor.after_parentheses
        return token is not None and token.text in ("+", "-")

    def _operand(self) -> Operand:
        if self.cursor.take_mark("("):
            operand = self._operand()
            self.cursor.expect_mark(")")
            return operand
        if self.cursor.token.kind == "value":
            return self.value()
        if self.cursor.token.kind == "word" and self.cursor.following.text == "(":
            return self._function()
        return PathOperand(self.path())

    def _function(self) -> Operand:
        name = self.cursor.next().text
        if name not in ("if_not_exists", "list_append"):
            raise self.cursor.error(f"Invalid function name; function: {name}")
        self.cursor.expect_mark("(")
        arguments = [self._operand()]
        while self.cursor.take_mark(","):
            arguments.append(self._operand())
        self.cursor.expect_mark(")")
        if len(arguments) != 2:
            raise self.operand_count_error(name, len(arguments))
        first, second = arguments
        if name == "list_append":
            for operand in arguments:
                self.check_type(operand, "L", name)
            return ListAppend(first, second)
        if not isinstance(first, PathOperand):
            raise self.path_error(name)
        return IfNotExists(first.path, second)
