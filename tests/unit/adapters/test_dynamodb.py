"""The records table as an adapter reads it, on a DynamoDB in this process."""

from __future__ import annotations

from chalicelib.adapters.dynamodb import DynamoTable, Put
from tests.unit.ingest.conftest import dynamodb, table

__all__ = ["dynamodb", "table"]


def test_a_key_that_is_longer_than_dynamodb_takes_should_be_of_no_item(table: DynamoTable) -> None:
    """A partition key has 2,048 bytes at most, a sort key 1,024.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
    """
    longest = ("p" * 2_048, "é" * 512)
    table.put(Put({"pk": longest[0], "sk": longest[1]}))
    assert table.get(longest) is not None
    assert table.get((longest[0], longest[1] + "s")) is None
    assert table.get((longest[0] + "p", longest[1])) is None
