from __future__ import annotations

from typing import Any

from moto.dynamodb.models import dynamodb_backends

from tests.unit.moto.conftest import Open, Opened

ACCOUNT, REGION = "000000000000", "us-east-1"


def put(key: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "t", "Item": {"pk": {"S": key}}, **more}}


def update(key: str, value: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "t",
            "Key": {"pk": {"S": key}},
            "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"S": value}},
        }
    }


def delete(key: str) -> dict[str, Any]:
    return {"Delete": {"TableName": "t", "Key": {"pk": {"S": key}}}}


REFUSED = put("there", ConditionExpression="attribute_not_exists(pk)")


def transact(cloud: Opened, *writes: dict[str, Any]) -> dict[str, Any]:
    return cloud("dynamodb", "TransactWriteItems", TransactItems=list(writes))


def filled(cloud: Opened) -> dict[str, dict[str, Any]]:
    cloud.table()
    transact(cloud, put("there"), update("changed", "old"), put("deleted"), put("other"))
    return cloud.items()


def test_a_transaction_that_fails_should_leave_every_item_as_it_was(opened: Open) -> None:
    with opened() as cloud:
        before = filled(cloud)
        answer = transact(cloud, update("changed", "new"), put("new"), delete("deleted"), REFUSED)
        assert answer["__type"].endswith("TransactionCanceledException")
        assert cloud.items() == before


def test_a_transaction_without_a_whole_key_should_leave_every_item_as_it_was(opened: Open) -> None:
    with opened() as cloud:
        before = filled(cloud)
        keyless = {"Put": {"TableName": "t", "Item": {"v": {"S": "x"}}}}
        assert "__type" in transact(cloud, update("changed", "new"), keyless)
        assert "__type" in transact(cloud, update("changed", "new"), update("changed", "newer"))
        assert cloud.items() == before


def test_a_transaction_should_not_copy_the_table(opened: Open) -> None:
    with opened() as cloud:
        filled(cloud)
        table = dynamodb_backends[ACCOUNT][REGION].tables["t"]
        transact(cloud, put("new"), REFUSED)
        assert dynamodb_backends[ACCOUNT][REGION].tables["t"] is table
