"""One DynamoDB table in Python's own values: the codec and the conditional operations.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import translated
from chalicelib.errors import Conflict, Throttled

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef

Value = str | int | bool | bytes | frozenset[str] | None
Item = dict[str, Any]
Key = tuple[str, str]

_TRANSACTION_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.02
_MOST_KEYS = 100
_MAX_KEY_BYTES = (2_048, 1_024)
"""Of a partition key and of a sort key.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""
_serialise = TypeSerializer().serialize
_deserialise = TypeDeserializer().deserialize


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """A condition expression with its `:values`; every `#name` stands for the name itself."""

    expression: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole item."""

    item: Mapping[str, Value]
    condition: WriteCondition | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Change an item by an update expression, such as `SET #status = :status`.

    `names` are what a `#name` stands for, where that is not the name itself.
    """

    key: Key
    expression: str
    values: Mapping[str, Value]
    condition: WriteCondition | None = None
    names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Delete:
    """Remove an item."""

    key: Key
    condition: WriteCondition | None = None


@dataclass(frozen=True, slots=True)
class ConditionCheck:
    """Write nothing, but let the transaction fail where the condition does not hold."""

    key: Key
    condition: WriteCondition


Write = Put | Update | Delete | ConditionCheck


@dataclass(frozen=True, slots=True)
class Updated:
    """The result of an update, and the item after it, or as it was when it was refused."""

    made: bool
    item: Item


class TransactionRefused(Conflict):
    """Raised when conditions of a transaction did not hold; nothing was written.

    `refused` holds the positions of the writes whose condition was false.
    """

    def __init__(self, message: str, refused: frozenset[int]) -> None:
        super().__init__(message)
        self.refused = refused


