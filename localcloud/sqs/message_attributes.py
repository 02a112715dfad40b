"""Message attributes: their checks, MD5, stored form, and selection by a receiver.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from localcloud.sqs.errors import invalid, invalid_value

MAX_ATTRIBUTES = 10
_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
_BINARY_MARK = b"\x02"
_STRING_MARK = b"\x01"


def check(attributes: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise AwsError unless SQS accepts `attributes` on a message."""
    if len(attributes) > MAX_ATTRIBUTES:
        raise invalid(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum "
            f"[{MAX_ATTRIBUTES}]."
        )
    for name, value in attributes.items():
        if not _NAME.fullmatch(name) or len(name) > 256 or re.match(r"(aws|amazon)\.", name, re.I):
            raise invalid(f"Invalid message attribute name '{name}'.")
        _check_value(name, value)


def check_system(attributes: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise AwsError unless `attributes` has nothing but an AWSTraceHeader string."""
    for name, value in attributes.items():
        if name != "AWSTraceHeader":
            raise invalid_value(name, "MessageSystemAttributes", "Only AWSTraceHeader is allowed.")
        if value.get("DataType") != "String" or not value.get("StringValue"):
            raise invalid(f"The message system attribute '{name}' must be a non-empty String.")


def _check_value(name: str, value: Mapping[str, Any]) -> None:
    data_type = str(value.get("DataType", ""))
    base = data_type.partition(".")[0]
    if base not in ("String", "Number", "Binary") or len(data_type) > 256:
        raise invalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of "
            "supported type prefixes is Binary, Number, and String."
        )
    if value.get("StringListValues") or value.get("BinaryListValues"):
        raise invalid(f"Message attribute list values in attribute '{name}' are not supported.")
    wanted = "BinaryValue" if base == "Binary" else "StringValue"
    other = "StringValue" if base == "Binary" else "BinaryValue"
    if not value.get(wanted) or value.get(other) is not None:
        raise invalid(
            f"The message attribute '{name}' must contain a non-empty message attribute value "
            f"for message attribute type '{base}'."
        )
    if base == "Number":
        _check_number(name, str(value["StringValue"]))


def _check_number(name: str, text: str) -> None:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise invalid(f"Can't cast the value of message attribute '{name}' to a number.") from error
    if not number.is_finite() or abs(number) > Decimal("1e128"):
        raise invalid(f"The number in message attribute '{name}' is out of range.")


def size(attributes: Mapping[str, Mapping[str, Any]]) -> int:
    """Return the size of `attributes` in bytes: names, types and values."""
    return sum(
        len(name.encode()) + len(value.get("DataType", "").encode()) + len(_bytes_of(value))
        for name, value in attributes.items()
    )


def md5(attributes: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Return the MD5 of `attributes` as AWS documents it, or None if there are none."""
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        value = attributes[name]
        digest.update(_length_prefixed(name.encode()))
        digest.update(_length_prefixed(value["DataType"].encode()))
        digest.update(_BINARY_MARK if "BinaryValue" in value else _STRING_MARK)
        digest.update(_length_prefixed(_bytes_of(value)))
    return digest.hexdigest()


def _length_prefixed(data: bytes) -> bytes:
    return len(data).to_bytes(4, "big") + data


def _bytes_of(value: Mapping[str, Any]) -> bytes:
    if "BinaryValue" in value:
        return bytes(value["BinaryValue"])
    return str(value.get("StringValue", "")).encode()


def select(
    attributes: Mapping[str, Mapping[str, Any]], wanted: Iterable[str]
) -> dict[str, Mapping[str, Any]]:
    """Return the attributes that MessageAttributeNames selects.

    `All` and `.*` select every one, `prefix.*` those that begin with the prefix.
    """
    names = list(wanted)
    if "All" in names or ".*" in names:
        return dict(attributes)
    prefixes = tuple(name[:-2] for name in names if name.endswith(".*"))
    return {
        name: value
        for name, value in attributes.items()
        if name in names or (prefixes and name.startswith(prefixes))
    }


def to_json(attributes: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Return `attributes` as they are stored, with binary values in base 64."""
    return {
        name: {
            key: base64.b64encode(part).decode() if key == "BinaryValue" else part
            for key, part in value.items()
            if part
        }
        for name, value in attributes.items()
    }


def from_json(stored: Mapping[str, Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Return the attributes that `to_json` stored."""
    return {
        name: {
            key: base64.b64decode(part) if key == "BinaryValue" else part
            for key, part in value.items()
        }
        for name, value in stored.items()
    }
