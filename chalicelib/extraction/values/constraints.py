"""Checks of a value against the constraints that a schema sets its leaf. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from chalicelib.extraction.leaves import NUMERIC_KINDS, Constraints, Leaf, LeafKind
from chalicelib.extraction.schema_checks import exact

if TYPE_CHECKING:
    from chalicelib.extraction.values.value_match import ScalarValue


def keeps_to(value: ScalarValue, read: ScalarValue, leaf: Leaf) -> bool:
    """Return whether a value keeps to the constraints of its leaf.

    Args:
        value: The value as the schema's type has it.
        read: The same as it was read: of a number that the schema wants as text, the number.
        leaf: The leaf.
    """
    if leaf.enum and leaf.kind is not LeafKind.ENUM:
        # A decimal of 0.3 is not equal to Python's float of the same digits.
        is_number = isinstance(value, Decimal)
        if value not in [exact(each) if is_number else each for each in leaf.enum]:
            return False
    limits = leaf.constraints
    if isinstance(value, str) and not _text_fits(value, limits):
        return False
    if leaf.kind in NUMERIC_KINDS and isinstance(read, int | Decimal):
        return _number_fits(Decimal(read), limits)
    return True


def _text_fits(text: str, limits: Constraints) -> bool:
    if limits.min_length is not None and len(text) < limits.min_length:
        return False
    if limits.max_length is not None and len(text) > limits.max_length:
        return False
    if not limits.pattern:
        return True
    from chalicelib.generation.patterns import compile_pattern

    return compile_pattern(limits.pattern).search(text)


def _number_fits(number: Decimal, limits: Constraints) -> bool:
    low, high = limits.minimum, limits.maximum
    if low is not None and (number < low or (number == low and limits.exclusive_minimum)):
        return False
    if high is not None and (number > high or (number == high and limits.exclusive_maximum)):
        return False
    return limits.multiple_of is None or is_integral(number / limits.multiple_of)


def is_integral(value: Decimal) -> bool:
    """Return whether a number has no fraction."""
    try:
        return value == value.to_integral_value()
    except InvalidOperation:
        return False
