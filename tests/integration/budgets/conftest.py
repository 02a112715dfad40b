"""An empty records table, with a tenant in it."""

from __future__ import annotations

import uuid

import pytest
from botocore.config import Config

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.writes import tenant_key
from tests import clients
from tests.cloud import CloudProcess

THREADS = 200


@pytest.fixture
def table(cloud: CloudProcess) -> DynamoTable:
    """Return a table of the records' shape that many threads can write to at once."""
    name = f"budgets-{uuid.uuid4().hex[:12]}"
    keys = (("pk", "HASH"), ("sk", "RANGE"))
    cloud.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key, _ in keys],
        KeySchema=[{"AttributeName": key, "KeyType": kind} for key, kind in keys],
    )
    config = Config(
        connect_timeout=30,
        read_timeout=60,
        max_pool_connections=THREADS,
        retries={"mode": "standard", "total_max_attempts": 4},
    )
    client = clients.client("dynamodb", endpoint_url=cloud.endpoint_url, config=config)
    table = DynamoTable(client, name)
    pk, sk = tenant_key("acme")
    table.put(Put({"pk": pk, "sk": sk}))
    return table
