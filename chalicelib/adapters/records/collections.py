"""Collections in the records table.

TENANT#<tenant>   COLLECTION#<name>   what is declared of a collection
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Item, Key, Put
from chalicelib.adapters.records.writes import tenant_pk, timestamp
from chalicelib.contracts.collections import Declaration, DocumentUsage

_COLLECTION = "COLLECTION#"
_DOCUMENT = "DOCUMENT#"
_COUNTED_FIELDS = ("collection", "status", "pages", "chunks", "bytes")


def declaration(table: DynamoTable, tenant: str, name: str) -> Declaration | None:
    """Return the declaration of a collection, or None."""
    item = table.get(_key(tenant, name))
    return None if item is None else _declaration(item)


class CollectionTable:
    """Declarations of collections, and the counted fields of their documents."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return the declaration of a collection, or None."""
        return declaration(self._table, tenant, name)

    def declarations(self, tenant: str) -> Iterator[Declaration]:
        """Yield the declarations of the tenant's collections, by name."""
        for item in self._table.query(tenant_pk(tenant), _COLLECTION):
            yield _declaration(item)

    def declare(self, tenant: str, declared: Declaration) -> None:
        """Store the declaration of a collection, replacing the previous one."""
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
                    "transcriber": declared.transcriber,
                    "extractor": declared.extractor,
                    "created_at": timestamp(declared.created_at),
                    "updated_at": timestamp(declared.updated_at),
                }
            )
        )

    def forget(self, tenant: str, name: str) -> None:
        """Remove the declaration of a collection; none is no error."""
        self._table.delete(Delete(_key(tenant, name)))

    def held(self, tenant: str) -> Iterator[DocumentUsage]:
        """Yield what counts of each of the tenant's documents, by id."""
        for item in self._table.query(tenant_pk(tenant), _DOCUMENT, attributes=_COUNTED_FIELDS):
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
