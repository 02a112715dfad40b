"""The API's side of the records table.

    TENANT#<tenant>   DOCUMENT#<id>   what `GET /v1/documents/{id}` shows
    ANSWER#<tenant>   <sha256>        an answer kept for its Idempotency-Key

`expires_at` of an answer is the table's time to live attribute, in seconds since 1970; the
table removes what has expired within days, so a reader looks at it too.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from chalicelib.adapters.document_records import DocumentRecords, document_from
from chalicelib.adapters.dynamodb import Condition, Delete, Item, Put, Table
from chalicelib.adapters.record_writes import (
    answer_gone,
    document_gone,
    document_key,
    removal_begun,
    removal_extended,
    tenant_pk,
    version_key,
)
from chalicelib.contracts.idempotency import IdempotentResponse
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document, Version

_DOCUMENT = "DOCUMENT#"
_ATTEMPTS = 5


class ApiRecords(DocumentRecords):
    """Listings of documents and kept answers, beside what the ingest reads too."""

    def __init__(self, table: Table, clock: Callable[[], float] = time.time) -> None:
        super().__init__(table)
        self._clock = clock

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        """Yield the tenant's documents by id, those behind the id `after` ("" for all)."""
        start = _DOCUMENT + after if after else ""
        for item in self._table.query(tenant_pk(tenant), _DOCUMENT, after=start):
            yield document_from(item)

    def current_versions(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, str]:
        """Return the version that answers of each document that has one."""
        keys = [document_key(tenant, document_id) for document_id in document_ids]
        items = self._table.get_many(keys, ("document_id", "version"))
        return {item["document_id"]: item["version"] for item in items if item.get("version")}

    def begin_removal(self, tenant: str, document_id: str) -> str:
        """Let a document answer no more; return the order of its newest upload, "" if it is gone.

        Raises:
            Conflict: one upload after the other is claimed meanwhile.
        """
        for _ in range(_ATTEMPTS):
            item = self._table.get(document_key(tenant, document_id))
            if item is None:
                return ""
            order = str(item["latest_order"])
            with suppress(Conflict):
                self._table.update(removal_begun(tenant, document_id, order))
                return order
        raise Conflict(f"{document_id} is uploaded again and again; stop that, then delete it.")

    def extend_removal(self, tenant: str, document_id: str, order: str) -> None:
        """Let no upload of the document answer that is not newer than `order`."""
        for write in removal_extended(tenant, document_id, order):
            with suppress(Conflict):
                self._table.update(write)

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version], order: str) -> int:
        """Remove the records of `versions`, then the document's, so that this may be repeated.

        The document stays where an upload newer than `order` was claimed, and tells only of it.

        Returns:
            how many there were.
        """
        for version in versions:
            self._table.delete(Delete(version_key(tenant, document_id, version.version)))
        try:
            self._table.delete(document_gone(tenant, document_id, order))
        except Conflict:
            with suppress(Conflict):  # the newer one answers already
                self._table.update(answer_gone(tenant, document_id, order))
            return len(versions)
        return len(versions) + 1

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
            Condition("attribute_not_exists(pk) OR #expires_at <= :now", {":now": now}),
        )
        try:
            self._table.put(put)
        except Conflict:
            return False
        return True