class DynamoTable:
    """A table whose key is `pk` and `sk`, both strings."""

    def __init__(self, client: DynamoDBClient, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Key) -> Item | None:
        """Return the item under `key` by a consistent read, or None.

        A key that is longer than DynamoDB takes is that of no item.
        """
        if any(len(part.encode()) > limit for part, limit in zip(key, _MAX_KEY_BYTES, strict=True)):
            return None
        with translated(f"reading {key[1]}"):
            answer = self._client.get_item(TableName=self._name, Key=_key(key), ConsistentRead=True)
        return _decoded(answer["Item"]) if "Item" in answer else None

    def get_many(self, keys: Sequence[Key], attributes: Sequence[str] = ()) -> list[Item]:
        """Return the items that exist under `keys`, in no order, by consistent reads.

        Only `attributes` are returned where any are named.

        Raises:
            Throttled: the table kept leaving keys unread for as long as we tried.
        """
        found: list[Item] = []
        wanted = {"ConsistentRead": True, **_projected(attributes)}
        for n in range(0, len(keys), _MOST_KEYS):
            unread: list[dict[str, Any]] = [_key(key) for key in keys[n : n + _MOST_KEYS]]
            for attempt in range(_TRANSACTION_ATTEMPTS):
                request: Any = {"Keys": unread, **wanted}
                with translated("reading records"):
                    answer = self._client.batch_get_item(RequestItems={self._name: request})
                found += [_decoded(item) for item in answer["Responses"].get(self._name, [])]
                left: Any = answer.get("UnprocessedKeys", {}).get(self._name, {})
                unread = left.get("Keys", [])
                if not unread:
                    break
                time.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311
            if unread:
                raise Throttled("The records table leaves keys unread.")
        return found

    def put(self, put: Put) -> None:
        """Write an item; raise `Conflict` when its condition does not hold."""
        with translated("writing a record"):
            self._client.put_item(TableName=self._name, Item=_encoded(put.item), **_extras(put))

    def update(self, update: Update) -> None:
        """Change an item; raise `Conflict` when its condition does not hold."""
        with translated(f"updating {update.key[1]}"):
            self._client.update_item(
                TableName=self._name,
                Key=_key(update.key),
                UpdateExpression=update.expression,
                **_extras(update),
            )

    def updated(self, update: Update) -> Updated:
        """Change an item and return it; a condition that does not hold is no error."""
        with translated(f"updating {update.key[1]}"):
            try:
                answer = self._client.update_item(
                    TableName=self._name,
                    Key=_key(update.key),
                    UpdateExpression=update.expression,
                    ReturnValues="ALL_NEW",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **_extras(update),
                )
            except self._client.exceptions.ConditionalCheckFailedException as error:
                refused: Mapping[str, Any] = error.response
                return Updated(False, _decoded(refused.get("Item", {})))
        return Updated(True, _decoded(answer["Attributes"]))

    def delete(self, delete: Delete) -> None:
        """Remove an item; raise `Conflict` when its condition does not hold."""
        with translated(f"deleting {delete.key[1]}"):
            self._client.delete_item(TableName=self._name, Key=_key(delete.key), **_extras(delete))

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all `writes` or none.

        Raises:
            TransactionRefused: a condition was false.
            Throttled: others kept writing the same items for as long as we tried.
        """
        items = [self._transact_item(write) for write in writes]
        for attempt in range(_TRANSACTION_ATTEMPTS):
            with translated("writing records together"):
                try:
                    self._client.transact_write_items(TransactItems=items)
                except self._client.exceptions.TransactionCanceledException as error:
                    _raise_if_refused(error)
                else:
                    return
            time.sleep(random.uniform(0, _FIRST_PAUSE_SECONDS * 2**attempt))  # noqa: S311
        raise Throttled("Others kept writing the same records.")

    def query(
        self,
        pk: str,
        sk_prefix: str,
        *,
        limit: int = 0,
        after: str = "",
        newest_first: bool = False,
        attributes: Sequence[str] = (),
    ) -> Iterator[Item]:
        """Yield the items of `pk` whose `sk` begins with `sk_prefix` ("" for all), in order of
        `sk`, or against it where `newest_first`.

        `limit` bounds one page read from the table, `after` is the `sk` to go on behind. Only
        `attributes` are returned where any are named; what is read is billed whole.
        """
        arguments: dict[str, Any] = {
            "TableName": self._name,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": _encoded({":pk": pk}),
            "ConsistentRead": True,
            "ScanIndexForward": not newest_first,
        }
        if sk_prefix:  # a key condition takes no empty string
            arguments["KeyConditionExpression"] = "pk = :pk AND begins_with(sk, :prefix)"
            arguments["ExpressionAttributeValues"] = _encoded({":pk": pk, ":prefix": sk_prefix})
        if limit:
            arguments["Limit"] = limit
        arguments |= _projected(attributes)
        if after:
            arguments["ExclusiveStartKey"] = _key((pk, after))
        while True:
            with translated(f"listing {sk_prefix}"):
                answer = self._client.query(**arguments)
            yield from (_decoded(item) for item in answer["Items"])
            if "LastEvaluatedKey" not in answer:
                return
            arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _transact_item(self, write: Write) -> TransactWriteItemTypeDef:
        content: dict[str, Any] = {"TableName": self._name, **_extras(write)}
        if isinstance(write, Put):
            content["Item"] = _encoded(write.item)
        else:
            content["Key"] = _key(write.key)
        if isinstance(write, Update):
            content["UpdateExpression"] = write.expression
        return cast("TransactWriteItemTypeDef", {type(write).__name__: content})


def _raise_if_refused(error: ClientError) -> None:
    """Raise `TransactionRefused` unless the cause was only that others wrote at the time."""
    response: Mapping[str, Any] = error.response
    codes = [str(reason.get("Code")) for reason in response.get("CancellationReasons", [])]
    refused = frozenset(n for n, code in enumerate(codes) if code == "ConditionalCheckFailed")
    if refused:
        raise TransactionRefused("A condition of the transaction is false.", refused) from error
    if not any(code in ("TransactionConflict", "ThrottlingError") for code in codes):
        raise error


def _extras(write: Write) -> dict[str, Any]:
    """Return the condition, names and values of `write` as request parameters."""
    expressions = write.expression if isinstance(write, Update) else ""
    values = dict(write.values) if isinstance(write, Update) else {}
    extras: dict[str, Any] = {}
    if write.condition is not None:
        extras["ConditionExpression"] = write.condition.expression
        expressions = f"{expressions} {write.condition.expression}"
        values |= write.condition.values
    names = {word for word in _words(expressions) if word.startswith("#")}
    if names:
        meant = write.names if isinstance(write, Update) else {}
        extras["ExpressionAttributeNames"] = {
            name: meant.get(name, name[1:]) for name in sorted(names)
        }
    if values:
        extras["ExpressionAttributeValues"] = _encoded(values)
    return extras


def _projected(attributes: Sequence[str]) -> dict[str, Any]:
    """Return the request parameters by which only `attributes` are returned; none for all."""
    names = {f"#{name}": name for name in attributes}
    if not names:
        return {}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


def _words(expression: str) -> list[str]:
    for mark in "(),=<>+":
        expression = expression.replace(mark, " ")
    return expression.split()


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key[0]}, "sk": {"S": key[1]}}


def _encoded(item: Mapping[str, Value]) -> dict[str, Any]:
    return {name: _serialise(value) for name, value in item.items()}


def _decoded(item: Mapping[str, Any]) -> Item:
    return {name: _plain(_deserialise(value)) for name, value in item.items()}


def _plain(value: Any) -> Any:
    """Return a whole number as `int`, binary as `bytes`; the table holds nothing finer."""
    if isinstance(value, Decimal):
        return int(value)
    return value.__bytes__() if isinstance(value, Binary) else value
