"""Reports of removals: what was removed, and what backups still hold, and for how long."""

from __future__ import annotations

from pydantic import Field

from chalicelib.contracts.base import Contract


class Removed(Contract):
    """The counts of what was removed: object versions, vectors and records."""

    objects: int = Field(default=0, ge=0)
    vectors: int = Field(default=0, ge=0)
    records: int = Field(default=0, ge=0)

    def __add__(self, other: Removed) -> Removed:
        """Return both together."""
        return Removed(
            objects=self.objects + other.objects,
            vectors=self.vectors + other.vectors,
            records=self.records + other.records,
        )


class RemovalBound(Contract):
    """The uploads of a document that a removal covers: those that existed when it was requested.

    These are the versions whose order is at most `order`, and the object version `newest` with
    those before it, "" for none. A later upload of the same path stays.
    """

    order: str = ""
    newest: str = ""


class Backup(Contract):
    """A backup that still holds removed data: where, what, and for how many days at most.

    `days` is 0 if nothing is held.
    """

    where: str
    what: str
    days: int = Field(ge=0)


class RemovedDocument(Contract):
    """The answer to `DELETE /v1/documents/{document_id}`."""

    document_id: str
    removed: Removed
    backups: tuple[Backup, ...]


class RemovedTenant(Contract):
    """The record of a tenant that was removed, for operators."""

    tenant: str
    job_id: str
    removed_at: str
    documents: int = Field(ge=0)
    removed: Removed
    backups: tuple[Backup, ...]
