"""Transactions are made whole or not at all, with a reason for each action.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

from typing import Any

from tests.unit.dynamodb.conftest import Open, Tables


def put(key: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": "table", "Item": {"pk": {"S": key}}, **more}}


def update(key: str, value: str) -> dict[str, Any]:
    return {
        "Update": {
            "TableName": "table",
            "Key": {"pk": {"S": key}},
            "UpdateExpression": "SET v = :v",
            "ExpressionAttributeValues": {":v": {"S": value}},
        }
    }


def delete(key: str) -> dict[str, Any]:
    return {"Delete": {"TableName": "table", "Key": {"pk": {"S": key}}}}


REFUSED = put(
    "there",
    ConditionExpression="attribute_not_exists(pk)",
    ReturnValuesOnConditionCheckFailure="ALL_OLD",
)


def transact(tables: Tables, *writes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return tables("TransactWriteItems", TransactItems=list(writes), **more)


def filled(tables: Tables) -> dict[str, dict[str, Any]]:
    tables.create()
    made = transact(tables, put("there"), update("changed", "old"), put("deleted"), put("other"))
    assert made == {}
    return tables.items()


def test_a_transaction_that_fails_should_leave_every_item_as_it_was(opened: Open) -> None:
    with opened() as tables:
        before = filled(tables)
        writes = (update("changed", "new"), put("new"), delete("deleted"), REFUSED)
        refused = transact(tables, *writes)
        assert refused["__type"] == "TransactionCanceledException"
        assert refused["message"] == (
            "Transaction cancelled, please refer cancellation reasons for specific reasons "
            "[None, None, None, ConditionalCheckFailed]"
        )
        assert refused["CancellationReasons"] == [
            *[{"Code": "None"}] * 3,
            {
                "Code": "ConditionalCheckFailed",
                "Message": "The conditional request failed",
                "Item": {"pk": {"S": "there"}},
            },
        ]
        assert tables.items() == before
    with opened() as again:
        assert again.items() == before


def test_an_item_that_its_table_does_not_take_should_be_a_reason(tables: Tables) -> None:
    before = filled(tables)
    keyless = {"Put": {"TableName": "table", "Item": {"v": {"S": "x"}}}}
    wrong = {
        "Update": {
            "TableName": "table",
            "Key": {"pk": {"S": "changed"}},
            "UpdateExpression": "ADD v :n",
            "ExpressionAttributeValues": {":n": {"N": "1"}},
        }
    }
    refused = transact(tables, put("new"), keyless, wrong)
    codes = [reason["Code"] for reason in refused["CancellationReasons"]]
    assert codes == ["None", "ValidationError", "ValidationError"]
    assert tables.items() == before


def test_a_transaction_should_not_name_an_item_twice_nor_be_without_measure(
    tables: Tables,
) -> None:
    before = filled(tables)
    twice = transact(tables, update("changed", "new"), update("changed", "newer"))
    assert twice["message"] == (
        "Transaction request cannot include multiple operations on one item"
    )
    assert transact(tables, *[put(str(n)) for n in range(101)])["__type"] == "ValidationException"
    large = [
        {"Put": {"TableName": "table", "Item": {"pk": {"S": str(n)}, "b": {"S": "x" * 390_000}}}}
        for n in range(11)
    ]
    assert "4 MB" in transact(tables, *large)["message"]
    assert tables.items() == before


def test_a_token_should_stand_for_one_transaction_for_ten_minutes(opened: Open) -> None:
    now = [1_000_000.0]
    add = {
        "Update": {
            "TableName": "table",
            "Key": {"pk": {"S": "sum"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
    }
    with opened(clock=lambda: now[0]) as tables:
        tables.create()
        transact(tables, add, ClientRequestToken="t")
    with opened(clock=lambda: now[0]) as tables:
        assert transact(tables, add, ClientRequestToken="t") == {}
        assert (tables.get("sum") or {})["n"] == {"N": "1"}
        other = transact(tables, put("x"), ClientRequestToken="t")
        assert other["__type"] == "IdempotentParameterMismatchException"
        now[0] += 601
        transact(tables, add, ClientRequestToken="t")
        assert (tables.get("sum") or {})["n"] == {"N": "2"}


def test_a_refused_transaction_should_not_use_up_its_token(tables: Tables) -> None:
    filled(tables)
    assert "__type" in transact(tables, REFUSED, ClientRequestToken="t")
    tables("DeleteItem", TableName="table", Key={"pk": {"S": "there"}})
    assert transact(tables, REFUSED, ClientRequestToken="t") == {}
    assert tables.get("there") is not None


def test_a_read_should_see_all_of_its_items_at_one_moment(tables: Tables) -> None:
    tables.create()
    tables.put("a", v={"S": "1"}, w={"S": "2"})
    gets = [
        {
            "Get": {
                "TableName": "table",
                "Key": {"pk": {"S": key}},
                "ProjectionExpression": "v",
            }
        }
        for key in ("a", "none")
    ]
    found = tables("TransactGetItems", TransactItems=gets)
    assert found["Responses"] == [{"Item": {"v": {"S": "1"}}}, {}]
    twice = tables("TransactGetItems", TransactItems=[gets[0], gets[0]])
    assert twice["__type"] == "ValidationException"
