"""Removal: a document goes with its vectors, its objects and, last, its records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from chalicelib.contracts import Document, Version
from chalicelib.errors import NotFound
from chalicelib.ingest.settlements import LINES
from chalicelib.ports import ObjectStore, TenantRecords, VectorIndex
from chalicelib.retrieval.ids import DOCUMENTS, InboxPlace, chunks_key, vector_key


class RemovableRecords(Protocol):
    """The records of documents and their versions."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version]) -> None:
        """Remove the records of a document, itself last."""


class RemovableObjects(ObjectStore, Protocol):
    """Objects that can be removed one by one."""

    def delete_object(self, bucket: str, key: str) -> int:
        """Remove every version of the object `key`; return how many."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes documents. Interrupted, it leaves the document's record, so that it is repeated.

    An ingest that still runs finds its version gone when it ends, and is cleared then.
    """

    bucket: str
    records: RemovableRecords
    tenants: TenantRecords
    objects: RemovableObjects
    vectors: VectorIndex

    def remove(self, tenant: str, document: Document) -> None:
        """Remove all of `document`; may be repeated."""
        versions = list(self.records.versions(tenant, document.document_id))
        index = self.tenants.live_index(tenant)
        if index is not None:
            for version in versions:
                self.vectors.delete(index, self._vector_keys(tenant, version))
        place = InboxPlace(tenant, document.collection, document.path)
        self.objects.delete_object(self.bucket, place.key)
        prefix = f"{DOCUMENTS}/{tenant}/{document.document_id}/"
        self.objects.delete_prefix(self.bucket, prefix)
        self.records.forget(tenant, document.document_id, versions)

    def _vector_keys(self, tenant: str, version: Version) -> Iterator[str]:
        if version.cleared_at is not None:
            return
        for n in range(version.chunks or self._lines(tenant, version)):
            yield vector_key(version.document_id, version.version, n)

    def _lines(self, tenant: str, version: Version) -> int:
        """Return how many chunks an unfinished version may have, by the file it wrote."""
        key = chunks_key(tenant, version.document_id, version.version)
        try:
            return int(self.objects.metadata(self.bucket, key)[LINES])
        except NotFound:
            return 0
