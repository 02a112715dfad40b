"""What the journal must hold of DynamoDB's items: one put of each, less those that expired.

DynamoDB deletes what is past its time to live some time later; here, when the journal is made
shorter. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Ask = Callable[[str, Mapping[str, Any]], Mapping[str, Any]]
"""Calls a DynamoDB operation with its parameters and returns its answer."""

OLDEST_EXPIRY_S = 5 * 365 * 86_400
"""As on AWS, what expired more than five years ago is taken for a mistake and stays."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The items of every table.

    `kept` has the parameters of the PutItem that makes each, `expired` those of the DeleteItem
    that removes it.
    """

    kept: list[Mapping[str, Any]]
    expired: list[Mapping[str, Any]]


def item_count(ask: Ask) -> int:
    """Return how many items all tables have, without reading them."""
    return sum(_described(ask, table)["ItemCount"] for table in _tables(ask))


def contents(ask: Ask, now: float) -> Contents:
    """Read every item and tell those that expired before `now`, in seconds since the epoch."""
    found = Contents([], [])
    for table in _tables(ask):
        keys = [each["AttributeName"] for each in _described(ask, table)["KeySchema"]]
        attribute = _expiry_attribute(ask, table)
        for item in _items(ask, table):
            if attribute is not None and _expired(item.get(attribute), now):
                key = {name: item[name] for name in keys}
                found.expired.append({"TableName": table, "Key": key})
            else:
                found.kept.append({"TableName": table, "Item": item})
    return found


def _expired(value: Mapping[str, Any] | None, now: float) -> bool:
    if value is None or "N" not in value:
        return False
    return now - OLDEST_EXPIRY_S <= float(value["N"]) < now


def _expiry_attribute(ask: Ask, table: str) -> str | None:
    described = ask("DescribeTimeToLive", {"TableName": table})["TimeToLiveDescription"]
    enabled = described.get("TimeToLiveStatus") == "ENABLED"
    return str(described["AttributeName"]) if enabled else None


def _described(ask: Ask, table: str) -> Mapping[str, Any]:
    described: Mapping[str, Any] = ask("DescribeTable", {"TableName": table})["Table"]
    return described


def _tables(ask: Ask) -> Iterator[str]:
    for page in _pages(ask, "ListTables", {}, "LastEvaluatedTableName", "ExclusiveStartTableName"):
        yield from page["TableNames"]


def _items(ask: Ask, table: str) -> Iterator[Mapping[str, Any]]:
    scan = {"TableName": table}
    for page in _pages(ask, "Scan", scan, "LastEvaluatedKey", "ExclusiveStartKey"):
        yield from page["Items"]


def _pages(
    ask: Ask, operation: str, params: Mapping[str, Any], last: str, start: str
) -> Iterator[Mapping[str, Any]]:
    page = ask(operation, params)
    yield page
    while last in page:
        page = ask(operation, {**params, start: page[last]})
        yield page
