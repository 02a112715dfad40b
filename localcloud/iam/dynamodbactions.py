"""What calls to DynamoDB need, on which tables, with the partition keys for conditions. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from localcloud.iam.needs import Need, Params, Place

_TRANSACTED = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def table_arn(place: Place, table: str) -> str:
    """Return the ARN of a table, which a call may also name by its ARN."""
    return table if table.startswith("arn:") else place.arn("dynamodb", f"table/{table}")


def keyed(action: str, params: Params, place: Place) -> Need:
    """Return the need of one item's call, with the partition key it names."""
    table = str(params.get("TableName", ""))
    item = params.get("Key") or params.get("Item") or {}
    return Need(action, table_arn(place, table), _leading(place, table, [item]))


def _leading(place: Place, table: str, items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    name = place.hash_key(table.rpartition("table/")[2])
    keys = sorted({text for item in items for text in _texts(item.get(name or ""))})
    return {"dynamodb:leadingkeys": tuple(keys)} if keys else {}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (str(each) for each in value.values())


_PARTITION = re.compile(r"(#?[\w.-]+)\s*=\s*(:\w+)")


def query(params: Params, place: Place) -> Iterable[Need]:
    """Return the need of a Query: that of the table or of the index that it reads."""
    table = str(params.get("TableName", ""))
    arn = table_arn(place, table)
    resource = f"{arn}/index/{params['IndexName']}" if params.get("IndexName") else arn
    names, values = (params.get(f"ExpressionAttribute{what}") or {} for what in ("Names", "Values"))
    compared = {
        str(names.get(name, name)): values.get(value, {})
        for name, value in _PARTITION.findall(str(params.get("KeyConditionExpression", "")))
    }
    return [Need("dynamodb:Query", resource, _leading(place, table, [compared]))]


def scan(params: Params, place: Place) -> Iterable[Need]:
    """Return the need of a Scan: that of the table or of the index that it reads."""
    arn = table_arn(place, str(params.get("TableName", "")))
    resource = f"{arn}/index/{params['IndexName']}" if params.get("IndexName") else arn
    return [Need("dynamodb:Scan", resource)]


def batch_get(params: Params, place: Place) -> Iterable[Need]:
    """Yield the need of a BatchGetItem on each table that it names."""
    for table, asked in (params.get("RequestItems") or {}).items():
        leading = _leading(place, table, asked.get("Keys", ()))
        yield Need("dynamodb:BatchGetItem", table_arn(place, table), leading)


def batch_write(params: Params, place: Place) -> Iterable[Need]:
    """Yield the need of a BatchWriteItem on each table that it names."""
    for table, asked in (params.get("RequestItems") or {}).items():
        puts = [each["PutRequest"]["Item"] for each in asked if "PutRequest" in each]
        deletes = [each["DeleteRequest"]["Key"] for each in asked if "DeleteRequest" in each]
        leading = _leading(place, table, [*puts, *deletes])
        yield Need("dynamodb:BatchWriteItem", table_arn(place, table), leading)


def transaction(params: Params, place: Place) -> Iterable[Need]:
    """Yield what each part of a transaction would need by itself."""
    for each in params.get("TransactItems") or ():
        for kind, part in each.items():
            yield keyed(f"dynamodb:{_TRANSACTED[kind]}", part, place)
