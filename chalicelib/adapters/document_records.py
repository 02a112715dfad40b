"""Tenants, documents and versions as the records table keeps them: `records` says how."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from chalicelib.adapters.collection_records import declaration
from chalicelib.adapters.dynamodb import Item, Table, Update
from chalicelib.adapters.record_writes import (
    ADMISSION,
    EXISTS,
    REMOVED,
    RUNNING,
    document_key,
    place_key,
    tenant_key,
    tenant_pk,
    timestamp,
    version_key,
)
from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.receipts import Receipt
from chalicelib.ports import IndexRef, TenantState
from chalicelib.retrieval.ids import image_index_model

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.jobs.ingest_settlement import IngestSlot


class DocumentRecords:
    """What is kept of tenants and their documents, as everyone reads it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def live_index(self, tenant: str) -> IndexRef | None:
        """Return the index that answers for `tenant`, or None for an unknown tenant."""
        state = self.tenant_state(tenant)
        return None if state is None else state.live

    def tenant_state(self, tenant: str) -> TenantState | None:
        """Return what is known of `tenant`, or None for an unknown tenant."""
        item = self._table.get(tenant_key(tenant))
        if item is None:
            return None
        bucket = item["vector_bucket"]
        return TenantState(
            live=IndexRef(bucket, item["index"], item["model"], item.get("votes", 0)),
            next=IndexRef(bucket, item["next_index"], item["next_model"])
            if "next_index" in item
            else None,
            removing=item.get("removing", ""),
            pictures=tuple(
                IndexRef(bucket, name, image_index_model(name))
                for name in sorted(item.get("picture_indexes", ()))
            ),
        )

    def was_removed(self, tenant: str) -> bool:
        """Tell whether a tenant of this name was removed."""
        return any(True for _ in self._table.query(REMOVED + tenant, "", limit=1))

    def declaration(self, tenant: str, name: str) -> Declaration | None:
        """Return what is declared of a collection, or None."""
        return declaration(self._table, tenant, name)

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""
        item = self._table.get(document_key(tenant, document_id))
        return None if item is None else document_from(item)

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""
        item = self._table.get(version_key(tenant, document_id, version))
        return None if item is None else version_from(item)

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""
        for item in self._table.query(tenant_pk(tenant), f"VERSION#{document_id}#"):
            yield version_from(item)

    def place(self, execution_arn: str) -> IngestSlot | None:
        """Return the place that an execution holds, or None once it is settled."""
        item = self._table.get(place_key(execution_arn))
        return None if item is None else _running_from(item)

    def running(self) -> Iterator[IngestSlot]:
        """Yield the places that are held."""
        for item in self._table.query(ADMISSION, RUNNING):
            yield _running_from(item)

    def mark_cleared(self, tenant: str, version: Version, now: datetime) -> None:
        """Record that the vectors of `version` are gone."""
        self._table.update(
            Update(
                version_key(tenant, version.document_id, version.version),
                "SET #cleared_at = :now",
                {":now": timestamp(now)},
                EXISTS,
            )
        )


def document_from(item: Item) -> Document:
    """Return the document that `item` holds."""
    return Document.model_validate(_parsed(item))


def version_from(item: Item) -> Version:
    """Return the version that `item` holds; the parts that are done are kept as sets."""
    parts = {
        "parts": item.get("part_count", 0),
        "parts_read": len(item.get("read_parts", ())),
        "embedding_parts": item.get("embedding_part_count", 0),
        "parts_embedded": len(item.get("embedded_parts", ())),
    }
    return Version.model_validate({**_parsed(item), **parts})


def _running_from(item: Item) -> IngestSlot:
    # Few requests look at places, and these contracts are many.
    from chalicelib.contracts.ingest import IngestInput
    from chalicelib.jobs.ingest_settlement import IngestSlot

    return IngestSlot(
        work=IngestInput.model_validate_json(item["work"]),
        attempt=item["attempt"],
        execution_arn=item["execution_arn"],
        started_at=datetime.fromisoformat(item["started_at"]),
    )


def _parsed(item: Item) -> Mapping[str, object]:
    """Return `item` with its receipt and its metadata parsed: they are kept as JSON."""
    written = item.get("receipt")
    return {
        **item,
        "receipt": Receipt.model_validate_json(written) if written else None,
        "metadata": json.loads(item.get("metadata", "{}")),
    }
