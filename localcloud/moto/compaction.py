"""The items of DynamoDB's tables as the writes that a compacted journal keeps.

Items past their time to live are dropped. DynamoDB deletes them some time later; here, that is
when the journal is compacted.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

CallDynamoDb = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Calls a DynamoDB operation with its parameters and returns its result."""

OLDEST_EXPIRY_S = 5 * 365 * 86_400
"""As on AWS, an expiry more than five years ago counts as a mistake, and the item stays."""


@dataclass(frozen=True, slots=True)
class TableContents:
    """The items of every table.

    `live` has the parameters of the PutItem that makes each item, `expired` those of the
    DeleteItem that removes it.
    """

    live: list[Mapping[str, Any]]
    expired: list[Mapping[str, Any]]


def count_items(call: CallDynamoDb) -> int:
    """Return how many items all tables have, without reading them."""
    return sum(_describe_table(call, table)["ItemCount"] for table in _tables(call))


def read_items(call: CallDynamoDb, now: float) -> TableContents:
    """Read every item; those that expired before `now`, in seconds since the epoch, apart."""
    contents = TableContents([], [])
    for table in _tables(call):
        keys = [key["AttributeName"] for key in _describe_table(call, table)["KeySchema"]]
        attribute = _ttl_attribute(call, table)
        for item in _items(call, table):
            if attribute is not None and _is_expired(item.get(attribute), now):
                key = {name: item[name] for name in keys}
                contents.expired.append({"TableName": table, "Key": key})
            else:
                contents.live.append({"TableName": table, "Item": item})
    return contents


def _is_expired(value: Mapping[str, Any] | None, now: float) -> bool:
    if value is None or "N" not in value:
        return False
    return now - OLDEST_EXPIRY_S <= float(value["N"]) < now


def _ttl_attribute(call: CallDynamoDb, table: str) -> str | None:
    ttl = call("DescribeTimeToLive", {"TableName": table})["TimeToLiveDescription"]
    return str(ttl["AttributeName"]) if ttl.get("TimeToLiveStatus") == "ENABLED" else None


def _describe_table(call: CallDynamoDb, table: str) -> Mapping[str, Any]:
    description: Mapping[str, Any] = call("DescribeTable", {"TableName": table})["Table"]
    return description


def _tables(call: CallDynamoDb) -> Iterator[str]:
    for page in _pages(call, "ListTables", {}, "LastEvaluatedTableName", "ExclusiveStartTableName"):
        yield from page["TableNames"]


def _items(call: CallDynamoDb, table: str) -> Iterator[Mapping[str, Any]]:
    scan = {"TableName": table}
    for page in _pages(call, "Scan", scan, "LastEvaluatedKey", "ExclusiveStartKey"):
        yield from page["Items"]


def _pages(
    call: CallDynamoDb, operation: str, params: Mapping[str, Any], last: str, start: str
) -> Iterator[Mapping[str, Any]]:
    page = call(operation, params)
    yield page
    while last in page:
        page = call(operation, {**params, start: page[last]})
        yield page
