"""Query and Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from localcloud.dynamodb.errors import invalid
from localcloud.dynamodb.expressions.conditions import (
    And,
    Between,
    Condition,
    ConditionComparison,
    Function,
    Not,
    OneOf,
    Or,
    holds,
)
from localcloud.dynamodb.expressions.key_conditions import KeyRange, key_range
from localcloud.dynamodb.expressions.paths import Path, project
from localcloud.dynamodb.expressions.syntax import Operand, PathOperand, SizeOf, Values
from localcloud.dynamodb.keys import ItemKey, KeySchema, key_of
from localcloud.dynamodb.request_expressions import RequestExpressions
from localcloud.dynamodb.responses import consumed, read_units
from localcloud.dynamodb.store import ItemStore, decode_item, encode_item
from localcloud.dynamodb.tables import Index, Table
from localcloud.dynamodb.values import Item
from localcloud.service import Params, Result

MAX_PAGE_BYTES = 1024 * 1024
MAX_SEGMENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The plan of one call: the range that it reads, in which order, and the members it returns.

    Attributes:
        table: the table.
        index: the index that is read, None for the table itself.
        range: the range of a query, None for a scan.
        start: the entry behind which to begin: its key, and that of its item in the table.
        forward: whether sort keys ascend.
        limit: the most items to look at, 0 for as many as a page holds.
        condition: the filter.
        values: the values of the filter's placeholders.
        paths: what is returned of each item, None for all that the index holds.
        counts_only: whether only the number of items is returned.
        segment: the segment of a parallel scan, and how many there are.
    """

    table: Table
    index: Index | None
    range: KeyRange | None
    start: tuple[ItemKey, ItemKey] | None
    forward: bool
    limit: int
    condition: Condition | None
    values: Values
    paths: tuple[Path, ...] | None
    counts_only: bool
    segment: tuple[int, int] = (0, 1)


class ItemQueryOperations:
    """Query and Scan."""

    def __init__(self, store: ItemStore) -> None:
        self._store = store

    def query(self, request: Params) -> Result:
        """Return a page of the items of one partition, in the order of their sort keys."""
        expressions = RequestExpressions(request)
        terms = expressions.key_condition()
        page = self._page(request, expressions, forward=request.get("ScanIndexForward", True))
        keys = page.index.keys if page.index else page.table.keys
        wanted = key_range(terms, keys, expressions.values)
        _check_filter(page.condition, keys)
        if page.start is not None and page.start[0].hash != wanted.hash:
            raise invalid(
                "The provided starting key is outside query boundaries based on provided conditions"
            )
        return self._read(request, replace(page, range=wanted))

    def scan(self, request: Params) -> Result:
        """Return a page of all items."""
        expressions = RequestExpressions(request)
        page = self._page(request, expressions, forward=True)
        return self._read(request, replace(page, segment=_segment(request)))

    def _page(
        self, request: Params, expressions: RequestExpressions, *, forward: bool
    ) -> PageRequest:
        condition = expressions.condition("FilterExpression")
        paths = expressions.projection()
        expressions.finish()
        table = self._store.table(request["TableName"])
        index = table.index(request["IndexName"]) if "IndexName" in request else None
        _check_select(request, index)
        start = request.get("ExclusiveStartKey")
        return PageRequest(
            table,
            index,
            None,
            None if start is None else _start(table, index, start),
            forward,
            request.get("Limit", 0),
            condition,
            expressions.values,
            paths,
            request.get("Select") == "COUNT",
        )

    def _read(self, request: Params, page: PageRequest) -> Result:
        with self._store.snapshot() as connection:
            found = _read_page(connection, page, whole=_reads_whole(request, page))
        units = read_units(found.size, consistent=bool(request.get("ConsistentRead")))
        result: dict[str, Any] = {
            "Count": found.count,
            "ScannedCount": found.scanned,
            **consumed(request, page.table.name, units),
        }
        if not page.counts_only:
            result["Items"] = found.items
        if found.last is not None:
            result["LastEvaluatedKey"] = encode_item(_position(page, found.last))
        return result


@dataclass(slots=True)
class _Page:
    """A page that was read: items, counts, bytes, and the last item if more may follow."""

    items: list[bytes]
    count: int = 0
    scanned: int = 0
    size: int = 0
    last: Item | None = None


def _read_page(connection: sqlite3.Connection, page: PageRequest, *, whole: bool) -> _Page:
    found = _Page([])
    previous = b""
    cursor = connection.execute(*_select(page))
    for table_hash, size, stored in cursor:
        if not _in_segment(table_hash, page.segment):
            continue
        if found.scanned and found.size + size > MAX_PAGE_BYTES:
            found.last = decode_item(previous)
            break
        found.scanned += 1
        found.size += size
        _add(found, page, stored, whole=whole)
        previous = stored
        if found.scanned == page.limit:
            found.last = decode_item(stored)
            break
    cursor.close()
    return found


def _add(found: _Page, page: PageRequest, stored: bytes, *, whole: bool) -> None:
    """Add an item to a page if the filter lets it through."""
    held = page.index.attributes if page.index and not whole else None
    if page.condition is None and page.paths is None and held is None:
        found.count += 1
        found.items.append(stored)
        return
    item = decode_item(stored)
    if held is not None and page.index is not None:
        item = page.index.visible(item)
    if page.condition is not None and not holds(page.condition, item, page.values):
        return
    found.count += 1
    if page.counts_only:
        return
    if page.paths is not None:
        found.items.append(encode_item(project(item, page.paths)))
    else:
        found.items.append(stored if held is None else encode_item(item))


