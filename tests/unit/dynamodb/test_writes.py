"""Writes: what they leave, what they return, and what a false condition or a restart leaves."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.unit.dynamodb.conftest import Open, Tables

VALUES: dict[str, Any] = {
    "n": {"N": "1.5"},
    "b": {"B": "AAE="},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "set": {"NS": ["1", "2"]},
    "blobs": {"BS": ["AAE="]},
    "list": {"L": [{"S": ""}, {"M": {"S": {"N": "2"}, "L": {"L": []}}}]},
    "map": {"M": {"S": {"S": "named like a type"}}},
    "empty": {"M": {}},
    "text": {"S": 'ü "quoted" \u2028 \U0001f600'},
}


def test_values_of_every_type_should_be_read_as_written_and_outlast_a_restart(
    opened: Open,
) -> None:
    item = {"pk": {"S": "k"}, **VALUES}
    with opened() as tables:
        tables.create()
        tables.put("k", **VALUES)
        assert tables.items() == {"k": item}
    with opened() as again:
        assert again.get("k") == item


def test_two_folders_should_share_nothing(opened: Open) -> None:
    with opened("one") as one, opened("two") as two:
        one.create()
        one.put("mine")
        assert two("ListTables")["TableNames"] == []
    with opened("one") as one:
        assert set(one.items()) == {"mine"}


def test_a_deleted_table_should_leave_nothing_to_one_of_its_name(opened: Open) -> None:
    with opened() as tables:
        tables.create()
        tables.put("a")
        tables("DeleteTable", TableName="table")
        tables.create()
        tables.put("b")
    with opened() as again:
        assert set(again.items()) == {"b"}


def test_an_update_should_see_the_item_as_it_was(tables: Tables) -> None:
    tables.create()
    tables.put("k", a={"N": "1"}, b={"N": "2"}, letters={"L": [{"S": x} for x in "abcd"]})
    tables.update(
        "k",
        "SET a = b, b = a, letters[9] = :z, c = if_not_exists(c, :n) + :n, "
        "joined = list_append(letters, :l) REMOVE letters[0], letters[2]",
        ExpressionAttributeValues={
            ":z": {"S": "z"},
            ":n": {"N": "0.5"},
            ":l": {"L": [{"N": "1"}]},
        },
    )
    assert tables.get("k") == {
        "pk": {"S": "k"},
        "a": {"N": "2"},
        "b": {"N": "1"},
        "c": {"N": "1"},
        "letters": {"L": [{"S": "b"}, {"S": "d"}, {"S": "z"}]},
        "joined": {"L": [{"S": "a"}, {"S": "b"}, {"S": "c"}, {"S": "d"}, {"N": "1"}]},
    }


def test_sets_should_grow_and_shrink_and_go_when_they_are_empty(tables: Tables) -> None:
    tables.create()
    one = {":s": {"SS": ["a", "b"]}}
    tables.update("k", "ADD tags :s", ExpressionAttributeValues=one)
    tables.update("k", "ADD tags :s", ExpressionAttributeValues={":s": {"SS": ["b", "c"]}})
    assert tables.get("k") == {"pk": {"S": "k"}, "tags": {"SS": ["a", "b", "c"]}}
    tables.update("k", "DELETE tags :s", ExpressionAttributeValues=one)
    tables.update("k", "DELETE tags :s", ExpressionAttributeValues={":s": {"SS": ["c"]}})
    assert tables.get("k") == {"pk": {"S": "k"}}


@pytest.mark.parametrize(
    ("wanted", "attributes"),
    [
        ("NONE", None),
        ("ALL_OLD", {"pk": {"S": "k"}, "n": {"N": "1"}, "m": {"M": {"x": {"N": "1"}}}}),
        (
            "ALL_NEW",
            {"pk": {"S": "k"}, "n": {"N": "2"}, "m": {"M": {"x": {"N": "1"}, "y": {"N": "1"}}}},
        ),
        ("UPDATED_OLD", {"n": {"N": "1"}}),
        ("UPDATED_NEW", {"n": {"N": "2"}, "m": {"M": {"y": {"N": "1"}}}}),
    ],
)
def test_an_update_should_return_what_is_wanted(
    tables: Tables, wanted: str, attributes: dict[str, Any] | None
) -> None:
    tables.create()
    tables.put("k", n={"N": "1"}, m={"M": {"x": {"N": "1"}}})
    updated = tables.update(
        "k",
        "ADD n :one SET m.y = :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
        ReturnValues=wanted,
    )
    assert updated.get("Attributes") == attributes


def test_a_false_condition_should_change_nothing_and_show_the_item_if_wanted(
    tables: Tables,
) -> None:
    tables.create()
    tables.put("k", v={"S": "old"})
    condition = {"TableName": "table", "ConditionExpression": "attribute_not_exists(pk)"}
    item = {"pk": {"S": "k"}, "v": {"S": "new"}}
    plain = tables("PutItem", Item=item, **condition)
    assert plain == {
        "__type": "ConditionalCheckFailedException",
        "message": "The conditional request failed",
    }
    shown = tables(
        "DeleteItem",
        Key={"pk": {"S": "k"}},
        ReturnValuesOnConditionCheckFailure="ALL_OLD",
        **condition,
    )
    assert shown["Item"] == {"pk": {"S": "k"}, "v": {"S": "old"}}
    assert tables.get("k") == {"pk": {"S": "k"}, "v": {"S": "old"}}


def test_of_many_conditional_writers_one_should_win_and_no_addition_be_lost(
    tables: Tables,
) -> None:
    tables.create()
    created: list[bool] = []

    def write() -> None:
        item = {"pk": {"S": "once"}}
        made = tables(
            "PutItem",
            TableName="table",
            Item=item,
            ConditionExpression="attribute_not_exists(pk)",
        )
        created.append("__type" not in made)
        for _ in range(5):
            tables.update("sum", "ADD n :one", ExpressionAttributeValues={":one": {"N": "1"}})

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(created) == 1
    assert tables.get("sum") == {"pk": {"S": "sum"}, "n": {"N": "40"}}


@pytest.mark.parametrize("name", [f"shared-{n}" for n in range(12)])
def test_one_of_many_threads_should_create_a_table_and_all_should_tag_it(
    tables: Tables, name: str
) -> None:
    codes: list[str] = []

    def change(number: int) -> None:
        created = tables(
            "CreateTable",
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        codes.append(created.get("__type", "created"))
        arn = tables("DescribeTable", TableName=name)["Table"]["TableArn"]
        tables("TagResource", ResourceArn=arn, Tags=[{"Key": f"k{number}", "Value": "v"}])

    threads = [threading.Thread(target=change, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [*["ResourceInUseException"] * 7, "created"]
    arn = tables("DescribeTable", TableName=name)["Table"]["TableArn"]
    assert len(tables("ListTagsOfResource", ResourceArn=arn)["Tags"]) == 8


def test_numbers_should_be_exact_and_canonical(tables: Tables) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html"""
    tables.create()
    digits = "9" * 38
    written = {"1.50": "1.5", "00012": "12", "1E2": "100", "-0": "0", "1e-3": "0.001"}
    written |= {digits: digits, f"0.{digits}": f"0.{digits}", "+7": "7", ".5": "0.5"}
    for text, stored in written.items():
        tables.put("k", n={"N": text})
        assert (tables.get("k") or {})["n"] == {"N": stored}
    tables.put("k", n={"N": "0.1"})
    tables.update("k", "SET n = n + :x", ExpressionAttributeValues={":x": {"N": "0.2"}})
    assert (tables.get("k") or {})["n"] == {"N": "0.3"}


