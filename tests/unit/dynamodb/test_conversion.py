"""The journal of an earlier version is converted once, or refused with the way out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from localcloud.dynamodb.conversion import JOURNAL, ConversionError, open_dynamodb
from localcloud.moto.journal import Journal, RawCall
from localcloud.service import CloudContext
from tests.unit.dynamodb.conftest import Tables

Call = tuple[str, dict[str, Any]]
TABLE: Call = (
    "CreateTable",
    {
        "TableName": "table",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    },
)
EARLIER: Sequence[Call] = (
    TABLE,
    ("PutItem", {"TableName": "table", "Item": {"pk": {"S": "a"}}}),
    ("PutItem", {"TableName": "table", "Item": {"pk": {"S": "gone"}}}),
    (
        "TransactWriteItems",
        {
            "TransactItems": [
                {
                    "Update": {
                        "TableName": "table",
                        "Key": {"pk": {"S": "a"}},
                        "UpdateExpression": "ADD n :one",
                        "ExpressionAttributeValues": {":one": {"N": "1"}},
                    }
                },
                {"Delete": {"TableName": "table", "Key": {"pk": {"S": "gone"}}}},
            ],
            "ClientRequestToken": "t",
        },
    ),
)


def write(folder: Path, calls: Sequence[Call], service: str = "dynamodb") -> None:
    journal = Journal(folder / JOURNAL)
    for operation, params in calls:
        with journal.entry(
            RawCall(service, operation, "POST", "/", {}, json.dumps(params).encode())
        ):
            pass
    journal.close()


def journalled(folder: Path) -> list[str]:
    journal = Journal(folder / JOURNAL)
    calls = [f"{call.service}:{call.operation}" for _, call in journal.calls()]
    journal.close()
    return calls


def items(folder: Path) -> dict[str, dict[str, Any]]:
    service = open_dynamodb(CloudContext(folder, "http://127.0.0.1"))
    try:
        return Tables(service).items()
    finally:
        service.close()


CONVERTED = {"a": {"pk": {"S": "a"}, "n": {"N": "1"}}}


def test_the_tables_of_an_earlier_version_should_be_converted_once(tmp_path: Path) -> None:
    write(tmp_path, [("CreateKey", {})], "kms")
    write(tmp_path, EARLIER)
    assert items(tmp_path) == CONVERTED
    assert journalled(tmp_path) == ["kms:CreateKey"]
    assert items(tmp_path) == CONVERTED
    assert [each.name for each in (tmp_path / "dynamodb").iterdir() if each.is_dir()] == []


def test_a_conversion_that_was_killed_should_be_completed(tmp_path: Path) -> None:
    write(tmp_path, EARLIER)
    kept = (tmp_path / JOURNAL).read_bytes()
    half = tmp_path / "dynamodb" / "conversion" / "dynamodb" / "items.sqlite3"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half of a database")
    assert items(tmp_path) == CONVERTED
    (tmp_path / JOURNAL).write_bytes(kept)  # killed before the journal was shortened
    assert items(tmp_path) == CONVERTED
    assert journalled(tmp_path) == []


def test_what_cannot_be_converted_should_stay_and_be_told_with_the_way_out(
    tmp_path: Path,
) -> None:
    statement = ("ExecuteStatement", {"Statement": "INSERT INTO t VALUE {'pk': 'a'}"})
    write(tmp_path, [*EARLIER, statement])
    for _ in range(2):
        with pytest.raises(ConversionError, match=r"write number 5 .* choose another --data-dir"):
            items(tmp_path)
    assert len(journalled(tmp_path)) == 5
    assert not (tmp_path / "dynamodb" / "items.sqlite3").exists()


def test_what_an_earlier_version_wrote_afterwards_should_not_be_lost_silently(
    tmp_path: Path,
) -> None:
    write(tmp_path, EARLIER)
    items(tmp_path)
    write(tmp_path, [TABLE])
    with pytest.raises(ConversionError, match="Move that file away"):
        items(tmp_path)
    assert journalled(tmp_path) == ["dynamodb:CreateTable"]
