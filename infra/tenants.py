"""Tenants: an operator makes one, with its index of vectors and its API keys.

`python -m infra.tenants` does it on a stage; the local cloud does it for its own tenant.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.s3vectors import index_definition
from chalicelib.generation.catalogue import embedding_dimensions
from infra import stages
from infra.stages import Client


def new_key() -> str:
    """Return a fresh key: `hr_` and 32 random bytes, URL-safe."""
    return f"hr_{secrets.token_urlsafe(32)}"


def _record_key(key: str) -> dict[str, Any]:
    return {"pk": {"S": f"KEY#{hashlib.sha256(key.encode()).hexdigest()}"}, "sk": {"S": "KEY"}}


def grant_key(dynamodb: Any, table: str, key: str, tenant: str, name: str) -> None:
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


def revoke_key(dynamodb: Any, table: str, key: str) -> bool:
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


EMBEDDING_MODEL = "minilm-l6-v2-int8"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")


@dataclass(frozen=True, slots=True)
class TenantStorage:
    """Where tenants live: the template's outputs that they need."""

    records_table: str
    vector_bucket: str


def create_tenant(client: Client, stage: TenantStorage, tenant: str) -> None:
    """Make `tenant`'s index and its pointer record; making it again changes nothing.

    A pointer that has moved on to another index stays where it is. `client` gives boto3
    clients by service name. Raises ValueError for a name that an index's name could not
    carry, and for an index of that name which is of another kind.
    """
    if not _NAME.fullmatch(tenant):
        raise ValueError(
            f"tenant {tenant!r}: 2 to 31 of a-z, 0-9 and '-', beginning with a letter or digit"
        )
    dynamodb = client("dynamodb")
    pointer = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": "TENANT"}}
    if "Item" in dynamodb.get_item(TableName=stage.records_table, Key=pointer, ConsistentRead=True):
        return
    index = f"{tenant}-{EMBEDDING_MODEL}"
    _create_index(client("s3vectors"), stage.vector_bucket, index)
    with suppress(dynamodb.exceptions.ConditionalCheckFailedException):
        dynamodb.put_item(
            TableName=stage.records_table,
            Item={
                **pointer,
                "vector_bucket": {"S": stage.vector_bucket},
                "index": {"S": index},
                "model": {"S": EMBEDDING_MODEL},
            },
            ConditionExpression="attribute_not_exists(pk)",
        )


def _create_index(vectors: Any, bucket: str, index: str) -> None:
    """Create an index that finds by meaning and by words; its keys can never be changed."""
    kind = index_definition(embedding_dimensions(EMBEDDING_MODEL))
    try:
        vectors.create_index(vectorBucketName=bucket, indexName=index, **kind)
    except vectors.exceptions.ConflictException as error:
        there = vectors.get_index(vectorBucketName=bucket, indexName=index)["index"]
        if any(there[name] != kind[name] for name in ("dimension", "distanceMetric")):
            raise ValueError(f"index {index} exists with another dimension or metric") from error


def storage_of(outputs: Mapping[str, str]) -> TenantStorage:
    """Return where the tenants of a stage live, from what its stack puts out."""
    return TenantStorage(outputs["RecordsTableName"], outputs["VectorBucketName"])


def main(arguments: list[str] | None = None) -> int:
    """Make a tenant and print a fresh API key for it, or revoke one."""
    parser = argparse.ArgumentParser(prog="python -m infra.tenants", description=main.__doc__)
    stages.add_options(parser)
    parser.add_argument("--revoke", metavar="KEY", help="take this key away, at once")
    parser.add_argument("tenant")
    chosen = parser.parse_args(arguments)
    try:
        place = stages.connect(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        client, stage = place.client, storage_of(place.outputs)
        if chosen.revoke:
            known = revoke_key(client("dynamodb"), stage.records_table, chosen.revoke)
            print("revoked" if known else "there is no such key")  # noqa: T201
            return 0 if known else 1
        create_tenant(client, stage, chosen.tenant)
        key = new_key()
        grant_key(client("dynamodb"), stage.records_table, key, chosen.tenant, "operator")
    except (ValueError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(key)  # noqa: T201 - shown once; only its hash is kept
    return 0


if __name__ == "__main__":
    raise SystemExit(main())


FIRST_TENANT = "main"


FIRST_KEY_NAME = "first key, made by the deployment"


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A tenant and a key that acts for it; the key is kept nowhere else."""

    tenant: str
    key: str


def create_first_tenant(client: Client, home: TenantStorage) -> TenantKey | None:
    """Make the first tenant and a key for it, or return None where the stage has a tenant.

    One whose making was cut off after its index is made now.
    """
    listed = client("s3vectors").list_indexes(vectorBucketName=home.vector_bucket, maxResults=1)
    if listed["indexes"] and not _is_unfinished(client, home):
        return None
    return create_with_key(client, home, FIRST_TENANT, FIRST_KEY_NAME)


def create_with_key(client: Client, home: TenantStorage, tenant: str, name: str) -> TenantKey:
    """Make `tenant` where there is none, and give it a fresh key."""
    create_tenant(client, home, tenant)
    key = new_key()
    grant_key(client("dynamodb"), home.records_table, key, tenant, name)
    return TenantKey(tenant, key)


def _is_unfinished(client: Client, home: TenantStorage) -> bool:
    """Say whether the first tenant has its index, which comes first, and is not there."""
    index = f"{FIRST_TENANT}-{EMBEDDING_MODEL}"
    begun = client("s3vectors").list_indexes(
        vectorBucketName=home.vector_bucket, prefix=index, maxResults=1
    )
    record = client("dynamodb").get_item(
        TableName=home.records_table,
        Key={"pk": {"S": f"TENANT#{FIRST_TENANT}"}, "sk": {"S": "TENANT"}},
        ConsistentRead=True,
    )
    return bool(begun["indexes"]) and "Item" not in record
