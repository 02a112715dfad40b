"""Removal: a document goes with its vectors, its objects and, last, its records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.removals import RemovalBound, Removed
from chalicelib.errors import NotFound
from chalicelib.ingest.departures import Container, Departures
from chalicelib.ingest.settlements import LINES
from chalicelib.ports import ObjectStore, TenantStates, VectorIndex
from chalicelib.retrieval.ids import DOCUMENTS, InboxPlace, chunks_key, vector_key

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document, Version
    from chalicelib.ingest.ratings import Ratings
    from chalicelib.jobs.ingest_settlement import IngestSlot


class RemovableRecords(Protocol):
    """The records of documents and their versions."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""

    def begin_removal(self, tenant: str, document_id: str) -> str:
        """Let a document answer no more; return the order of its newest upload."""

    def extend_removal(self, tenant: str, document_id: str, order: str) -> None:
        """Let no upload of the document answer that is not newer than `order`."""

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version], order: str) -> int:
        """Remove the records of `versions`, then the document's unless an upload is newer than
        `order`; return how many there were.
        """

    def place(self, execution_arn: str) -> IngestSlot | None:
        """Return the place that an execution holds, or None once it is settled."""


class RemovableObjects(ObjectStore, Protocol):
    """Objects whose versions can be removed one by one."""

    def versions_until(self, bucket: str, key: str, newest: str | None = None) -> Sequence[str]:
        """Return the versions of an object from `newest` on (None for all), newest first."""

    def delete_until(self, bucket: str, key: str, newest: str) -> int:
        """Remove the version `newest` of an object and all before it; return how many."""

    def delete_folders(self, bucket: str, prefix: str, folders: Collection[str]) -> int:
        """Remove what lies in one of `folders` below `prefix`; return how many objects."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Removes documents. Interrupted, it leaves the document's record, so that it is repeated.

    What is uploaded to the same path while it goes on is another upload, and stays. What an ingest
    that still runs has written is removed when it ends and its version is found gone.
    """

    bucket: str
    records: RemovableRecords
    tenants: TenantStates
    objects: RemovableObjects
    vectors: VectorIndex
    departures: Departures | None = None
    """Takes the files of containers along; None where every document is removed anyway."""
    ratings: Ratings | None = None
    """Takes the ratings of what is removed along."""

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        """Let `document` answer no more; return what a removal that begins now takes of it."""
        key = InboxPlace(tenant, document.collection, document.path).key
        uploads = self.objects.versions_until(self.bucket, key)
        order = self.records.begin_removal(tenant, document.document_id)
        return RemovalBound(order=order, newest=uploads[0] if uploads else "")

    def remove(self, tenant: str, document: Document, bound: RemovalBound | None = None) -> Removed:
        """Remove `document` and return how much that was; may be repeated.

        `bound` is what a removal takes that began before; all there is now where it is None.

        A reindex job may have read the document before and put its vectors after they were
        removed here. It looks whether the document is still there once it has put them, and so
        they are removed once more when the records are gone: one of the two comes last.
        """
        bound = bound or self.begin(tenant, document)
        key = InboxPlace(tenant, document.collection, document.path).key
        uploads = frozenset(self.objects.versions_until(self.bucket, key, bound.newest))
        found = list(self.records.versions(tenant, document.document_id))
        versions = [
            it for it in found if it.order <= bound.order or it.object_version_id in uploads
        ]
        order = max((bound.order, *(version.order for version in versions)))
        if order > bound.order:
            self.records.extend_removal(tenant, document.document_id, order)
        vectors = self._vector_keys(tenant, versions)
        removed = Removed(vectors=self._remove_vectors(tenant, vectors))
        gone = {version.version for version in versions}
        at_work = [version for version in versions if version.settled_at is None]
        self._announce(tenant, document, gone, {it.version for it in found} - gone)
        objects = self._remove_folders(tenant, [it for it in versions if it not in at_work])
        objects += self.objects.delete_until(self.bucket, key, bound.newest)
        if self.ratings is not None:
            rated = self.ratings.forget(self.bucket, tenant, document.document_id, gone)
            removed += rated
        records = self.records.forget(tenant, document.document_id, versions, order)
        objects += self._remove_ended(tenant, at_work)
        if self._is_reindexed(tenant):
            self._remove_vectors(tenant, vectors)
        return removed + Removed(objects=objects, records=records)

    def _remove_ended(self, tenant: str, at_work: Sequence[Version]) -> int:
        """Remove what versions have written whose execution ended since; return how many objects.

        The settlement of any other, which is to come, finds its version gone and removes the rest.
        It counts vectors by a file of the version, so that file stays until then.
        """
        ended = [it for it in at_work if self.records.place(it.execution_arn) is None]
        self._remove_vectors(tenant, self._vector_keys(tenant, ended))
        return self._remove_folders(tenant, ended)

    def _remove_folders(self, tenant: str, versions: Sequence[Version]) -> int:
        if not versions:
            return 0
        prefix = f"{DOCUMENTS}/{tenant}/{versions[0].document_id}/"
        return self.objects.delete_folders(self.bucket, prefix, {it.version for it in versions})

    def _announce(
        self, tenant: str, document: Document, gone: Collection[str], kept: Collection[str]
    ) -> None:
        """Take along the files of versions that go, but for those of versions that stay."""
        if self.departures is not None:
            container = Container(self.bucket, tenant, document.collection, document.document_id)
            self.departures.announce(container, sorted(gone), sorted(kept))

    def _remove_vectors(self, tenant: str, keys: Sequence[str]) -> int:
        """Remove vectors from every index of the tenant; one that is gone took its own along."""
        state = self.tenants.tenant_state(tenant)
        for index in state.all_indexes if state is not None and keys else ():
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
