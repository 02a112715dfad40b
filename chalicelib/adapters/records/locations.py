"""Places in S3 that an operator granted tenants, in the records table.

    TENANT#<tenant>   LOCATION#s3://<bucket>/<prefix>/   whether it is for reading only

`infra.locations` writes them.
"""

from __future__ import annotations

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.writes import tenant_pk

LOCATION = "LOCATION#"


class LocationTable:
    """Reads the locations that tenants were granted."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def granted(self, tenant: str, *, writes: bool) -> list[str]:
        """Return the prefixes, `s3://bucket/prefix/`, that the tenant may read, or write to."""
        found = self._table.query(tenant_pk(tenant), LOCATION)
        return [
            item["sk"].removeprefix(LOCATION)
            for item in found
            if not writes or not item["read_only"]
        ]
