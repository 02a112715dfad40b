"""Extracted values as JSON, whose numbers keep the digits of the document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal

EXACT_DIGITS = 15
"""The most digits that a float holds for certain."""


def exact_json(value: object) -> str:
    """Return values as JSON; 1.10 is written 1.10, and a number of 30 digits keeps them all.

    Args:
        value: Mappings, lists, texts, booleans, numbers, Decimals and None, nested.
    """
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        entries = (f"{json.dumps(str(key))}: {exact_json(each)}" for key, each in value.items())
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(exact_json(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def json_number(value: Decimal) -> int | float:
    """Return a number as Python's JSON has it, equal in value up to 15 digits.

    What stands between processes as pydantic models or Python's JSON has no other numbers: a
    Decimal would become text there. The digits themselves stay in the evidence's raw text.
    """
    return int(value) if value == value.to_integral_value() else float(value)
