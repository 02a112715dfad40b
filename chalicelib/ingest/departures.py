"""Departures: removes files that their archive or mail no longer holds.

Deleting a container, or replacing it by a version without some of its files, sends one message for
each missing file to the inbox queue. So each is removed on its own, at least once, however many
there are and whatever interrupts the others. A file that is itself a container passes this on when
it is removed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.arrivals import MemberGone, MemberGoneDetail
from chalicelib.contracts.inbox_metadata import CONTAINER, Member
from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.objects import ObjectStore
from chalicelib.errors import NotFound
from chalicelib.jobs.removals import needs_job
from chalicelib.retrieval.ids import InboxPlace, members_key

if TYPE_CHECKING:
    from chalicelib.contracts.documents import Document, Version
    from chalicelib.contracts.removals import RemovalBound, Removed


class MembersQueue(Protocol):
    """The inbox queue, as departures use it."""

    def send_gone(self, gone: Sequence[MemberGone]) -> None:
        """Send messages about members that are gone; all are stored on return."""


class MemberRecords(Protocol):
    """The records of containers and their members."""

    def document(self, tenant: str, document_id: str) -> Document | None:
        """Return a document, or None."""

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        """Return a version, or None."""


class MemberObjects(ObjectStore, Protocol):
    """Objects that can be removed one by one."""

    def delete_object(self, bucket: str, key: str) -> int:
        """Remove every version of the object `key`; return how many."""

    def delete_version(self, bucket: str, key: str, version_id: str) -> None:
        """Remove one version of an object; it is no error if it is gone."""


class DocumentRemover(Protocol):
    """Removes documents."""

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        """Stop a document from answering; return what a removal that begins now covers."""

    def remove(self, tenant: str, document: Document) -> Removed:
        """Remove all of a document; may be repeated."""


@dataclass(frozen=True, slots=True)
class MemberContainer:
    """A document that holds members, such as an archive, and where it is stored."""

    bucket: str
    tenant: str
    collection: str
    document_id: str


@dataclass(frozen=True, slots=True)
class DepartureAnnouncer:
    """Announces members that are gone with the versions of their container."""

    objects: ObjectStore
    queue: MembersQueue

    def announce(self, container: MemberContainer, gone: Iterable[str], kept: Iterable[str]) -> int:
        """Announce the members of the versions `gone` that no version in `kept` holds.

        Returns:
            how many there are. May be repeated.
        """
        leaving: dict[str, tuple[Member, list[str]]] = {}
        for version in gone:
            for member in read_members(self.objects, container, version):
                leaving.setdefault(member.document_id, (member, []))[1].append(version)
        if not leaving:
            return 0
        for version in kept:
            for member in read_members(self.objects, container, version):
                leaving.pop(member.document_id, None)
        self.queue.send_gone([_departure(container, *entry) for entry in leaving.values()])
        return len(leaving)


@dataclass(frozen=True, slots=True)
class MemberRemover:
    """Removes a member that its container no longer holds."""

    records: MemberRecords
    objects: MemberObjects
    remover: Callable[[str], DocumentRemover]
    """Returns the remover of documents in a bucket."""
    later: Callable[[MemberGoneDetail, RemovalBound], None]
    """Begins the job that removes a large member; called twice, it begins two."""

    def remove(self, gone: MemberGoneDetail) -> bool:
        """Remove the member, by a job if it is large.

        Returns:
            False if a version holds it again, it is gone, or it is no longer a member.
        """
        if self._is_held(gone):
            return False
        document = self.records.document(gone.tenant, gone.document_id)
        if document is None:
            return self._remove_unclaimed(gone)
        latest = self.records.version(gone.tenant, gone.document_id, document.latest_version)
        if latest is None or latest.container != gone.container:
            return False
        remover = self.remover(gone.bucket)
        if needs_job(document):
            self.later(gone, remover.begin(gone.tenant, document))
        else:
            remover.remove(gone.tenant, document)
        return True

    def _is_held(self, gone: MemberGoneDetail) -> bool:
        """Tell whether an active version of the container holds the member.

        A container that is being deleted may still exist; the versions that are going do not count.
        """
        document = self.records.document(gone.tenant, gone.container)
        if document is None:
            return False
        container = MemberContainer(gone.bucket, gone.tenant, gone.collection, gone.container)
        return any(
            member.document_id == gone.document_id
            for version in {document.version, document.latest_version} - {"", *gone.versions}
            for member in read_members(self.objects, container, version)
        )

    def _remove_unclaimed(self, gone: MemberGoneDetail) -> bool:
        """Remove a member's object whose event is still on its way."""
        key = InboxPlace(gone.tenant, gone.collection, gone.path).key
        try:
            carried = self.objects.metadata(gone.bucket, key)
        except NotFound:
            return False
        if carried.get(CONTAINER) != gone.container:
            return False
        return self.objects.delete_object(gone.bucket, key) > 0


def member_removal_job(gone: MemberGoneDetail, bound: RemovalBound, job_id: str) -> JobInput:
    """Return the job that removes a member, traced by the container that held it."""
    return JobInput(
        tenant=gone.tenant,
        job_id=job_id,
        kind="remove_document",
        bucket=gone.bucket,
        correlation_id=gone.container,
        document_id=gone.document_id,
        bound=bound,
    )


def read_members(
    objects: ObjectStore, container: MemberContainer, version: str
) -> tuple[Member, ...]:
    """Return the members that a version of `container` holds; most documents have none."""
    key = members_key(container.tenant, container.document_id, version)
    try:
        body = objects.read(container.bucket, key)
    except NotFound:
        return ()
    return tuple(Member.model_validate_json(line) for line in body.splitlines())


def _departure(container: MemberContainer, member: Member, versions: Sequence[str]) -> MemberGone:
    detail = MemberGoneDetail(
        bucket=container.bucket,
        tenant=container.tenant,
        collection=container.collection,
        container=container.document_id,
        versions=tuple(versions),
        document_id=member.document_id,
        path=member.path,
    )
    digest = hashlib.sha256(f"{detail.container} {detail.document_id}".encode()).hexdigest()
    return MemberGone(id=digest[:32], detail=detail)
