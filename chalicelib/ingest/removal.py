"""Removal of a document: its vectors, objects, ratings and, last, its records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.indexes import TenantStates, VectorIndex
from chalicelib.contracts.objects import ObjectStore
from chalicelib.contracts.removals import RemovalBound, Removed
from chalicelib.errors import NotFound
from chalicelib.ingest.departures import DepartureAnnouncer, MemberContainer
from chalicelib.ingest.settlement import LINES
from chalicelib.retrieval.ids import DOCUMENTS, InboxPlace, chunks_key, vector_key

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document, Version
    from chalicelib.jobs.ingest_settlement import IngestSlot
    from chalicelib.retrieval.answer.answer_log import RatedAnswer


class RatedRecords(Protocol):
    """The records of which ratings refer to a document."""

    def rated_with(self, tenant: str, document_id: str) -> Iterator[RatedAnswer]:
        """Yield the ratings that refer to a document, one for each of its versions."""

    def forget_rating(self, tenant: str, rated: RatedAnswer) -> int:
        """Remove a vote, and the links from its rating to the versions named.

        Returns:
            how many records were removed.
        """


@dataclass(frozen=True, slots=True)
class RatingRemoval:
    """Removes the ratings of versions that are removed: their rows quote them."""

    records: RatedRecords
    objects: ObjectStore

    def forget(
        self, bucket: str, tenant: str, document_id: str, versions: Collection[str]
    ) -> Removed:
        """Remove every rating that depends on one of `versions`; may be repeated.

        The record that leads to a row is removed after the row.
        """
        objects = records = 0
        for rated in list(self.records.rated_with(tenant, document_id)):
            ((_, version),) = rated.versions
            if version in versions:
                objects += self.objects.delete_prefix(bucket, rated.key)
                records += self.records.forget_rating(tenant, rated)
        return Removed(objects=objects, records=records)


class RemovableRecords(Protocol):
    """The records of documents and their versions."""

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        """Yield the versions of a document."""

    def begin_removal(self, tenant: str, document_id: str) -> str:
        """Stop a document from answering; return the order of its newest upload."""

    def extend_removal(self, tenant: str, document_id: str, order: str) -> None:
        """Stop uploads from answering that are not newer than `order`."""

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version], order: str) -> int:
        """Remove the records of `versions`, then the document's, and return how many.

        The document's record stays if an upload is newer than `order`.
        """

    def place(self, execution_arn: str) -> IngestSlot | None:
        """Return the slot that an execution holds, or None once it is settled."""


class RemovableObjects(ObjectStore, Protocol):
    """Objects whose versions can be removed one by one."""

    def versions_until(self, bucket: str, key: str, newest: str | None = None) -> Sequence[str]:
        """Return the versions of an object up to `newest` (None for all), newest first."""

    def delete_until(self, bucket: str, key: str, newest: str) -> int:
        """Remove the version `newest` of an object and all before it; return how many."""

    def delete_folders(self, bucket: str, prefix: str, folders: Collection[str]) -> int:
        """Remove the objects in `folders` below `prefix`; return how many."""


@dataclass(frozen=True, slots=True)
class DocumentRemoval:
    """Removes documents. If interrupted, it leaves the document's record, to be repeated.

    Later uploads to the same path are new documents, and stay. Objects of an ingest that still
    runs are removed when it ends and its version is found gone.
    """

    bucket: str
    records: RemovableRecords
    tenants: TenantStates
    objects: RemovableObjects
    vectors: VectorIndex
    departures: DepartureAnnouncer | None = None
    """Removes the files of containers along; None if every document is removed anyway."""
    ratings: RatingRemoval | None = None
    """Removes the ratings of the document along."""

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        """Stop `document` from answering; return what a removal that begins now covers."""
        key = InboxPlace(tenant, document.collection, document.path).key
        uploads = self.objects.versions_until(self.bucket, key)
        order = self.records.begin_removal(tenant, document.document_id)
        return RemovalBound(order=order, newest=uploads[0] if uploads else "")

    def remove(self, tenant: str, document: Document, bound: RemovalBound | None = None) -> Removed:
        """Remove `document` and return how much was removed; may be repeated.

        `bound` is what an earlier `begin` returned; None stands for all there is now.

        A reindex job may have read the document before, and put its vectors after they were
        removed here. It checks that the document still exists once it has put them;
        therefore they are removed once more after the records are gone: one of the two
        comes last.
        """
        bound = bound or self.begin(tenant, document)
        key = InboxPlace(tenant, document.collection, document.path).key
        uploads = frozenset(self.objects.versions_until(self.bucket, key, bound.newest))
        found = list(self.records.versions(tenant, document.document_id))
        versions = [
            version
            for version in found
            if version.order <= bound.order or version.object_version_id in uploads
        ]
        order = max((bound.order, *(version.order for version in versions)))
        if order > bound.order:
            self.records.extend_removal(tenant, document.document_id, order)
        vectors = self._vector_keys(tenant, versions)
        removed = Removed(vectors=self._remove_vectors(tenant, vectors))
        gone = {version.version for version in versions}
        at_work = [version for version in versions if version.settled_at is None]
        self._announce(tenant, document, gone, {version.version for version in found} - gone)
        objects = self._remove_folders(
            tenant, [version for version in versions if version not in at_work]
        )
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
        """Remove objects and vectors of versions whose execution ended meanwhile.

        The settlement of the others, which is still to come, finds its version gone and removes
        the rest.
        It counts vectors by a file of the version, so that file stays until then.

        Returns:
            how many objects were removed.
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
        """Announce the files that only versions that go hold."""
        if self.departures is not None:
            container = MemberContainer(
                self.bucket, tenant, document.collection, document.document_id
            )
            self.departures.announce(container, sorted(gone), sorted(kept))

    def _remove_vectors(self, tenant: str, keys: Sequence[str]) -> int:
        """Remove vectors from every index of the tenant; a deleted index has none."""
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