def test_a_batch_should_write_and_read_every_table(tables: Tables) -> None:
    tables.create("one")
    tables.create("two")
    tables.put("old", table="two")
    written = tables(
        "BatchWriteItem",
        RequestItems={
            "one": [{"PutRequest": {"Item": {"pk": {"S": x}}}} for x in "ab"],
            "two": [{"DeleteRequest": {"Key": {"pk": {"S": "old"}}}}],
        },
    )
    assert written == {"UnprocessedItems": {}}
    keys = [{"pk": {"S": x}} for x in "abc"]
    found = tables("BatchGetItem", RequestItems={"one": {"Keys": keys}, "two": {"Keys": keys}})
    assert found["UnprocessedKeys"] == {}
    assert found["Responses"] == {"one": keys[:2], "two": []}


def test_a_batch_should_leave_unread_what_exceeds_16_megabytes(tables: Tables) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    tables.create()
    for number in range(45):
        tables.put(str(number), body={"S": "x" * 390_000})
    keys = [{"pk": {"S": str(number)}} for number in range(45)]
    found = tables("BatchGetItem", RequestItems={"table": {"Keys": keys}})
    read = len(found["Responses"]["table"])
    assert read == 16 * 1024 * 1024 // 390_060
    assert found["UnprocessedKeys"]["table"]["Keys"] == keys[read:]


