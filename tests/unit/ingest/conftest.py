from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.ingest import IngestTable
from tests.tables import dynamodb_client
from tests.unit.ingest.fakes import INDEX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "records"


@pytest.fixture
def dynamodb(tmp_path: Path) -> Iterator[DynamoDBClient]:
    """Return a client of a DynamoDB in this process."""
    with dynamodb_client(tmp_path) as client:
        yield client


@pytest.fixture
def table(dynamodb: DynamoDBClient) -> DynamoTable:
    """Return an empty records table."""
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return DynamoTable(dynamodb, TABLE)


@pytest.fixture
def records(table: DynamoTable) -> IngestTable:
    """Return the records, with the tenant `acme`."""
    put_tenant(table)
    return IngestTable(table)


def put_tenant(table: DynamoTable, tenant: str = "acme") -> None:
    """Make a tenant."""
    table.put(
        Put(
            {
                "pk": f"TENANT#{tenant}",
                "sk": "TENANT",
                "vector_bucket": INDEX.bucket,
                "index": INDEX.name,
                "model": INDEX.model,
            }
        )
    )
