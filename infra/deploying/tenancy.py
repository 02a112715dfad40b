"""The first tenant of a stage, and its API key."""

from __future__ import annotations

from dataclasses import dataclass

from infra import keys, tenants
from infra.stages import Client

FIRST_TENANT = "main"
NAME_OF_KEY = "first key, made by the deployment"


@dataclass(frozen=True, slots=True)
class Granted:
    """A tenant and a key that acts for it; the key is kept nowhere else."""

    tenant: str
    key: str


def first_key(client: Client, home: tenants.Stage) -> Granted | None:
    """Make the first tenant and a key for it, or return None where the stage has a tenant.

    One whose making was cut off after its index is made now.
    """
    listed = client("s3vectors").list_indexes(vectorBucketName=home.vector_bucket, maxResults=1)
    if listed["indexes"] and not _is_unfinished(client, home):
        return None
    return grant(client, home, FIRST_TENANT, NAME_OF_KEY)


def grant(client: Client, home: tenants.Stage, tenant: str, name: str) -> Granted:
    """Make `tenant` where there is none, and give it a fresh key."""
    tenants.create(client, home, tenant)
    key = keys.new_key()
    keys.grant(client("dynamodb"), home.records_table, key, tenant, name)
    return Granted(tenant, key)


def _is_unfinished(client: Client, home: tenants.Stage) -> bool:
    """Say whether the first tenant has its index, which comes first, and is not there."""
    index = f"{FIRST_TENANT}-{tenants.EMBEDDING_MODEL}"
    begun = client("s3vectors").list_indexes(
        vectorBucketName=home.vector_bucket, prefix=index, maxResults=1
    )
    record = client("dynamodb").get_item(
        TableName=home.records_table,
        Key={"pk": {"S": f"TENANT#{FIRST_TENANT}"}, "sk": {"S": "TENANT"}},
        ConsistentRead=True,
    )
    return bool(begun["indexes"]) and "Item" not in record
