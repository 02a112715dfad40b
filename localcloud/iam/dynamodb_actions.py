"""The permissions of DynamoDB operations: tables, indexes, leading keys and attributes. Pure.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from localcloud.iam.resources import AccountResources, Params, RequiredPermission

_TRANSACTION_OPERATIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}


def table_arn(account: AccountResources, table: str) -> str:
    """Return the ARN of a table that a call names by its name or its ARN."""
    return table if table.startswith("arn:") else account.arn("dynamodb", f"table/{table}")


def item_permission(action: str, params: Params, account: AccountResources) -> RequiredPermission:
    """Return the permission of an operation on one item, with its partition key and the names of
    the attributes that it writes, reads or compares.
    """
    table = str(params.get("TableName", ""))
    item = params.get("Key") or params.get("Item") or {}
    context = _leading_keys(account, table, [item]) | _attributes([item], params)
    return RequiredPermission(action, table_arn(account, table), context)


_EXPRESSIONS = ("UpdateExpression", "ConditionExpression", "ProjectionExpression")
_VALUE_OR_FUNCTION = re.compile(r":\w+|\w+\s*\(")
_NAME = re.compile(r"(?<![.\w#])#?[A-Za-z_]\w*")
_KEYWORDS = frozenset(["SET", "REMOVE", "ADD", "DELETE", "AND", "OR", "NOT", "IN", "BETWEEN"])


def _attributes(items: Iterable[Mapping[str, Any]], params: Params) -> dict[str, Any]:
    """Return the top-level attributes of items, and those that expressions name."""
    names = params.get("ExpressionAttributeNames") or {}
    told = _VALUE_OR_FUNCTION.sub(" ", " ".join(str(params.get(e) or "") for e in _EXPRESSIONS))
    found = {str(names.get(name, name)) for name in _NAME.findall(told)}
    found -= {name for name in found if name.upper() in _KEYWORDS}
    found |= {str(name) for item in items for name in item}
    return {"dynamodb:attributes": tuple(sorted(found))} if found else {}


def _leading_keys(
    account: AccountResources, table: str, items: Iterable[Mapping[str, Any]]
) -> dict[str, Any]:
    name = account.hash_key(table.rpartition("table/")[2])
    keys = sorted({text for item in items for text in _attribute_values(item.get(name or ""))})
    return {"dynamodb:leadingkeys": tuple(keys)} if keys else {}


def _attribute_values(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        yield from (str(each) for each in value.values())


_KEY_CONDITION = re.compile(r"(#?[\w.-]+)\s*=\s*(:\w+)")


def query_permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    """Return the permission of a Query on the table or the index that it reads."""
    table = str(params.get("TableName", ""))
    arn = table_arn(account, table)
    resource = f"{arn}/index/{params['IndexName']}" if params.get("IndexName") else arn
    names, values = (params.get(f"ExpressionAttribute{part}") or {} for part in ("Names", "Values"))
    compared = {
        str(names.get(name, name)): values.get(value, {})
        for name, value in _KEY_CONDITION.findall(str(params.get("KeyConditionExpression", "")))
    }
    return [
        RequiredPermission("dynamodb:Query", resource, _leading_keys(account, table, [compared]))
    ]


def scan_permissions(params: Params, account: AccountResources) -> Iterable[RequiredPermission]:
    """Return the permission of a Scan on the table or the index that it reads."""
    arn = table_arn(account, str(params.get("TableName", "")))
    resource = f"{arn}/index/{params['IndexName']}" if params.get("IndexName") else arn
    return [RequiredPermission("dynamodb:Scan", resource)]


def batch_get_permissions(
    params: Params, account: AccountResources
) -> Iterable[RequiredPermission]:
    """Yield the permission of a BatchGetItem on each of its tables."""
    for table, request in (params.get("RequestItems") or {}).items():
        leading = _leading_keys(account, table, request.get("Keys", ()))
        yield RequiredPermission("dynamodb:BatchGetItem", table_arn(account, table), leading)


def batch_write_permissions(
    params: Params, account: AccountResources
) -> Iterable[RequiredPermission]:
    """Yield the permission of a BatchWriteItem on each of its tables."""
    for table, writes in (params.get("RequestItems") or {}).items():
        puts = [each["PutRequest"]["Item"] for each in writes if "PutRequest" in each]
        deletes = [each["DeleteRequest"]["Key"] for each in writes if "DeleteRequest" in each]
        items = [*puts, *deletes]
        context = _leading_keys(account, table, items) | _attributes(items, {})
        yield RequiredPermission("dynamodb:BatchWriteItem", table_arn(account, table), context)


def transaction_permissions(
    params: Params, account: AccountResources
) -> Iterable[RequiredPermission]:
    """Yield the permission that each action of a transaction requires by itself."""
    for item in params.get("TransactItems") or ():
        for kind, part in item.items():
            yield item_permission(f"dynamodb:{_TRANSACTION_OPERATIONS[kind]}", part, account)
