"""Rules over extracted values, such as `total == sum(lines.amount) ± 0.01`: data, parsed once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal

from pydantic import JsonValue

from chalicelib.extraction.leaves import Leaf, ListField
from chalicelib.extraction.rule_arithmetic import AGGREGATES, Operand
from chalicelib.extraction.rule_expressions import (
    COMPARISONS,
    Expression,
    Values,
    evaluated,
    rows_of,
)
from chalicelib.extraction.rule_parser import RuleError, parse_rule
from chalicelib.extraction.schema_checks import escaped, refused

MAX_RULES = 50
MAX_RULE_CHARACTERS = 500
MAX_FAILED_ROWS = 100
"""The most rows that a result names."""


@dataclass(frozen=True, slots=True)
class ExtractionRule:
    """A rule, and the values it reads.

    Attributes:
        text: The rule as the schema writes it.
        condition: What must hold.
        pointers: The JSON pointers of the values and lists it reads.
        list_path: The list whose every row must keep to it; () for a rule of the whole.
    """

    text: str
    condition: Expression
    pointers: tuple[str, ...]
    list_path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleResult:
    """Whether values keep to a rule.

    Attributes:
        rule: The rule's text.
        holds: None if a value that decides it is absent.
        left: The left side of its comparison, in the first row that breaks it; None if unknown, or
            if the rule is no single comparison. A date is as ISO writes it.
        right: The same of the right side.
        pointers: The values and lists it reads; for a rule of rows, the rows that break it.
    """

    rule: str
    holds: bool | None
    left: Decimal | str | bool | None
    right: Decimal | str | bool | None
    pointers: tuple[str, ...]


def parse_rules(
    source: JsonValue, leaves: Mapping[str, Leaf], lists: Sequence[ListField]
) -> tuple[ExtractionRule, ...]:
    """Return the rules of a schema's `x-rules`.

    Args:
        source: The value of `x-rules`.
        leaves: The leaves outside of lists, by pointer.
        lists: The lists.

    Raises:
        InvalidInput: there are too many, or one is not understood.
    """
    if not isinstance(source, list) or len(source) > MAX_RULES:
        fix = 'write ["total == net + tax ± 0.01"]'
        raise refused("/x-rules", f"it is no list of at most {MAX_RULES} rules", fix, MAX_RULES)
    return tuple(
        _rule(text, f"/x-rules/{number}", leaves, lists) for number, text in enumerate(source)
    )


def _rule(
    text: JsonValue, pointer: str, leaves: Mapping[str, Leaf], lists: Sequence[ListField]
) -> ExtractionRule:
    if not isinstance(text, str) or len(text) > MAX_RULE_CHARACTERS:
        reason = f"it is no text of at most {MAX_RULE_CHARACTERS} characters"
        raise refused(pointer, reason, "split it", MAX_RULE_CHARACTERS)
    try:
        condition = parse_rule(text, leaves, lists)
        list_path = _rows(condition)
    except RuleError as error:
        fix = "correct it; docs/extraction-schemas.md has the grammar"
        raise refused(pointer, f"in {text[:100]!r} {error}", fix) from error
    read = {
        "".join(f"/{escaped(name)}" for name in (each.list_path or each.path)): None
        for each in condition.values()
    }
    return ExtractionRule(text, condition, tuple(read), list_path)


def _rows(condition: Expression) -> tuple[str, ...]:
    """Return the list whose columns a rule reads outside of functions over lists."""
    lists = {each.list_path for each in _bare(condition) if each.list_path}
    if len(lists) > 1:
        raise RuleError("the columns of two lists stand in one rule: use sum, min, max or count")
    return next(iter(lists), ())


def _bare(expression: Expression) -> list[Expression]:
    if expression.operator in AGGREGATES:
        return []
    if expression.operator == "value":
        return [expression]
    return [each for operand in expression.operands for each in _bare(operand)]


def evaluate(rule: ExtractionRule, values: Values) -> RuleResult:
    """Return whether extracted values, nested as in the schema, keep to a rule.

    A rule that names columns of a list holds if every row keeps to it.
    """
    totals = {each: evaluated(each, values) for each in rule.condition.aggregates()}
    if not rule.list_path:
        holds = _truth(evaluated(rule.condition, values, None, totals))
        return RuleResult(rule.text, holds, *_sides(rule.condition, values, None), rule.pointers)
    rows = rows_of(values, rule.list_path)
    if rows is None:
        return RuleResult(rule.text, None, None, None, rule.pointers)
    truths = [_truth(evaluated(rule.condition, values, row, totals)) for row in rows]
    failed = [number for number, truth in enumerate(truths) if truth is False]
    place = "".join(f"/{escaped(name)}" for name in rule.list_path)
    if failed:
        sides = _sides(rule.condition, values, rows[failed[0]])
        pointers = tuple(f"{place}/{number}" for number in failed[:MAX_FAILED_ROWS])
        return RuleResult(rule.text, False, *sides, pointers)
    holds = None if None in truths else True
    return RuleResult(rule.text, holds, None, None, rule.pointers)


def _truth(value: Operand | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _sides(
    condition: Expression, values: Values, row: Values | None
) -> tuple[Decimal | str | bool | None, Decimal | str | bool | None]:
    if condition.operator == "if":
        condition = condition.operands[1]
    if condition.operator not in COMPARISONS:
        return None, None
    left, right = (_shown(evaluated(each, values, row)) for each in condition.operands[:2])
    return left, right


def _shown(value: Operand | None) -> Decimal | str | bool | None:
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return Decimal(value.days)
    return value
