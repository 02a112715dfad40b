"""TransactWriteItems and TransactGetItems.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.clock import Clock
from localcloud.dynamodb.errors import INVALID_VALUES, invalid
from localcloud.dynamodb.expressions.paths import project
from localcloud.dynamodb.item_writes import ItemWrite, WrittenItem, read_write
from localcloud.dynamodb.keys import ItemKey, key_of
from localcloud.dynamodb.request_expressions import RequestExpressions
from localcloud.dynamodb.responses import capacity, read_units, write_units
from localcloud.dynamodb.store import ItemStore, decode_item, encode_item, read_item
from localcloud.dynamodb.values import item_size
from localcloud.errors import AwsError
from localcloud.service import Params, Result

MAX_ACTIONS = 100
MAX_BYTES = 4 * 1024 * 1024
TOKEN_LIFE_S = 600
"""A client token means the same request for ten minutes."""

_WRITES = ("Put", "Update", "Delete", "ConditionCheck")
_REASONS = {
    "ConditionalCheckFailedException": "ConditionalCheckFailed",
    "ValidationException": "ValidationError",
}
_ONE_ITEM_TWICE = "Transaction request cannot include multiple operations on one item"


class TransactionOperations:
    """TransactWriteItems and TransactGetItems."""

    def __init__(self, store: ItemStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def transact_write_items(self, request: Params) -> Result:
        """Make all writes, or none. Raises AwsError with the reason of each write that failed."""
        parts = [_only_part(item, _WRITES) for item in request["TransactItems"]]
        if len(parts) > MAX_ACTIONS:
            raise _too_many(len(parts))
        with self._store.transaction() as connection:
            writes: list[ItemWrite | AwsError] = [self._read(kind, part) for kind, part in parts]
            _check_distinct([(w.table.name, w.key) for w in writes if isinstance(w, ItemWrite)])
            if self._was_made(connection, request):
                return {}
            written = _perform(connection, writes)
        return self._write_capacity(request, writes, written)

    def transact_get_items(self, request: Params) -> Result:
        """Return several items as they are at one moment."""
        parts = [_only_part(item, ("Get",))[1] for item in request["TransactItems"]]
        if len(parts) > MAX_ACTIONS:
            raise _too_many(len(parts))
        responses: list[Any] = []
        units: dict[str, float] = {}
        keys = []
        with self._store.snapshot() as connection:
            for part in parts:
                expressions = RequestExpressions(part)
                paths = expressions.projection()
                expressions.finish()
                table = self._store.table(part["TableName"])
                key = key_of(table.keys, part["Key"])
                keys.append((table.name, key))
                stored = read_item(connection, table, key)
                spent = 2 * read_units(len(stored or b""), consistent=True)
                units[table.name] = units.get(table.name, 0) + spent
                if stored is not None and paths is not None:
                    stored = encode_item(project(decode_item(stored), paths))
                responses.append({} if stored is None else {"Item": stored})
        _check_distinct(keys)
        return {"Responses": responses, **_capacities(request, units)}

    def _read(self, kind: str, part: Params) -> ItemWrite | AwsError:
        """Return a write, or the error by which its table does not take it."""
        if kind == "Update" and "UpdateExpression" not in part:
            raise invalid("The update expression must be given")
        try:
            return read_write(kind, part, self._store)
        except AwsError as error:
            if error.code == "ValidationException" and _concerns_item(error):
                return error
            raise

    def _was_made(self, connection: sqlite3.Connection, request: Params) -> bool:
        """Return whether the request was made before under its client token, and note it."""
        token = request.get("ClientRequestToken")
        if not token:
            return False
        content = json.dumps(request["TransactItems"], sort_keys=True).encode()
        digest = hashlib.sha256(content).hexdigest()
        now = self._clock()
        row = connection.execute("SELECT * FROM tokens WHERE token = ?", (token,)).fetchone()
        if row is not None and row["used_at"] > now - TOKEN_LIFE_S:
            if row["request"] != digest:
                raise AwsError(
                    "IdempotentParameterMismatchException",
                    "The request uses the same client token as a previous, but non-identical "
                    "request. Do not reuse a client token with different requests, unless the "
                    "requests are identical",
                )
            return True
        connection.execute("INSERT OR REPLACE INTO tokens VALUES (?, ?, ?)", (token, digest, now))
        return False

    def _write_capacity(
        self,
        request: Params,
        writes: Sequence[ItemWrite | AwsError],
        written: Sequence[WrittenItem],
    ) -> Result:
        units: dict[str, float] = {}
        for write, item in zip(writes, written, strict=True):
            assert isinstance(write, ItemWrite)  # an error would have cancelled the transaction
            spent = 2 * write_units(item.size)
            units[write.table.name] = units.get(write.table.name, 0) + spent
        return _capacities(request, units)


def _perform(
    connection: sqlite3.Connection, writes: Sequence[ItemWrite | AwsError]
) -> list[WrittenItem]:
    """Make the writes. Raises TransactionCanceledException unless all can be made."""
    written: list[WrittenItem] = []
    reasons: list[dict[str, Any]] = []
    for write in writes:
        try:
            if isinstance(write, AwsError):
                raise write
            written.append(write.perform(connection))
            reasons.append({"Code": "None"})
        except AwsError as error:
            if error.code not in _REASONS:
                raise
            reasons.append({"Code": _REASONS[error.code], "Message": error.message, **error.fields})
    if len(written) < len(writes):
        codes = ", ".join(reason["Code"] for reason in reasons)
        raise AwsError(
            "TransactionCanceledException",
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            f"[{codes}]",
            CancellationReasons=reasons,
        )
    if sum(item_size(item.new or {}) for item in written) > MAX_BYTES:
        raise invalid("Transaction item size has exceeded the maximum allowed size of 4 MB")
    return written


def _only_part(item: Mapping[str, Any], allowed: Sequence[str]) -> tuple[str, Params]:
    if len(item) != 1 or next(iter(item)) not in allowed:
        raise invalid(
            "TransactItems can only contain one of Check, Put, Update or Delete"
            if len(allowed) > 1
            else "TransactItems can only contain Get"
        )
    [(kind, part)] = item.items()
    return kind, part


def _check_distinct(keys: Sequence[tuple[str, ItemKey]]) -> None:
    if len(set(keys)) < len(keys):
        raise invalid(_ONE_ITEM_TWICE)


def _concerns_item(error: AwsError) -> bool:
    """Return whether an error is about the item and its table, not about an expression."""
    return error.message.startswith(
        (
            INVALID_VALUES,
            "The provided key element",
            "One or more parameter values are not valid",
            "Item size",
        )
    )


def _too_many(count: int) -> AwsError:
    return invalid(
        "1 validation error detected: Value at 'transactItems' failed to satisfy constraint: "
        f"Member must have length less than or equal to {MAX_ACTIONS}; it has {count}"
    )


def _capacities(request: Params, units: Mapping[str, float]) -> dict[str, Any]:
    wanted = request.get("ReturnConsumedCapacity", "NONE")
    if wanted == "NONE":
        return {}
    return {"ConsumedCapacity": [capacity(wanted, table, spent) for table, spent in units.items()]}
