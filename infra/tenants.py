"""Tenants: an operator creates one, with its vector index and its API keys.

    python -m infra.tenants --stage prod acme                         a tenant, and a key for it
    python -m infra.tenants --stage prod --operator acme              a key that approves models
    python -m infra.tenants --stage prod --revoke KEY acme            takes a key away
    python -m infra.tenants --stage prod --locations acme             places that its schedules use
    python -m infra.tenants --stage prod --location s3://files/in/ --read-only acme
    python -m infra.tenants --stage prod --no-location s3://files/in/ acme
    python -m infra.tenants --stage prod --require-suites on acme     labels of prompts take suites

The local cloud creates its own tenant by the same functions.
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
from chalicelib.retrieval.ids import text_index_name
from infra import stages
from infra.locations import TenantLocations
from infra.stages import Client, StageConnection


def new_key() -> str:
    """Return a new key: `hr_` and 32 random bytes, URL-safe."""
    return f"hr_{secrets.token_urlsafe(32)}"


def _record_key(key: str) -> dict[str, Any]:
    return {"pk": {"S": f"KEY#{hashlib.sha256(key.encode()).hexdigest()}"}, "sk": {"S": "KEY"}}


def grant_key(
    dynamodb: Any, table: str, key: str, tenant: str, name: str, *, operator: bool = False
) -> None:
    """Let `key` act for `tenant`; granting it again renews its name, date and rights.

    The key of an `operator` may also do what concerns all tenants, such as approving models.

    The tenant's own records name the key's hash, too, so that all of its keys can be found.
    `dynamodb` is a boto3 client; the tenant must exist.

    Raises:
        ValueError: the key acts for another tenant already.
    """
    pointer = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": _record_key(key)["pk"]["S"]}}
    item = {
        **_record_key(key),
        "tenant": {"S": tenant},
        "name": {"S": name},
        "created_at": {"S": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")},
        **({"operator": {"BOOL": True}} if operator else {}),
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


def tenant_of_key(dynamodb: Any, table: str, key: str) -> str | None:
    """Return the tenant that `key` acts for, or None of a key that is revoked or never existed."""
    found = dynamodb.get_item(TableName=table, Key=_record_key(key), ConsistentRead=True)
    return str(found["Item"]["tenant"]["S"]) if "Item" in found else None


def revoke_key(dynamodb: Any, table: str, key: str, tenant: str) -> bool:
    """Revoke `key` of `tenant` at once; return False, and change nothing, if it has no such key."""
    hashed = _record_key(key)
    try:
        dynamodb.delete_item(
            TableName=table,
            Key=hashed,
            ConditionExpression="tenant = :tenant",
            ExpressionAttributeValues={":tenant": {"S": tenant}},
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    pointer = {"pk": {"S": f"TENANT#{tenant}"}, "sk": hashed["pk"]}
    dynamodb.delete_item(TableName=table, Key=pointer)
    return True


def require_suites(dynamodb: Any, table: str, tenant: str, *, required: bool) -> bool:
    """Have `production` of a tenant's prompts take a suite that passed, or not; False without it.

    `dynamodb` is a boto3 client.
    """
    change = "SET suites_required = :yes" if required else "REMOVE suites_required"
    values = {"ExpressionAttributeValues": {":yes": {"BOOL": True}}} if required else {}
    try:
        dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": "TENANT"}},
            UpdateExpression=change,
            ConditionExpression="attribute_exists(pk)",
            **values,
        )
    except dynamodb.exceptions.ConditionalCheckFailedException:
        return False
    return True


EMBEDDING_MODEL = "minilm-l6-v2-int8"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")


@dataclass(frozen=True, slots=True)
class TenantStorage:
    """Table, bucket and index settings of a stage's tenants, from the template's outputs."""

    records_table: str
    vector_bucket: str


def create_tenant(client: Client, stage: TenantStorage, tenant: str) -> None:
    """Create the index and pointer record of `tenant`; repeating it changes nothing.

    A pointer that has moved on to another index stays. `client` gives boto3 clients by service
    name.

    Raises:
        ValueError: the name cannot be part of an index's name, or an index of that name is of
            another kind.
    """
    if not _NAME.fullmatch(tenant):
        raise ValueError(
            f"tenant {tenant!r}: 2 to 31 of a-z, 0-9 and '-', beginning with a letter or digit"
        )
    dynamodb = client("dynamodb")
    pointer = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": "TENANT"}}
    if "Item" in dynamodb.get_item(TableName=stage.records_table, Key=pointer, ConsistentRead=True):
        return
    index = text_index_name(tenant, EMBEDDING_MODEL)
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
    """Create an index for semantic and word search; its metadata keys can never be changed."""
    kind = index_definition(embedding_dimensions(EMBEDDING_MODEL))
    try:
        vectors.create_index(vectorBucketName=bucket, indexName=index, **kind)
    except vectors.exceptions.ConflictException as error:
        there = vectors.get_index(vectorBucketName=bucket, indexName=index)["index"]
        if any(there[name] != kind[name] for name in ("dimension", "distanceMetric")):
            raise ValueError(f"index {index} exists with another dimension or metric") from error


def storage_of(outputs: Mapping[str, str]) -> TenantStorage:
    """Return the storage of a stage's tenants, from the outputs of its stack."""
    return TenantStorage(outputs["RecordsTableName"], outputs["VectorBucketName"])


