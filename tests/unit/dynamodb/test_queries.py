"""Queries and scans: what they find, in which order, page by page, and what they read for it.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.dynamodb.conftest import Open, Tables

FOLDERS = count()
BY_NUMBER = {
    "IndexName": "by-number",
    "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
    "Projection": {"ProjectionType": "ALL"},
}


def put(tables: Tables, pk: str, sk: float) -> None:
    tables.put(pk, sk={"N": str(sk)})


def keys(found: list[dict[str, Any]]) -> list[tuple[str, float]]:
    return [(item["pk"]["S"], float(item["sk"]["N"])) for item in found]


def of(pk: Any, condition: str = "pk = :p", **more: Any) -> dict[str, Any]:
    values = {":p": pk, **more.pop("values", {})}
    return {
        "TableName": "table",
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        **more,
    }


@pytest.mark.parametrize("forward", [True, False])
def test_a_query_should_find_its_partition_in_the_order_of_the_numbers(
    tables: Tables, forward: bool
) -> None:
    tables.create(sort="N")
    numbers = [10, 9, -1, 100, 2, 0, 1.5, -1.5, -100, 1e-5, -1e-5, 12, 120, -12, -120]
    for sk in numbers:
        put(tables, "a", sk)
        put(tables, "b", sk)
    found = tables.pages("Query", **of({"S": "a"}, ScanIndexForward=forward, Limit=2))
    assert keys(found) == sorted([("a", sk) for sk in numbers], reverse=not forward)
    assert tables.pages("Query", **of({"S": "c"})) == []


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    texts=st.sets(st.text(max_size=4).filter(bool), min_size=1, max_size=12),
    prefix=st.text(max_size=2).filter(bool),
    bounds=st.tuples(st.text(max_size=3).filter(bool), st.text(max_size=3).filter(bool)),
)
def test_a_range_of_texts_should_be_that_of_their_utf8(
    opened: Open, texts: set[str], prefix: str, bounds: tuple[str, str]
) -> None:
    low, high = sorted(bounds, key=str.encode)
    with opened(f"data-{next(FOLDERS)}") as tables:
        tables.create(sort="S")
        for text in texts:
            tables.put("a", sk={"S": text})

        def found(condition: str, **values: str) -> list[str]:
            marked = {f":{name}": {"S": value} for name, value in values.items()}
            page = tables.pages("Query", **of({"S": "a"}, condition, values=marked))
            return [item["sk"]["S"] for item in page]

        ordered = sorted(texts, key=str.encode)
        begin = found("pk = :p AND begins_with(sk, :x)", x=prefix)
        assert begin == [each for each in ordered if each.startswith(prefix)]
        between = found("pk = :p AND sk BETWEEN :x AND :y", x=low, y=high)
        assert between == [e for e in ordered if low.encode() <= e.encode() <= high.encode()]
        assert found("pk = :p AND sk > :x", x=low) == [
            e for e in ordered if e.encode() > low.encode()
        ]


def test_a_query_should_find_the_one_item_of_a_key_without_a_range(tables: Tables) -> None:
    tables.create()
    for key in "ab":
        tables.put(key)
    assert tables("Query", **of({"S": "b"}))["Items"] == [{"pk": {"S": "b"}}]


def test_a_query_of_an_index_should_see_every_partition(tables: Tables) -> None:
    tables.create(sort="N", GlobalSecondaryIndexes=[BY_NUMBER])
    for pk, sk in (("b", 1), ("a", 1), ("a", 2), ("c", 1)):
        put(tables, pk, sk)
    wanted = {
        "TableName": "table",
        "IndexName": "by-number",
        "KeyConditionExpression": "sk = :n",
        "ExpressionAttributeValues": {":n": {"N": "1"}},
    }
    everyone = [("a", 1), ("b", 1), ("c", 1)]
    assert keys(tables.pages("Query", **wanted)) == everyone
    assert keys(tables.pages("Query", **wanted, Limit=1)) == everyone
    assert keys(tables.pages("Query", **wanted, Limit=1, ScanIndexForward=False)) == everyone[::-1]
    tables("DeleteItem", TableName="table", Key={"pk": {"S": "b"}, "sk": {"N": "1"}})
    assert keys(tables.pages("Query", **wanted)) == [("a", 1), ("c", 1)]


def test_an_index_should_hold_the_items_that_have_its_key_and_the_attributes_it_names(
    tables: Tables,
) -> None:
    index = {
        "IndexName": "by-author",
        "KeySchema": [
            {"AttributeName": "author", "KeyType": "HASH"},
            {"AttributeName": "made", "KeyType": "RANGE"},
        ],
        "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["title"]},
    }
    tables.create(
        GlobalSecondaryIndexes=[index],
        AttributeDefinitions=[
            {"AttributeName": "author", "AttributeType": "S"},
            {"AttributeName": "made", "AttributeType": "N"},
        ],
    )
    held: dict[str, Any] = {"author": {"S": "o"}, "made": {"N": "1"}, "title": {"S": "t"}}
    tables.put("whole", **held, body={"S": "b"})
    tables.put("without", author={"S": "o"})
    assert tables.pages("Scan", TableName="table", IndexName="by-author") == [
        {"pk": {"S": "whole"}, **held}
    ]
    tables.update("whole", "REMOVE made")
    assert tables.pages("Scan", TableName="table", IndexName="by-author") == []
    refused = tables.put("wrong", author={"N": "1"})
    assert refused["message"].startswith(
        "One or more parameter values were invalid: Type mismatch for Index Key author"
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.tuples(st.sampled_from("abc"), st.integers(-20, 20)), min_size=1))
def test_a_scan_should_go_by_both_keys_and_its_segments_should_share_it(
    opened: Open, entries: set[tuple[str, int]]
) -> None:
    with opened(f"data-{next(FOLDERS)}") as tables:
        tables.create(sort="N")
        for pk, sk in entries:
            put(tables, pk, sk)
        assert keys(tables.pages("Scan", TableName="table", Limit=3)) == sorted(entries)
        segments = [
            keys(tables.pages("Scan", TableName="table", Segment=n, TotalSegments=3))
            for n in range(3)
        ]
        assert sorted(key for segment in segments for key in segment) == sorted(entries)


def test_a_page_should_end_at_its_limit_even_where_nothing_follows(tables: Tables) -> None:
    """As on AWS: "the end of the result set is when LastEvaluatedKey is empty", not before."""
    tables.create(sort="N")
    for sk in range(3):
        put(tables, "a", sk)
    page = tables("Query", **of({"S": "a"}, Limit=3))
    assert page["LastEvaluatedKey"] == {"pk": {"S": "a"}, "sk": {"N": "2"}}
    rest = tables("Query", **of({"S": "a"}, Limit=3, ExclusiveStartKey=page["LastEvaluatedKey"]))
    assert (rest["Items"], "LastEvaluatedKey" in rest) == ([], False)


def test_a_page_should_hold_at_most_a_megabyte_of_what_was_read(tables: Tables) -> None:
    tables.create(sort="N")
    for sk in range(8):
        tables.put("a", sk={"N": str(sk)}, body={"S": "x" * 300_000})
    page = tables("Query", **of({"S": "a"}))
    assert (page["Count"], page["LastEvaluatedKey"]["sk"]) == (3, {"N": "2"})
    filtered = tables(
        "Scan",
        TableName="table",
        FilterExpression="sk > :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    assert (filtered["Count"], filtered["ScannedCount"]) == (1, 3)
    assert len(tables.pages("Query", **of({"S": "a"}))) == 8


def test_counts_projections_and_filters_should_say_what_was_read(tables: Tables) -> None:
    tables.create(sort="N")
    for sk in range(5):
        tables.put("a", sk={"N": str(sk)}, even={"BOOL": sk % 2 == 0}, more={"S": "m"})
    values = {":yes": {"BOOL": True}}
    counted = tables(
        "Query", **of({"S": "a"}, FilterExpression="even = :yes", values=values, Select="COUNT")
    )
    assert counted == {"Count": 3, "ScannedCount": 5}
    shown = tables("Query", **of({"S": "a"}, ProjectionExpression="sk, nothing", Limit=1))
    assert shown["Items"] == [{"sk": {"N": "0"}}]


def steps(tables: Tables, operation: str, **params: Any) -> int:
    """Return how many instructions SQLite executes for a call."""
    executed = 0

    def step() -> int:
        nonlocal executed
        executed += 1
        return 0

    [connection] = tables.service._store.database._idle
    connection.set_progress_handler(step, 1)
    try:
        assert "__type" not in tables(operation, **params)
    finally:
        connection.set_progress_handler(None, 0)
    return executed


def test_the_work_of_a_call_should_not_grow_with_what_is_stored(tables: Tables) -> None:
    tables.create(sort="S")
    prefix = of({"S": "a"}, "pk = :p AND begins_with(sk, :x)", values={":x": {"S": "SEARCH#"}})
    key = {"pk": {"S": "a"}, "sk": {"S": "DOC#3"}}
    calls: list[tuple[str, dict[str, Any]]] = [
        ("Query", prefix),
        ("Query", of({"S": "a"}, Limit=5)),
        ("Query", of({"S": "a"}, Limit=5, ScanIndexForward=False)),
        ("Query", of({"S": "a"}, Limit=5, ExclusiveStartKey=key)),
        ("GetItem", {"TableName": "table", "Key": key}),
        ("PutItem", {"TableName": "table", "Item": key}),
        ("Scan", {"TableName": "table", "Limit": 5, "ExclusiveStartKey": key}),
    ]

    def measured(stored: range) -> list[int]:
        for number in stored:
            tables.put("a", sk={"S": f"DOC#{number}"})
            tables.put(f"other-{number}", sk={"S": "DOC#1"})
        for operation, params in calls:  # the first of a kind also prepares its statement
            tables(operation, **params)
        return [steps(tables, operation, **params) for operation, params in calls]

    assert measured(range(20)) == measured(range(20, 400))
