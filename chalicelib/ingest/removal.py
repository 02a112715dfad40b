"""Removal: a document goes with its vectors, its objects and, last, its records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from chalicelib.contracts import Document, Version
from chalicelib.contracts.removals import Removed
from chalicelib.errors import NotFound
from chalicelib.ingest.departures import Container, Departures
from chalicelib.ingest.settlements import LINES
from chalicelib.ports import ObjectStore, TenantStates, VectorIndex
from chalicelib.retrieval.ids import DOCUMENTS, InboxPlace, chunks_key, vector_key


class RemovableRecords(Protocol):
    """The records of documents and their versions."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version]) -> int:
        """Remove the records of a document, itself last; return how many there were."""


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
    tenants: TenantStates
    objects: RemovableObjects
    vectors: VectorIndex
    departures: Departures | None = None
    """Takes the files of containers along; None where every document is removed anyway."""

    def remove(self, tenant: str, document: Document) -> Removed:
        """Remove all of `document` and return how much that was; may be repeated.

        A reindex job may have read the document before and put its vectors after they were
        removed here. It looks whether the document is still there once it has put them, and so
        they are removed once more when the records are gone: one of the two comes last.
        """
        versions = list(self.records.versions(tenant, document.document_id))
        vectors = self._vector_keys(tenant, versions)
        removed = Removed(vectors=self._remove_vectors(tenant, vectors))
        place = InboxPlace(tenant, document.collection, document.path)
        prefix = f"{DOCUMENTS}/{tenant}/{document.document_id}/"
        if self.departures is not None:
            container = Container(self.bucket, tenant, document.collection, document.document_id)
            self.departures.announce(container, [each.version for each in versions], kept=())
        objects = self.objects.delete_object(self.bucket, place.key)
        objects += self.objects.delete_prefix(self.bucket, prefix)
        records = self.records.forget(tenant, document.document_id, versions)
        if self._is_reindexed(tenant):
            self._remove_vectors(tenant, vectors)
        return removed + Removed(objects=objects, records=records)

    def _remove_vectors(self, tenant: str, keys: Sequence[str]) -> int:
        """Remove vectors from every index of the tenant; one that is gone took its own along."""
        state = self.tenants.tenant_state(tenant)
        for index in state.indexes if state is not None and keys else ():
            with suppress(NotFound):
                self.vectors.delete(index, keys)
        return len(keys)

    def _is_reindexed(self, tenant: str) -> bool:
        state = self.tenants.tenant_state(tenant)
        return state is not None and state.next is not None

    def _vector_keys(self, tenant: str, versions: Sequence[Version]) -> list[str]:
        """Return the keys of the vectors that `versions` may have."""
        return [
            vector_key(version.document_id, version.version, n)
            for version in versions
            if version.cleared_at is None
            for n in range(version.chunks or self._lines(tenant, version))
        ]

    def _lines(self, tenant: str, version: Version) -> int:
        """Return how many chunks an unfinished version may have, by the file it wrote."""
        key = chunks_key(tenant, version.document_id, version.version)
        try:
            return int(self.objects.metadata(self.bucket, key)[LINES])
        except NotFound:
            return 0
