"""Saved extractors in the records table.

    TENANT#<tenant>   EXTRACTORS#<name>            an extractor's head: its newest version
    TENANT#<tenant>   EXTRACTOR#<name>#v000001     a version with its schema, which stays as it is

Heads begin differently from versions, so that listing extractors reads no schemas.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from chalicelib.adapters.dynamodb import (
    Delete,
    DynamoTable,
    Item,
    Key,
    Put,
    TransactionRefused,
    Write,
    WriteCondition,
)
from chalicelib.adapters.records.writes import ABSENT, tenant_pk, tenant_stays
from chalicelib.contracts.extraction_orders import Extractor, ExtractorVersion

_HEAD = "EXTRACTORS#"
_VERSION = "EXTRACTOR#"


class ExtractorTable:
    """Stores heads and versions of extractors by tenant."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def head(self, tenant: str, name: str) -> Extractor | None:
        """Return the newest version of an extractor in short, or None."""
        item = self._table.get(_head_key(tenant, name))
        return None if item is None else _head(item)

    def heads(self, tenant: str, after: str) -> Iterator[Extractor]:
        """Yield the tenant's extractors by name, those after the name `after` ("" for all)."""
        start = _HEAD + after if after else ""
        for item in self._table.query(tenant_pk(tenant), _HEAD, after=start):
            yield _head(item)

    def version(self, tenant: str, name: str, number: int) -> ExtractorVersion | None:
        """Return one version, or None."""
        item = self._table.get(_version_key(tenant, name, number))
        return None if item is None else ExtractorVersion.model_validate(json.loads(item["body"]))

    def add(self, tenant: str, before: Extractor | None, added: ExtractorVersion) -> bool:
        """Store the next version; return False if the head is not `before` any more."""
        unchanged = (
            ABSENT
            if before is None
            else WriteCondition("#version = :version", {":version": before.version})
        )
        head = Extractor.model_validate(added.model_dump(exclude={"json_schema"}))
        pk, sk = _head_key(tenant, added.name)
        version_pk, version_sk = _version_key(tenant, added.name, added.version)
        body = added.model_dump_json()
        writes: list[Write] = [
            Put(
                {"pk": pk, "sk": sk, "head": head.model_dump_json(), "version": added.version},
                unchanged,
            ),
            Put({"pk": version_pk, "sk": version_sk, "body": body}, ABSENT),
            tenant_stays(tenant),
        ]
        try:
            self._table.transact(writes)
        except TransactionRefused:
            return False
        return True

    def remove(self, tenant: str, name: str) -> int:
        """Remove an extractor with all its versions, the head last; return how many versions."""
        removed = 0
        for item in list(self._table.query(tenant_pk(tenant), f"{_VERSION}{name}#")):
            self._table.delete(Delete((item["pk"], item["sk"])))
            removed += 1
        self._table.delete(Delete(_head_key(tenant, name)))
        return removed


def _head_key(tenant: str, name: str) -> Key:
    return tenant_pk(tenant), _HEAD + name


def _version_key(tenant: str, name: str, number: int) -> Key:
    return tenant_pk(tenant), f"{_VERSION}{name}#v{number:06d}"


def _head(item: Item) -> Extractor:
    return Extractor.model_validate_json(item["head"])
