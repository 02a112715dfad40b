"""Application of an update to an item."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from localcloud.dynamodb import numbers
from localcloud.dynamodb.errors import invalid
from localcloud.dynamodb.expressions.paths import Path, find, put, remove
from localcloud.dynamodb.expressions.syntax import PathOperand, ValueRef, Values
from localcloud.dynamodb.expressions.updates import (
    AddAction,
    Arithmetic,
    DeleteAction,
    IfNotExists,
    ListAppend,
    Operand,
    RemoveAction,
    SetAction,
    UpdateAction,
)
from localcloud.dynamodb.values import Item, Value, kind_of

_MISSING = "The provided expression refers to an attribute that does not exist in the item"
_WRONG_TYPE = "An operand in the update expression has an incorrect data type"
_SETS = ("SS", "NS", "BS")


def apply_update(item: Item, actions: Sequence[UpdateAction], values: Values) -> None:
    """Change `item` in place. Every action sees the item as it was before.

    Raises:
        AwsError: An operand is missing or of a wrong type; the item may be half changed.
    """
    written: list[tuple[Path, Value]] = []
    removed: list[Path] = []
    for action in actions:
        match action:
            case SetAction():
                written.append((action.path, _result(action.value, item, values)))
            case AddAction():
                written.append((action.path, _added(item, action, values)))
            case DeleteAction():
                left = _deleted(item, action, values)
                if left is not None:
                    written.append((action.path, left))
                elif find(item, action.path) is not None:
                    removed.append(action.path)
            case RemoveAction():
                removed.append(action.path)
    for path, value in sorted(written, key=_append_order):
        put(item, path, value)
    for path in sorted(removed, key=_append_order, reverse=True):
        remove(item, path)


def _append_order(change: tuple[Path, Value] | Path) -> tuple[str | int, ...]:
    """Order list elements by number, so that appended ones stand so and removals do not shift."""
    path = change[0] if isinstance(change[0], tuple) else change
    return tuple(
        f"{element:012d}" if isinstance(element, int) else str(element) for element in path
    )


def _result(expression: Operand | Arithmetic, item: Item, values: Values) -> Value:
    if not isinstance(expression, Arithmetic):
        return _value(expression, item, values)
    left, right = (_value(each, item, values) for each in (expression.left, expression.right))
    if "N" not in left or "N" not in right:
        raise invalid(_WRONG_TYPE)
    combine = numbers.add if expression.operator == "+" else numbers.subtract
    return {"N": combine(left["N"], right["N"])}


def _value(operand: Operand, item: Item, values: Values) -> Value:
    match operand:
        case ValueRef():
            return values[operand.name]
        case PathOperand():
            value = find(item, operand.path)
            if value is None:
                raise invalid(_MISSING)
            return copy.deepcopy(value)
        case IfNotExists():
            value = find(item, operand.path)
            if value is None:
                return _value(operand.otherwise, item, values)
            return copy.deepcopy(value)
        case ListAppend():
            first, second = (_value(each, item, values) for each in (operand.first, operand.second))
            if "L" not in first or "L" not in second:
                raise invalid(_WRONG_TYPE)
            return {"L": [*first["L"], *second["L"]]}


def _added(item: Item, action: AddAction, values: Values) -> Value:
    [(kind, content)] = values[action.value.name].items()
    value = find(item, action.path)
    if value is None:
        return {kind: content}
    if kind_of(value) != kind:
        raise invalid(_WRONG_TYPE)
    if kind == "N":
        return {"N": numbers.add(value["N"], content)}
    known = set(value[kind])
    return {kind: [*value[kind], *(each for each in content if each not in known)]}


def _deleted(item: Item, action: DeleteAction, values: Values) -> Value | None:
    """Return what is left of a set, None if there is none or nothing is left."""
    [(kind, content)] = values[action.value.name].items()
    value = find(item, action.path)
    if value is None:
        return None
    if kind_of(value) != kind or kind not in _SETS:
        raise invalid(_WRONG_TYPE)
    gone = set(content)
    left = [each for each in value[kind] if each not in gone]
    return {kind: left} if left else None
