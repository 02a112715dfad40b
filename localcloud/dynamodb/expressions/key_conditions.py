"""Key conditions: which partition a query reads, and which range of its sort key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.KeyConditionExpressions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from localcloud.dynamodb.errors import invalid, invalid_values
from localcloud.dynamodb.expressions.conditions import (
    And,
    Between,
    Condition,
    ConditionComparison,
    ConditionParser,
    Function,
    Not,
    OneOf,
    Or,
)
from localcloud.dynamodb.expressions.syntax import (
    Names,
    Operand,
    Parsed,
    PathOperand,
    ValueRef,
    Values,
)
from localcloud.dynamodb.keys import KeySchema, check_key_value, key_bytes
from localcloud.dynamodb.values import kind_of

LABEL = "KeyConditionExpression"
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class KeyTerm:
    """One condition on one attribute: `operator` is a comparator, BETWEEN or begins_with."""

    attribute: str
    operator: str
    values: tuple[ValueRef, ...]


@dataclass(frozen=True, slots=True)
class KeyRange:
    """A partition and the bounds of its sort key, both included but for `below`.

    Attributes:
        hash: the partition key as bytes.
        at_least: the least sort key, None for any.
        at_most: the greatest sort key, None for any.
        above: the sort key above which the range lies, None for any.
        below: the sort key below which the range lies, None for any.
    """

    hash: bytes
    at_least: bytes | None = None
    at_most: bytes | None = None
    above: bytes | None = None
    below: bytes | None = None


@lru_cache(maxsize=512)
def parse_key_condition(text: str, names: Names) -> Parsed[tuple[KeyTerm, ...]]:
    """Parse a key condition. Raises AwsError if it is not valid."""
    parser = ConditionParser(text, LABEL, names)
    condition = parser.finish(parser.condition())
    terms = tuple(_terms(condition.root))
    attributes = [term.attribute for term in terms]
    if len(set(attributes)) != len(attributes):
        raise invalid(
            "Invalid KeyConditionExpression: KeyConditionExpressions must only contain one "
            "condition per key"
        )
    return Parsed(terms, LABEL, condition.names, condition.values, condition.checks)


def _terms(condition: Condition) -> Iterator[KeyTerm]:
    match condition:
        case And():
            for each in condition.conditions:
                yield from _terms(each)
        case ConditionComparison():
            yield _comparison(condition)
        case Between():
            yield KeyTerm(
                _attribute(condition.operand),
                "BETWEEN",
                (_placeholder(condition.low), _placeholder(condition.high)),
            )
        case Function(name="begins_with"):
            path, prefix = condition.arguments
            yield KeyTerm(_attribute(path), "begins_with", (_placeholder(prefix),))
        case Or() | Not() | OneOf() | Function():
            raise _invalid_operator(_operator_name(condition))


def _operator_name(condition: Or | Not | OneOf | Function) -> str:
    names = {Or: "OR", Not: "NOT", OneOf: "IN"}
    return condition.name if isinstance(condition, Function) else names[type(condition)]


def _comparison(comparison: ConditionComparison) -> KeyTerm:
    if comparison.operator not in _FLIPPED:
        raise _invalid_operator(comparison.operator)
    left, right, operator = comparison.left, comparison.right, comparison.operator
    if isinstance(left, ValueRef):
        left, right, operator = right, left, _FLIPPED[operator]
    return KeyTerm(_attribute(left), operator, (_placeholder(right),))


def _attribute(operand: Operand) -> str:
    if not isinstance(operand, PathOperand):
        raise invalid("Invalid KeyConditionExpression: Invalid condition in KeyConditionExpression")
    if len(operand.path) > 1:
        raise invalid(
            "Invalid KeyConditionExpression: KeyConditionExpressions cannot have conditions on "
            "nested attributes"
        )
    return str(operand.path[0])


def _placeholder(operand: Operand) -> ValueRef:
    if not isinstance(operand, ValueRef):
        raise invalid(
            "Invalid KeyConditionExpression: KeyConditionExpressions must contain only values "
            "of a key on one side"
        )
    return operand


def _invalid_operator(name: str) -> Exception:
    return invalid(
        f"Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: {name}"
    )


def key_range(terms: tuple[KeyTerm, ...], keys: KeySchema, values: Values) -> KeyRange:
    """Return the range that a key condition names. Raises AwsError if `keys` do not support it."""
    by_attribute = {term.attribute: term for term in terms}
    hash_term = by_attribute.pop(keys.hash.name, None)
    if hash_term is None:
        raise invalid(f"Query condition missed key schema element: {keys.hash.name}")
    if hash_term.operator != "=":
        raise invalid("Query key condition not supported")
    range_term = by_attribute.pop(keys.range.name, None) if keys.range else None
    if by_attribute:
        missed = keys.range.name if keys.range and range_term is None else ""
        raise invalid(
            f"Query condition missed key schema element: {missed}"
            if missed
            else "Query key condition not supported"
        )
    for term, key in ((hash_term, keys.hash), (range_term, keys.range)):
        for each in term.values if term else ():
            assert key is not None  # a term of the sort key was found by its name
            if kind_of(values[each.name]) != key.type:
                raise invalid_values("Condition parameter type does not match schema type")
            check_key_value(key, values[each.name])
    partition = key_bytes(values[hash_term.values[0].name])
    if range_term is None:
        return KeyRange(partition)
    return _sort_range(
        partition, range_term, [key_bytes(values[v.name]) for v in range_term.values]
    )


def _sort_range(partition: bytes, term: KeyTerm, bounds: list[bytes]) -> KeyRange:
    first = bounds[0]
    match term.operator:
        case "=":
            return KeyRange(partition, at_least=first, at_most=first)
        case "<":
            return KeyRange(partition, below=first)
        case "<=":
            return KeyRange(partition, at_most=first)
        case ">":
            return KeyRange(partition, above=first)
        case ">=":
            return KeyRange(partition, at_least=first)
        case "BETWEEN":
            return KeyRange(partition, at_least=first, at_most=bounds[1])
        case _:
            return KeyRange(partition, at_least=first, below=_after_prefix(first))


def _after_prefix(prefix: bytes) -> bytes | None:
    """Return the least bytes above all that begin with `prefix`, None if there are none."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None
