from __future__ import annotations

from itertools import count
from typing import Any, NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.dynamodb.models import dynamodb_backends
from moto.dynamodb.models.dynamo_type import DynamoType

from tests.unit.moto.conftest import Open, Opened

ACCOUNT, REGION = "000000000000", "us-east-1"
FOLDERS = count()


def ranged(cloud: Opened, kind: str = "N", **more: Any) -> None:
    """Make a table `t` of items by `pk`, in which `sk` is of a kind."""
    cloud(
        "dynamodb",
        "CreateTable",
        TableName="t",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": kind},
        ],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )


def put(cloud: Opened, pk: str, sk: int) -> None:
    cloud("dynamodb", "PutItem", TableName="t", Item={"pk": {"S": pk}, "sk": {"N": str(sk)}})


def asked(cloud: Opened, operation: str, **more: Any) -> list[tuple[str, int]]:
    """Return the keys of what is found, page by page."""
    found: list[tuple[str, int]] = []
    while True:
        answer = cloud("dynamodb", operation, TableName="t", **more)
        found += [(item["pk"]["S"], int(item["sk"]["N"])) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return found
        more["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def of(pk: Any, **more: Any) -> dict[str, Any]:
    return {"KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": pk}, **more}


class Untouchable:
    """A partition that nobody may look into."""

    def values(self) -> NoReturn:
        raise AssertionError("another partition was looked into")


def tables() -> dict[str, Any]:
    found: dict[str, Any] = dynamodb_backends[ACCOUNT][REGION].tables
    return found


@pytest.mark.parametrize("forward", [True, False])
def test_a_query_should_find_its_partition_in_the_order_of_the_numbers(
    opened: Open, forward: bool
) -> None:
    with opened() as cloud:
        ranged(cloud)
        for sk in (10, 9, -1, 100, 2):
            put(cloud, "a", sk)
            put(cloud, "b", sk)
        found = asked(cloud, "Query", **of({"S": "a"}, ScanIndexForward=forward, Limit=2))
        assert found == sorted([("a", sk) for sk in (-1, 2, 9, 10, 100)], reverse=not forward)
        assert asked(cloud, "Query", **of({"S": "c"})) == []


def test_a_query_should_look_into_no_other_partition(opened: Open) -> None:
    with opened() as cloud:
        ranged(cloud)
        put(cloud, "a", 1)
        tables()["t"].items[DynamoType({"S": "b"})] = Untouchable()
        assert asked(cloud, "Query", **of({"S": "a"})) == [("a", 1)]
        with pytest.raises(AssertionError, match="looked into"):
            asked(cloud, "Scan")
        put(cloud, "a", 2)
        assert "all_items" not in vars(tables()["t"]), "the next scan sees the whole table"


def test_a_query_should_find_the_one_item_of_a_key_without_a_range(opened: Open) -> None:
    with opened() as cloud:
        cloud.table()
        for key in "ab":
            cloud("dynamodb", "PutItem", TableName="t", Item={"pk": {"S": key}})
        answer = cloud("dynamodb", "Query", TableName="t", **of({"S": "b"}))
        assert answer["Items"] == [{"pk": {"S": "b"}}]


def test_a_key_of_another_kind_should_find_nothing(opened: Open) -> None:
    with opened() as cloud:
        ranged(cloud)
        put(cloud, "a", 1)
        assert asked(cloud, "Query", **of({"M": {}})) == []


def test_a_query_of_an_index_should_see_every_partition(opened: Open) -> None:
    index = {
        "IndexName": "by-number",
        "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    with opened() as cloud:
        ranged(cloud, GlobalSecondaryIndexes=[index])
        for pk, sk in (("b", 1), ("a", 1), ("a", 2)):
            put(cloud, pk, sk)
        told = {
            "IndexName": "by-number",
            "KeyConditionExpression": "sk = :n",
            "ExpressionAttributeValues": {":n": {"N": "1"}},
        }
        assert sorted(asked(cloud, "Query", **told)) == [("a", 1), ("b", 1)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.tuples(st.sampled_from("abc"), st.integers(-20, 20)), min_size=1))
def test_a_scan_should_go_by_both_keys(opened: Open, keys: set[tuple[str, int]]) -> None:
    with opened(f"data-{next(FOLDERS)}") as cloud:
        ranged(cloud)
        for pk, sk in keys:
            put(cloud, pk, sk)
        assert asked(cloud, "Scan", Limit=3) == sorted(keys)
