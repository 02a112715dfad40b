"""Locations in S3 that schedules of a tenant may use, beside those of the stage's bucket.

`python -m infra.tenants` grants, revokes and lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chalicelib.errors import InvalidInput
from chalicelib.schedules.locations import parse_grant

LOCATION = "LOCATION#"


@dataclass(frozen=True, slots=True)
class GrantedLocation:
    """A prefix, `s3://bucket/prefix/`, and whether it is for reading only."""

    uri: str
    read_only: bool

    @property
    def text(self) -> str:
        """Return one line that says both."""
        return f"{self.uri}  {'read' if self.read_only else 'read and write'}"


@dataclass(frozen=True, slots=True)
class TenantLocations:
    """The granted locations of the tenants of a stage; `dynamodb` is a boto3 client."""

    dynamodb: Any
    table: str
    bucket: str

    def grant(self, tenant: str, uri: str, *, read_only: bool) -> GrantedLocation:
        """Let schedules of `tenant` use the prefix `uri`; granting it again replaces `read_only`.

        Raises:
            ValueError: there is no such tenant, it is being removed, or the location cannot be
                granted.
        """
        prefix = self._prefix(uri)
        pk = {"S": f"TENANT#{tenant}"}
        item = {"pk": pk, "sk": {"S": LOCATION + prefix}, "read_only": {"BOOL": read_only}}
        stays = {
            "TableName": self.table,
            "Key": {"pk": pk, "sk": {"S": "TENANT"}},
            "ConditionExpression": "attribute_exists(pk) AND attribute_not_exists(removing)",
        }
        try:
            self.dynamodb.transact_write_items(
                TransactItems=[
                    {"ConditionCheck": stays},
                    {"Put": {"TableName": self.table, "Item": item}},
                ]
            )
        except self.dynamodb.exceptions.TransactionCanceledException as error:
            raise ValueError(f"there is no tenant {tenant}, or it is being removed") from error
        return GrantedLocation(prefix, read_only)

    def revoke(self, tenant: str, uri: str) -> bool:
        """Take a location from `tenant`, from the next run on; return False if it had none.

        Raises:
            ValueError: `uri` is no location.
        """
        key = {"pk": {"S": f"TENANT#{tenant}"}, "sk": {"S": LOCATION + self._prefix(uri)}}
        gone = self.dynamodb.delete_item(TableName=self.table, Key=key, ReturnValues="ALL_OLD")
        return "Attributes" in gone

    def listed(self, tenant: str) -> list[GrantedLocation]:
        """Return what `tenant` was granted."""
        pages = self.dynamodb.get_paginator("query").paginate(
            TableName=self.table,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :location)",
            ExpressionAttributeValues={
                ":pk": {"S": f"TENANT#{tenant}"},
                ":location": {"S": LOCATION},
            },
            ConsistentRead=True,
        )
        return [
            GrantedLocation(item["sk"]["S"].removeprefix(LOCATION), item["read_only"]["BOOL"])
            for page in pages
            for item in page["Items"]
        ]

    def _prefix(self, uri: str) -> str:
        try:
            return parse_grant(uri, self.bucket).uri
        except InvalidInput as error:
            raise ValueError(error.message) from error
