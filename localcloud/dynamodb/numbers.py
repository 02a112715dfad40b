"""DynamoDB's numbers: 38 significant digits, from 1E-130 to below 1E+126.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html
"""

from __future__ import annotations

import re
from decimal import Context, Decimal

from localcloud.dynamodb.errors import invalid

MAX_DIGITS = 38
_MAX_EXPONENT = 125
_MIN_EXPONENT = -130
_EXACT = Context(prec=400)
"""Holds a sum of the largest and the smallest number, so that its digits can be counted."""

_PLAIN_INTEGER = re.compile(r"0|-?[1-9][0-9]{0,37}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,6})?")


def canonical_number(text: str) -> str:
    """Return a number as it is stored: without an exponent and superfluous zeros.

    Raises:
        AwsError: The text is no number, or DynamoDB does not hold it.
    """
    if _PLAIN_INTEGER.fullmatch(text):
        return text
    if not _NUMBER.fullmatch(text):
        detail = f": {text}" if text else ""
        raise invalid(f"The parameter cannot be converted to a numeric value{detail}")
    return number_text(Decimal(text))


def number_text(number: Decimal) -> str:
    """Return a number as it is stored. Raises AwsError if DynamoDB does not hold it."""
    if not number:
        return "0"
    if number.adjusted() > _MAX_EXPONENT:
        raise invalid(
            "Number overflow. Attempting to store a number with magnitude larger than supported "
            "range"
        )
    if number.adjusted() < _MIN_EXPONENT:
        raise invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than supported "
            "range"
        )
    number = number.normalize(_EXACT)
    if len(number.as_tuple().digits) > MAX_DIGITS:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return format(number, "f")


def add(left: str, right: str) -> str:
    """Return the sum of two stored numbers, as it is stored."""
    return number_text(_EXACT.add(Decimal(left), Decimal(right)))


def subtract(left: str, right: str) -> str:
    """Return the difference of two stored numbers, as it is stored."""
    return number_text(_EXACT.subtract(Decimal(left), Decimal(right)))


def number_size(text: str) -> int:
    """Return the bytes that a number counts: one, and one for two significant digits."""
    digits = text.lstrip("-").replace(".", "").strip("0")
    return 1 + (len(digits) + 1) // 2 + text.startswith("-")


def sortable_number(text: str) -> bytes:
    """Return bytes that sort as the numbers do.

    After a byte for the sign come the exponent and the digits. Those of a negative number are
    inverted, and end with the largest byte, so that a longer one sorts before its own beginning.
    """
    number = Decimal(text)
    if not number:
        return b"\x01"
    digits = "".join(map(str, number.normalize(_EXACT).as_tuple().digits))
    magnitude = (number.adjusted() + 1000).to_bytes(2, "big") + digits.encode()
    if number > 0:
        return b"\x02" + magnitude
    return b"\x00" + bytes(255 - byte for byte in magnitude) + b"\xff"