def test_indexes_should_be_made_and_removed_with_the_items_that_exist(opened: Open) -> None:
    index = {
        "IndexName": "by-owner",
        "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    owner = [{"AttributeName": "owner", "AttributeType": "S"}]
    query = {
        "TableName": "table",
        "IndexName": "by-owner",
        "KeyConditionExpression": "#o = :o",
        "ExpressionAttributeNames": {"#o": "owner"},
        "ExpressionAttributeValues": {":o": {"S": "me"}},
    }
    with opened() as tables:
        tables.create()
        tables.put("a", owner={"S": "me"})
        tables.put("b", owner={"N": "1"})
        for change in ({"Create": index}, {"Delete": {"IndexName": "by-owner"}}, {"Create": index}):
            tables(
                "UpdateTable",
                TableName="table",
                AttributeDefinitions=owner,
                GlobalSecondaryIndexUpdates=[change],
            )
            tables.put("c", owner={"S": "me"})
    with opened() as again:
        assert [item["pk"]["S"] for item in again.pages("Query", **query)] == ["a", "c"]


def test_consumed_capacity_should_be_that_of_the_bytes(tables: Tables) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html"""
    tables.create()
    item = {"pk": {"S": "k"}, "body": {"S": "x" * 4500}}
    put = tables("PutItem", TableName="table", Item=item, ReturnConsumedCapacity="TOTAL")
    assert put["ConsumedCapacity"] == {"TableName": "table", "CapacityUnits": 5.0}
    for consistent, units in ((True, 2.0), (False, 1.0)):
        got = tables(
            "GetItem",
            TableName="table",
            Key={"pk": {"S": "k"}},
            ConsistentRead=consistent,
            ReturnConsumedCapacity="TOTAL",
        )
        assert got["ConsumedCapacity"]["CapacityUnits"] == units


def test_an_index_should_hold_what_is_written_while_it_is_added(opened: Open) -> None:
    index = {
        "IndexName": "late",
        "KeySchema": [{"AttributeName": "group", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    with opened() as tables:
        tables.create()
        begun = threading.Barrier(5)

        def write(number: int) -> None:
            begun.wait()
            for each in range(60):
                tables.put(f"{number}-{each}", group={"S": "g"})

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        begun.wait()
        while len(tables.items()) < 30:
            pass
        tables(
            "UpdateTable",
            TableName="table",
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "group")
            ],
            GlobalSecondaryIndexUpdates=[{"Create": index}],
        )
        for thread in threads:
            thread.join()
        found = tables("Scan", TableName="table", IndexName="late", Select="COUNT")
        assert found["Count"] == len(tables.items()) == 240
