"""Collections in the records table.

TENANT#<tenant>   COLLECTION#<name>   what is declared of a collection
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from chalicelib.adapters.dynamodb import Delete, Item, Key, Put, Table
from chalicelib.adapters.record_writes import tenant_pk, timestamp
from chalicelib.contracts.collections import Declaration, DocumentUsage

_COLLECTION = "COLLECTION#"
_DOCUMENT = "DOCUMENT#"
_COUNTED = ("collection", "status", "pages", "chunks", "bytes")


def declaration(table: Table, tenant: str, name: str) -> Declaration | None:
    """Return what is declared of a collection, or None."""
    item = table.get(_key(tenant, name))
    return None if item is None else _declaration(item)


class CollectionRecords:
    """Declarations of collections, and counts of their documents, in the records table."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return what is declared of a collection, or None."""
        return declaration(self._table, tenant, name)

    def declarations(self, tenant: str) -> Iterator[Declaration]:
        """Yield what is declared of the tenant's collections, by name."""
        for item in self._table.query(tenant_pk(tenant), _COLLECTION):
            yield _declaration(item)

    def declare(self, tenant: str, declared: Declaration) -> None:
        """Keep what is declared of a collection, in place of what was."""
        pk, sk = _key(tenant, declared.name)
        self._table.put(
            Put(
                {
                    "pk": pk,
                    "sk": sk,
                    "name": declared.name,
                    "description": declared.description,
                    "fields": json.dumps(declared.fields),
                    "strict": declared.strict,
                    "picture_model": declared.picture_model,
                    "created_at": timestamp(declared.created_at),
                    "updated_at": timestamp(declared.updated_at),
                }
            )
        )

    def forget(self, tenant: str, name: str) -> None:
        """Remove what is declared of a collection; nothing declared is no error."""
        self._table.delete(Delete(_key(tenant, name)))

    def held(self, tenant: str) -> Iterator[DocumentUsage]:
        """Yield what counts of each of the tenant's documents, by id."""
        for item in self._table.query(tenant_pk(tenant), _DOCUMENT, attributes=_COUNTED):
            yield DocumentUsage(
                collection=item["collection"],
                status=item["status"],
                pages=item.get("pages", 0),
                chunks=item.get("chunks", 0),
                bytes=item.get("bytes", 0),
            )


def _key(tenant: str, name: str) -> Key:
    return tenant_pk(tenant), _COLLECTION + name


def _declaration(item: Item) -> Declaration:
    return Declaration.model_validate({**item, "fields": json.loads(item["fields"])})
