"""Tenants, documents and versions as the records table keeps them: `records` says how."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from chalicelib.adapters.dynamodb import Delete, DynamoTable, Item, Put, Update, WriteCondition
from chalicelib.adapters.records.collections import declaration
from chalicelib.adapters.records.writes import (
    ADMISSION,
    EXISTS,
    REMOVED,
    RUNNING,
    begin_removal,
    clear_answer,
    delete_document,
    document_key,
    extend_removal,
    slot_key,
    tenant_key,
    tenant_pk,
    timestamp,
    upload_key,
    version_key,
)
from chalicelib.contracts.documents import Document, DocumentChange, Version
from chalicelib.contracts.idempotency import IdempotentResponse
from chalicelib.contracts.indexes import IndexRef, TenantState
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import Conflict
from chalicelib.retrieval.ids import image_index_model

if TYPE_CHECKING:
    from chalicelib.contracts.collections import Declaration
    from chalicelib.jobs.ingest_settlement import IngestSlot


_CHANGE_FIELDS = ("document_id", "updated_at", "collection", "status")
UPLOAD_LIFETIME = timedelta(days=15)
"""The time that an announcement is kept: longer than an event of its upload waits in a queue."""


class DocumentTable:
    """Reads tenants, documents and versions from the records table."""

    def __init__(self, table: DynamoTable) -> None:
        self._table = table

    def live_index(self, tenant: str) -> IndexRef | None:
        """Return the index that answers for `tenant`, or None if it is unknown."""
        state = self.tenant_state(tenant)
        return None if state is None else state.live

    def tenant_state(self, tenant: str) -> TenantState | None:
        """Return the state of `tenant`, or None if it is unknown."""
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
        """Return the declaration of a collection, or None."""
        return declaration(self._table, tenant, name)

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""
        item = self._table.get(document_key(tenant, document_id))
        return None if item is None else document_from(item)

    def announce_upload(self, tenant: str, document_id: str, upload_id: str, now: datetime) -> None:
        """Record that the request `upload_id` announced an upload of the document."""
        pk, sk = upload_key(tenant, document_id, upload_id)
        expires_at = int((now + UPLOAD_LIFETIME).timestamp())
        self._table.put(Put({"pk": pk, "sk": sk, "expires_at": expires_at}))

    def cancel_uploads(self, tenant: str, document_id: str) -> int:
        """Let no upload come that was announced and has not; return how many there were."""
        cancelled = 0
        for item in self._table.query(tenant_pk(tenant), f"UPLOAD#{document_id}#"):
            key = (item["pk"], item["sk"])
            with suppress(Conflict):  # it came meanwhile
                self._table.update(Update(key, "SET #cancelled = :yes", {":yes": True}, EXISTS))
                cancelled += 1
        return cancelled

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""
        item = self._table.get(version_key(tenant, document_id, version))
        return None if item is None else version_from(item)

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""
        for item in self._table.query(tenant_pk(tenant), f"VERSION#{document_id}#"):
            yield version_from(item)

    def place(self, execution_arn: str) -> IngestSlot | None:
        """Return the slot that an execution holds, or None once it is settled."""
        item = self._table.get(slot_key(execution_arn))
        return None if item is None else _running_from(item)

    def running(self) -> Iterator[IngestSlot]:
        """Yield the slots that are held."""
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
    """Return the document stored in `item`."""
    return Document.model_validate(_parsed(item))


def version_from(item: Item) -> Version:
    """Return the version stored in `item`; finished parts are stored as sets."""
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
        large=item.get("large", False),
    )


def _parsed(item: Item) -> Mapping[str, object]:
    """Return `item` with its receipt and its metadata parsed: they are kept as JSON."""
    written = item.get("receipt")
    return {
        **item,
        "receipt": Receipt.model_validate_json(written) if written else None,
        "metadata": json.loads(item.get("metadata", "{}")),
    }


_DOCUMENT = "DOCUMENT#"
_ATTEMPTS = 5


class ApiDocumentTable(DocumentTable):
    """Lists and removes documents, and reads what `DocumentTable` reads."""

    def __init__(self, table: DynamoTable, clock: Callable[[], float] = time.time) -> None:
        super().__init__(table)
        self._clock = clock

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those after the id `after` ("" for all)."""
        start = _DOCUMENT + after if after else ""
        for item in self._table.query(tenant_pk(tenant), _DOCUMENT, after=start):
            yield document_from(item)

    def document_changes(self, tenant: str) -> Iterator[DocumentChange]:
        """Yield when each of the tenant's documents was changed, by id."""
        for item in self._table.query(tenant_pk(tenant), _DOCUMENT, attributes=_CHANGE_FIELDS):
            yield DocumentChange(
                document_id=item["document_id"],
                updated_at=datetime.fromisoformat(item["updated_at"]),
                collection=item["collection"],
                status=item["status"],
            )

    def documents_of(self, tenant: str, document_ids: Sequence[str]) -> list[Document]:
        """Return the documents that there are of these ids, in their order."""
        keys = [document_key(tenant, document_id) for document_id in document_ids]
        found = {item["document_id"]: document_from(item) for item in self._table.get_many(keys)}
        return [found[each] for each in document_ids if each in found]

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the answering version of each document that has one."""
        keys = [document_key(tenant, document_id) for document_id in document_ids]
        items = self._table.get_many(keys, ("document_id", "version"))
        return {item["document_id"]: item["version"] for item in items if item.get("version")}

    def begin_removal(self, tenant: str, document_id: str) -> str:
        """Stop a document from answering; return the order of its newest upload, "" if gone.

        Raises:
            Conflict: uploads keep being claimed meanwhile.
        """
        for _ in range(_ATTEMPTS):
            item = self._table.get(document_key(tenant, document_id))
            if item is None:
                return ""
            order = str(item["latest_order"])
            with suppress(Conflict):
                self._table.update(begin_removal(tenant, document_id, order))
                return order
        raise Conflict(f"{document_id} is uploaded again and again; stop that, then delete it.")

    def extend_removal(self, tenant: str, document_id: str, order: str) -> None:
        """Stop uploads of the document from answering that are not newer than `order`."""
        for write in extend_removal(tenant, document_id, order):
            with suppress(Conflict):
                self._table.update(write)

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version], order: str) -> int:
        """Remove the records of `versions`, then the document's, so that this may be repeated.

        The document stays where an upload newer than `order` was claimed, and tells only of it.

        Extractions of the versions go first, and those once more that were being stored meanwhile.

        Returns:
            how many there were.
        """
        removed = self._forget_extractions(tenant, document_id, versions) + len(versions)
        for version in versions:
            self._table.delete(Delete(version_key(tenant, document_id, version.version)))
        try:
            self._table.delete(delete_document(tenant, document_id, order))
        except Conflict:
            with suppress(Conflict):  # the newer one answers already
                self._table.update(clear_answer(tenant, document_id, order))
            return removed
        return removed + 1 + self._forget_extractions(tenant, document_id, versions)

    def _forget_extractions(
        self, tenant: str, document_id: str, versions: Sequence[Version]
    ) -> int:
        # Most requests for documents remove none.
        from chalicelib.adapters.records.extractions import ExtractionTable

        gone = frozenset(version.version for version in versions)
        return ExtractionTable(self._table).forget_versions(tenant, document_id, gone)

    def kept(self, tenant: str, prefix: str) -> Iterator[Item]:
        """Yield the tenant's records whose sort key begins with `prefix`, as they are kept."""
        yield from self._table.query(tenant_pk(tenant), prefix)

    def kept_answer(self, tenant: str, key_hash: str) -> IdempotentResponse | None:
        """Return the answer under the key, None if there is none or it has expired."""
        item = self._table.get((f"ANSWER#{tenant}", key_hash))
        if item is None or item["expires_at"] <= self._clock():
            return None
        return IdempotentResponse(item["request_hash"], item["http_status"], item["body"])

    def keep_answer(
        self, tenant: str, key_hash: str, answer: IdempotentResponse, seconds: int
    ) -> bool:
        """Keep `answer` for `seconds`; False when the key holds one already."""
        now = int(self._clock())
        put = Put(
            {
                "pk": f"ANSWER#{tenant}",
                "sk": key_hash,
                "request_hash": answer.request_hash,
                "http_status": answer.status,
                "body": answer.body,
                "expires_at": now + seconds,
            },
            WriteCondition("attribute_not_exists(pk) OR #expires_at <= :now", {":now": now}),
        )
        try:
            self._table.put(put)
        except Conflict:
            return False
        return True
