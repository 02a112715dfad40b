"""A tenant's vector indexes: the pointer record, vectors, and the stores that hold them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from chalicelib.contracts.ingest import VectorMetadata


TERMS_SUFFIX = ".terms"
"""The end of the name of an index whose text search compares the stemmed terms of passages."""
PINNED = "@"
"""Parts the name of a model that the stage trained from the version that made an index's vectors.

Vectors of two versions cannot be compared, and another version may serve under the name by now.
"""


@dataclass(frozen=True, slots=True)
class IndexRef:
    """The index that holds a tenant's vectors, and the model that made them.

    `votes` counts the changes of the tenant's votes up to when the pointer to the index was read,
    so that nobody has to look for votes to know that there are none, or none that are new.
    """

    bucket: str
    name: str
    model: str
    votes: int = field(default=0, compare=False)

    @property
    def has_terms(self) -> bool:
        """Return whether text search compares the terms of passages, and not their texts."""
        return self.name.endswith(TERMS_SUFFIX)


@dataclass(frozen=True, slots=True)
class TenantState:
    """The pointer record of a tenant: which of its indexes answer.

    `live` answers queries. `next` is the index of another model that a reindex job fills
    meanwhile, and `removing` the job that removes the tenant, or "". `pictures` are the indexes of
    pictures by models that the stage serves, beside those of texts.
    """

    live: IndexRef
    next: IndexRef | None = None
    removing: str = ""
    pictures: tuple[IndexRef, ...] = ()

    @property
    def indexes(self) -> tuple[IndexRef, ...]:
        """Return every index that holds vectors of all documents, the live one first."""
        return (self.live,) if self.next is None else (self.live, self.next)

    @property
    def all_indexes(self) -> tuple[IndexRef, ...]:
        """Return every index that holds vectors of the tenant, the live one first."""
        return (*self.indexes, *self.pictures)


@dataclass(frozen=True, slots=True)
class Vector:
    """One vector with what it carries."""

    key: str
    values: Sequence[float]
    metadata: VectorMetadata


class VectorIndex(Protocol):
    """Vectors by key."""

    def put(self, index: IndexRef, vectors: Sequence[Vector]) -> int:
        """Put vectors, replacing those of the same key; return how many were put."""

    def delete(self, index: IndexRef, keys: Iterable[str]) -> None:
        """Remove vectors; unknown keys are no error."""


class PictureIndexes(Protocol):
    """Indexes of pictures by models that the stage serves."""

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        """Have the tenant's pointer name an index, and make it; may be repeated."""


class TenantRecords(Protocol):
    """The pointer records of tenants."""

    def live_index(self, tenant: str) -> IndexRef | None:
        """Return the index that answers for `tenant`, or None for an unknown tenant."""


class TenantStates(TenantRecords, Protocol):
    """The pointer records of tenants, whole."""

    def tenant_state(self, tenant: str) -> TenantState | None:
        """Return what is known of `tenant`, or None for an unknown tenant."""
