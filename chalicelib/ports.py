"""What the product needs of the world, where more than one thing can provide it.

The adapters speak to AWS; the tests' fakes keep everything in memory. All raise only
`chalicelib.errors`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from chalicelib.contracts.uploads import Download

if TYPE_CHECKING:
    from chalicelib.contracts.arrivals import ExecutionStatus
    from chalicelib.contracts.events import BusEvent
    from chalicelib.contracts.ingest import IngestInput, VectorMetadata


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


@dataclass(frozen=True, slots=True)
class TenantState:
    """What a tenant's pointer record says.

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


class ObjectStore(Protocol):
    """Objects in buckets that keep versions."""

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        """Return an object's bytes; raise `NotFound`."""

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        """Write an object with user metadata."""

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        """Copy one version of an object within its bucket; raise `NotFound`."""

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        """Return an object's user metadata; raise `NotFound`."""

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        """Remove every version of every object under `prefix`; return how many."""


class LargeObjects(ObjectStore, Protocol):
    """Objects that need not fit into memory."""

    def download(
        self, bucket: str, key: str, version_id: str | None, into: Path, max_bytes: int
    ) -> Download:
        """Write an object to the file `into`, at most one byte more than `max_bytes` of it.

        Raises `NotFound`.
        """

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        """Yield the bytes `start` to `end` of an object in pieces; an `end` of 0 is its own.

        Raises `NotFound`.
        """

    def upload(
        self, bucket: str, key: str, pieces: Iterable[bytes], metadata: Mapping[str, str]
    ) -> int:
        """Write an object of `pieces`, whole or not at all, and return its size."""


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


class Executions(Protocol):
    """The executions of the `ingest` state machine."""

    def start(self, name: str, work: IngestInput) -> None:
        """Start an execution; one of that name that exists already is no error."""

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        """Return how an execution ended, None while it runs; raise `NotFound`."""


class InboxQueue(Protocol):
    """The queue of arrivals."""

    def send_again(self, body: str, deferrals: int, delay_seconds: int) -> None:
        """Send an arrival once more, to be seen after `delay_seconds` (at most 900)."""


class EventBus(Protocol):
    """The bus that subscribers listen to."""

    def publish(self, event: BusEvent) -> None:
        """Put an event on the bus; it is accepted on return."""