def main(arguments: list[str] | None = None) -> int:
    """Create a tenant and print a new API key, revoke a key, or say where its schedules may go."""
    parser = argparse.ArgumentParser(prog="python -m infra.tenants", description=main.__doc__)
    stages.add_options(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--revoke", metavar="KEY", help="take this key of the tenant away, at once")
    what.add_argument(
        "--operator",
        action="store_true",
        help="print a key that may also approve models and see what concerns all tenants",
    )
    what.add_argument(
        "--location",
        metavar="S3_URI",
        help="let its schedules use this prefix, s3://BUCKET/PREFIX/",
    )
    what.add_argument("--no-location", metavar="S3_URI", help="take such a prefix away")
    what.add_argument("--locations", action="store_true", help="list such prefixes")
    what.add_argument(
        "--require-suites",
        choices=("on", "off"),
        help="prompts are labelled `production` only after a suite has passed",
    )
    parser.add_argument(
        "--read-only", action="store_true", help="with --location: nothing is written"
    )
    parser.add_argument("tenant")
    chosen = parser.parse_args(arguments)
    if chosen.read_only and not chosen.location:
        parser.error("--read-only belongs to --location")
    try:
        place = stages.connect(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        lines, done = _carry_out(place, chosen)
    except (ValueError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    for line in lines:
        print(line)  # noqa: T201 - a key is shown once; only its hash is kept
    return 0 if done else 1


def _carry_out(place: StageConnection, chosen: argparse.Namespace) -> tuple[list[str], bool]:
    """Do what was chosen; return what to print, and whether what was named was there."""
    dynamodb, tenant, outputs = place.client("dynamodb"), chosen.tenant, place.outputs
    table = outputs["RecordsTableName"]
    if chosen.revoke:
        known = revoke_key(dynamodb, table, chosen.revoke, tenant)
        return ["revoked" if known else f"{tenant} has no such key"], known
    if chosen.require_suites:
        required = chosen.require_suites == "on"
        known = require_suites(dynamodb, table, tenant, required=required)
        told = "require suites" if required else "require no suites"
        return [f"prompts of {tenant} {told}" if known else f"there is no {tenant}"], known
    if chosen.location or chosen.no_location or chosen.locations:
        locations = TenantLocations(dynamodb, table, outputs["DocumentsBucketName"])
        return _change_locations(locations, chosen)
    create_tenant(place.client, storage_of(outputs), tenant)
    key = new_key()
    grant_key(dynamodb, table, key, tenant, "operator", operator=chosen.operator)
    return [key], True


def _change_locations(
    locations: TenantLocations, chosen: argparse.Namespace
) -> tuple[list[str], bool]:
    if chosen.location:
        granted = locations.grant(chosen.tenant, chosen.location, read_only=chosen.read_only)
        return [f"{granted.text}; the stage's parameter ScheduleBuckets names its bucket"], True
    if chosen.no_location:
        known = locations.revoke(chosen.tenant, chosen.no_location)
        return ["revoked" if known else f"{chosen.tenant} has no such location"], known
    return [each.text for each in locations.listed(chosen.tenant)], True


if __name__ == "__main__":
    raise SystemExit(main())


FIRST_TENANT = "main"


FIRST_KEY_NAME = "first key, made by the deployment"


@dataclass(frozen=True, slots=True)
class TenantKey:
    """A tenant and a key that acts for it; the key is stored nowhere else."""

    tenant: str
    key: str


def create_first_tenant(client: Client, home: TenantStorage) -> TenantKey | None:
    """Create the first tenant and a key for it; return None if the stage has a tenant.

    A tenant whose creation stopped after its index is completed now.
    """
    listed = client("s3vectors").list_indexes(vectorBucketName=home.vector_bucket, maxResults=1)
    if listed["indexes"] and not _is_unfinished(client, home):
        return None
    return create_with_key(client, home, FIRST_TENANT, FIRST_KEY_NAME)


def create_with_key(client: Client, home: TenantStorage, tenant: str, name: str) -> TenantKey:
    """Create `tenant` if it does not exist, and give it a new key."""
    create_tenant(client, home, tenant)
    key = new_key()
    grant_key(client("dynamodb"), home.records_table, key, tenant, name)
    return TenantKey(tenant, key)


def _is_unfinished(client: Client, home: TenantStorage) -> bool:
    """Return whether the first tenant has its index, which comes first, but is incomplete."""
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
