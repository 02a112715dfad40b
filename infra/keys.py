"""API keys: an operator makes and revokes them; only their hashes are kept."""

from __future__ import annotations

import hashlib
import secrets
from datetime import UTC, datetime
from typing import Any


def new_key() -> str:
    """Return a fresh key: `hr_` and 32 random bytes, URL-safe."""
    return f"hr_{secrets.token_urlsafe(32)}"


def _record_key(key: str) -> dict[str, Any]:
    return {"pk": {"S": f"KEY#{hashlib.sha256(key.encode()).hexdigest()}"}, "sk": {"S": "KEY"}}


def grant(dynamodb: Any, table: str, key: str, tenant: str, name: str) -> None:
    """Let `key` act for `tenant`. Granting a key again renews its name and date.

    The tenant's own records name the key's hash, too, so that all of its keys can be found.
    `dynamodb` is a boto3 client; the tenant must have been made. Raises ValueError when the
    key acts for another tenant already.
    """
    pointer = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": _record_key(key)["pk"]["S"]}}
    item = {
        **_record_key(key),
        "tenant": {"S": tenant},
        "name": {"S": name},
        "created_at": {"S": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")},
    }
    try:
        dynamodb.transact_write_items(
            TransactItems=[
                {
                    "Put": {
                        "TableName": table,
                        "Item": item,
                        "ConditionExpression": "attribute_not_exists(pk) OR tenant = :tenant",
                        "ExpressionAttributeValues": {":tenant": {"S": tenant}},
                    }
                },
                {"Put": {"TableName": table, "Item": pointer}},
            ]
        )
    except dynamodb.exceptions.TransactionCanceledException as error:
        raise ValueError("this key acts for another tenant") from error


def revoke(dynamodb: Any, table: str, key: str) -> bool:
    """Take `key` away, at once. Returns whether there was such a key."""
    hashed = _record_key(key)
    answer = dynamodb.delete_item(TableName=table, Key=hashed, ReturnValues="ALL_OLD")
    if "Attributes" not in answer:
        return False
    pointer = {
        "pk": {"S": f"TENANT#{answer['Attributes']['tenant']['S']}"},
        "sk": hashed["pk"],
    }
    dynamodb.delete_item(TableName=table, Key=pointer)
    return True
