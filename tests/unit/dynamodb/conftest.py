from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.dynamodb.service import DynamoDbService
from localcloud.errors import AwsError
from localcloud.service import CloudContext


class Tables:
    """A DynamoDB that is called with dictionaries."""

    def __init__(self, service: DynamoDbService) -> None:
        self.service = service

    def __call__(self, operation: str, **params: Any) -> dict[str, Any]:
        """Return the result; of an error, its code as `__type` with message and fields."""
        try:
            body = self.service.handle(operation, params).body
        except AwsError as error:
            return {"__type": error.code, "message": error.message, **error.fields}
        assert isinstance(body, bytes)
        result: dict[str, Any] = json.loads(body)
        return result

    def create(self, name: str = "table", sort: str = "", **more: Any) -> None:
        """Create a table with the text `pk` as partition key, and `sk` as sort key if given."""
        keys = [("pk", "HASH", "S"), *([("sk", "RANGE", sort)] if sort else [])]
        more.setdefault("AttributeDefinitions", [])
        more["AttributeDefinitions"] = [
            *({"AttributeName": name, "AttributeType": kind} for name, _, kind in keys),
            *more["AttributeDefinitions"],
        ]
        created = self(
            "CreateTable",
            TableName=name,
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind, _ in keys],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )
        assert "__type" not in created, created

    def put(self, pk: str, table: str = "table", **attributes: Any) -> dict[str, Any]:
        return self("PutItem", TableName=table, Item={"pk": {"S": pk}, **attributes})

    def update(self, pk: str, expression: str, **more: Any) -> dict[str, Any]:
        return self(
            "UpdateItem",
            TableName="table",
            Key={"pk": {"S": pk}},
            UpdateExpression=expression,
            **more,
        )

    def get(self, pk: str, **more: Any) -> dict[str, Any] | None:
        found = self("GetItem", TableName="table", Key={"pk": {"S": pk}, **more})
        assert "__type" not in found, found
        return found.get("Item")

    def items(self, table: str = "table") -> dict[str, dict[str, Any]]:
        return {item["pk"]["S"]: item for item in self.pages("Scan", TableName=table)}

    def pages(self, operation: str, **params: Any) -> list[dict[str, Any]]:
        """Return the items of every page."""
        found: list[dict[str, Any]] = []
        while True:
            page = self(operation, **params)
            assert "__type" not in page, page
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            params["ExclusiveStartKey"] = page["LastEvaluatedKey"]


Open = Callable[..., AbstractContextManager[Tables]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open DynamoDB on the test's folder, or on one beside it, for a `with` block."""

    @contextmanager
    def open_one(folder: str = "data", **more: Any) -> Iterator[Tables]:
        service = DynamoDbService(CloudContext(tmp_path / folder, "http://127.0.0.1"), **more)
        try:
            yield Tables(service)
        finally:
            service.close()

    return open_one


@pytest.fixture
def tables(opened: Open) -> Iterator[Tables]:
    with opened() as found:
        yield found