def _select(page: PageRequest) -> tuple[str, list[Any]]:
    """Return the statement that reads a page, and its arguments."""
    if page.index is None:
        sql = "SELECT hash, size, item FROM items AS e WHERE e.table_id = ?"
        arguments: list[Any] = [page.table.id]
        order = ["hash", "range"]
    else:
        sql = (
            "SELECT e.item_hash, i.size, i.item FROM entries AS e CROSS JOIN items AS i "
            "ON i.table_id = e.table_id AND i.hash = e.item_hash AND i.range = e.item_range "
            "WHERE e.table_id = ? AND e.index_id = ?"
        )
        arguments = [page.table.id, page.index.id]
        order = ["hash", "range", "item_hash", "item_range"]
    for condition, argument in _bounds(page):
        sql += f" AND {condition}"
        arguments.append(argument)
    if page.start is not None:
        entry, item = page.start
        places = [entry.hash, entry.range, item.hash, item.range][: len(order)]
        if page.range is not None:
            order, places = order[1:], places[1:]
        columns = ", ".join(f"e.{column}" for column in order)
        marks = ", ".join("?" for _ in order)
        sql += f" AND ({columns}) {'>' if page.forward else '<'} ({marks})"
        arguments += places
    direction = "ASC" if page.forward else "DESC"
    return f"{sql} ORDER BY {', '.join(f'e.{c} {direction}' for c in order)}", arguments


def _bounds(page: PageRequest) -> Iterator[tuple[str, bytes]]:
    if page.range is None:
        return
    yield "e.hash = ?", page.range.hash
    bounds = (
        ("e.range >= ?", page.range.at_least),
        ("e.range <= ?", page.range.at_most),
        ("e.range > ?", page.range.above),
        ("e.range < ?", page.range.below),
    )
    for condition, bound in bounds:
        if bound is not None:
            yield condition, bound


def _start(table: Table, index: Index | None, start: Item) -> tuple[ItemKey, ItemKey]:
    """Return the place that an ExclusiveStartKey names. Raises AwsError if it names none."""
    index_keys = index.keys if index else table.keys
    names = {*table.keys.names, *index_keys.names}
    if set(start) != names:
        raise invalid("The provided starting key is invalid")
    return (
        key_of(index_keys, {name: start[name] for name in index_keys.names}),
        key_of(table.keys, {name: start[name] for name in table.keys.names}),
    )


def _position(page: PageRequest, item: Item) -> Item:
    """Return the LastEvaluatedKey behind an item."""
    keys = page.table.keys.names
    names = (*keys, *(page.index.keys.names if page.index else ()))
    return {name: item[name] for name in dict.fromkeys(names)}


def _segment(request: Params) -> tuple[int, int]:
    segment, total = request.get("Segment"), request.get("TotalSegments")
    if (segment is None) != (total is None):
        given, missing = (
            ("Segment", "TotalSegments") if total is None else ("TotalSegments", "Segment")
        )
        raise invalid(
            f"The {missing} parameter is required but was not present in the request when "
            f"{given} parameter is present"
        )
    if segment is None or total is None:
        return 0, 1
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    return segment, total


def _in_segment(table_hash: bytes, segment: tuple[int, int]) -> bool:
    number, total = segment
    return total == 1 or zlib.crc32(table_hash) % total == number


def _reads_whole(request: Params, page: PageRequest) -> bool:
    """Return whether attributes that the index lacks are fetched from the table."""
    if page.index is None or page.index.is_global:
        return False
    return request.get("Select") == "ALL_ATTRIBUTES" or page.paths is not None


def _check_select(request: Params, index: Index | None) -> None:
    select = request.get("Select")
    if index is not None and index.is_global:
        if request.get("ConsistentRead"):
            raise invalid("Consistent reads are not supported on global secondary indexes")
        if select == "ALL_ATTRIBUTES" and index.attributes is not None:
            raise invalid(
                "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not "
                f"supported for global secondary index {index.name} because its projection type "
                "is not ALL"
            )
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise invalid("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    has_projection = "ProjectionExpression" in request
    if has_projection and select not in (None, "SPECIFIC_ATTRIBUTES"):
        raise invalid(f"Cannot specify the ProjectionExpression when choosing to get {select}")
    if select == "SPECIFIC_ATTRIBUTES" and not has_projection:
        raise invalid("Must specify the AttributesToGet when choosing to get SPECIFIC_ATTRIBUTES")


def _check_filter(condition: Condition | None, keys: KeySchema) -> None:
    """Raise AwsError if a query's filter names an attribute of the key."""
    used = set() if condition is None else set(_attributes(condition))
    for name in keys.names:
        if name in used:
            raise invalid(
                "Filter Expression can only contain non-primary key attributes: "
                f"Primary key attribute: {name}"
            )


def _attributes(condition: Condition) -> Iterator[str]:
    """Yield the attributes at the head of each path in a condition."""
    match condition:
        case And() | Or():
            for each in condition.conditions:
                yield from _attributes(each)
        case Not():
            yield from _attributes(condition.condition)
        case ConditionComparison():
            yield from _heads(condition.left, condition.right)
        case Between():
            yield from _heads(condition.operand, condition.low, condition.high)
        case OneOf():
            yield from _heads(condition.operand, *condition.options)
        case Function():
            yield from _heads(*condition.arguments)


def _heads(*operands: Operand) -> Iterator[str]:
    for operand in operands:
        inner = operand.operand if isinstance(operand, SizeOf) else operand
        if isinstance(inner, PathOperand):
            yield str(inner.path[0])
