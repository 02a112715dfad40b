"""Writing of results as JSON, with stored items as they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from localcloud.service import Params
from localcloud.wire.responses import WireResponse

READ_UNIT_BYTES = 4096
WRITE_UNIT_BYTES = 1024
_HEADERS = {"Content-Type": "application/x-amz-json-1.0"}


def json_response(result: Mapping[str, Any]) -> WireResponse:
    """Return the response with a result; `bytes` in it are JSON already."""
    return WireResponse(200, _HEADERS, _encode(result))


def _encode(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if isinstance(value, Mapping):
        members = (json.dumps(name).encode() + b":" + _encode(each) for name, each in value.items())
        return b"{" + b",".join(members) + b"}"
    if isinstance(value, list):
        return b"[" + b",".join(map(_encode, value)) + b"]"
    return json.dumps(value, ensure_ascii=False).encode()


def read_units(size: int, *, consistent: bool) -> float:
    """Return the read units of `size` bytes that one operation reads.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    units = max(1, math.ceil(size / READ_UNIT_BYTES))
    return float(units) if consistent else units / 2


def write_units(size: int) -> float:
    """Return the write units of an item of `size` bytes."""
    return float(max(1, math.ceil(size / WRITE_UNIT_BYTES)))


def consumed(request: Params, table: str, units: float) -> dict[str, Any]:
    """Return the member ConsumedCapacity, if `request` wants it."""
    wanted = request.get("ReturnConsumedCapacity", "NONE")
    return {} if wanted == "NONE" else {"ConsumedCapacity": capacity(wanted, table, units)}


def capacity(wanted: str, table: str, units: float) -> dict[str, Any]:
    """Return the capacity that an operation consumed of a table."""
    whole: dict[str, Any] = {"TableName": table, "CapacityUnits": units}
    return {**whole, "Table": {"CapacityUnits": units}} if wanted == "INDEXES" else whole
