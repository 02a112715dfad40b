"""Tenants: an operator makes one, with its index of vectors and its API keys.

`python -m infra.tenants` does it on a stage; the local cloud does it for its own tenant.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.indexes import kind_of_index
from chalicelib.generation.catalogue import embedding_dimensions
from infra import keys, stages
from infra.stages import Client

EMBEDDING_MODEL = "minilm-l6-v2-int8"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,30}")


@dataclass(frozen=True, slots=True)
class Stage:
    """Where tenants live: the template's outputs that they need."""

    records_table: str
    vector_bucket: str


def create(client: Client, stage: Stage, tenant: str) -> None:
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
    kind = kind_of_index(embedding_dimensions(EMBEDDING_MODEL))
    try:
        vectors.create_index(vectorBucketName=bucket, indexName=index, **kind)
    except vectors.exceptions.ConflictException as error:
        there = vectors.get_index(vectorBucketName=bucket, indexName=index)["index"]
        if any(there[name] != kind[name] for name in ("dimension", "distanceMetric")):
            raise ValueError(f"index {index} exists with another dimension or metric") from error


def home_of(outputs: Mapping[str, str]) -> Stage:
    """Return where the tenants of a stage live, from what its stack puts out."""
    return Stage(outputs["RecordsTableName"], outputs["VectorBucketName"])


def main(arguments: list[str] | None = None) -> int:
    """Make a tenant and print a fresh API key for it, or revoke one."""
    parser = argparse.ArgumentParser(prog="python -m infra.tenants", description=main.__doc__)
    stages.add_options(parser)
    parser.add_argument("--revoke", metavar="KEY", help="take this key away, at once")
    parser.add_argument("tenant")
    chosen = parser.parse_args(arguments)
    try:
        place = stages.place(chosen.stage, chosen.cloud_file, chosen.region, chosen.profile)
        client, stage = place.client, home_of(place.outputs)
        if chosen.revoke:
            known = keys.revoke(client("dynamodb"), stage.records_table, chosen.revoke)
            print("revoked" if known else "there is no such key")  # noqa: T201
            return 0 if known else 1
        create(client, stage, chosen.tenant)
        key = keys.new_key()
        keys.grant(client("dynamodb"), stage.records_table, key, chosen.tenant, "operator")
    except (ValueError, BotoCoreError, ClientError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(key)  # noqa: T201 - shown once; only its hash is kept
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
