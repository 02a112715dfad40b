"""The world in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.contracts.arrivals import ExecutionStatus, MemberGone, MemberGoneDetail
from chalicelib.contracts.documents import Document
from chalicelib.contracts.events import BusEvent
from chalicelib.contracts.indexes import IndexRef, TenantState, Vector
from chalicelib.contracts.ingest import IngestInput
from chalicelib.contracts.jobs import JobInput
from chalicelib.contracts.removals import RemovalBound, Removed
from chalicelib.contracts.uploads import Download
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.ingest.departures import member_removal_job
from chalicelib.jobs.ulids import ulid
from tests.unit.ingest.examples import NOW

INDEX = IndexRef("headrace-test-vectors", "acme-minilm", "minilm")


@dataclass
class FakeObjects:
    """Objects by key, of each its newest version only, which is called `version`."""

    bodies: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, Mapping[str, str]] = field(default_factory=dict)
    block: int = 65_536
    version: str = "one"

    def read(self, bucket: str, key: str, version_id: str | None = None) -> bytes:
        self._known(key)
        return self.bodies[key]

    def write(self, bucket: str, key: str, body: bytes, metadata: Mapping[str, str]) -> None:
        self.bodies[key] = body
        self.facts[key] = metadata

    def copy(self, bucket: str, key: str, version_id: str, to_key: str) -> None:
        self.bodies[to_key] = self.read(bucket, key, version_id)

    def metadata(self, bucket: str, key: str, version_id: str | None = None) -> Mapping[str, str]:
        self._known(key)
        return self.facts.get(key, {})

    def delete_object(self, bucket: str, key: str) -> int:
        return 1 if self.bodies.pop(key, None) is not None else 0

    def versions_until(self, bucket: str, key: str, newest: str | None = None) -> Sequence[str]:
        there = key in self.bodies and newest in (None, self.version)
        return [self.version] if there else []

    def delete_until(self, bucket: str, key: str, newest: str) -> int:
        return self.delete_object(bucket, key) if newest == self.version else 0

    def delete_version(self, bucket: str, key: str, version_id: str) -> None:
        self.delete_until(bucket, key, version_id)

    def delete_folders(self, bucket: str, prefix: str, folders: Collection[str]) -> int:
        return sum(self.delete_prefix(bucket, f"{prefix}{folder}/") for folder in folders)

    def delete_prefix(self, bucket: str, prefix: str) -> int:
        found = [key for key in self.bodies if key.startswith(prefix)]
        for key in found:
            del self.bodies[key]
        return len(found)

    def download(
        self, bucket: str, key: str, version_id: str | None, into: Path, max_bytes: int
    ) -> Download:
        body = self.read(bucket, key, version_id)[: max_bytes + 1]
        into.write_bytes(body)
        return Download(hashlib.sha256(body).hexdigest(), len(body))

    def stream(self, bucket: str, key: str, start: int = 0, end: int = 0) -> Iterator[bytes]:
        body = self.read(bucket, key)[start : end or None]
        for at in range(0, len(body), self.block):
            yield body[at : at + self.block]

    def upload(
        self, bucket: str, key: str, pieces: Iterable[bytes], metadata: Mapping[str, str]
    ) -> int:
        self.write(bucket, key, b"".join(pieces), metadata)
        return len(self.bodies[key])

    def _known(self, key: str) -> None:
        if key not in self.bodies:
            raise NotFound(f"no {key}")


@dataclass
class FakeVectors:
    """Vectors by index and key. `loses` is how many of each put are dropped without a word, and
    `before_put` is called with the index of each put.
    """

    indexes: dict[IndexRef, dict[str, Vector]] = field(default_factory=dict)
    loses: int = 0
    before_put: Callable[[IndexRef], None] | None = None

    @property
    def kept(self) -> dict[str, Vector]:
        return self.of(INDEX)

    def of(self, index: IndexRef) -> dict[str, Vector]:
        return self.indexes.setdefault(index, {})

    def put(self, index: IndexRef, vectors: Sequence[Vector]) -> int:
        if self.before_put is not None:
            self.before_put(index)
        taken = vectors[: len(vectors) - self.loses]
        self.of(index).update({vector.key: vector for vector in taken})
        return len(taken)

    def delete(self, index: IndexRef, keys: Iterable[str]) -> None:
        for key in keys:
            self.of(index).pop(key, None)


@dataclass
class FakeTenants:
    """One tenant, `acme`."""

    index: IndexRef = INDEX
    next: IndexRef | None = None
    removing: str = ""
    pictures: tuple[IndexRef, ...] = ()

    def live_index(self, tenant: str) -> IndexRef | None:
        return self.index if tenant == "acme" else None

    def tenant_state(self, tenant: str) -> TenantState | None:
        if tenant != "acme":
            return None
        return TenantState(self.index, self.next, self.removing, self.pictures)

    def was_removed(self, tenant: str) -> bool:
        return tenant == "gone"


@dataclass
class FakeExecutions:
    """Executions by name; `fails` raises on the next start, as a broken network would."""

    started: dict[str, IngestInput] = field(default_factory=dict)
    ends: dict[str, ExecutionStatus] = field(default_factory=dict)
    fails: list[Exception] = field(default_factory=list)

    def start(self, name: str, work: IngestInput) -> None:
        if self.fails:
            raise self.fails.pop()
        self.started.setdefault(name, work)

    def ended(self, execution_arn: str) -> ExecutionStatus | None:
        name = execution_arn.rsplit(":", 1)[-1]
        if name not in self.started:
            raise NotFound(f"no {name}")
        return self.ends.get(name)


@dataclass
class FakeQueue:
    """Messages that come again, with the seconds until then, and members that are gone.

    `failed` are arrivals that could not be processed, with the error.
    """

    failed: list[tuple[str, HeadraceError]] = field(default_factory=list)
    hidden: list[tuple[str, int]] = field(default_factory=list)
    gone: list[MemberGone] = field(default_factory=list)

    def send_gone(self, gone: Sequence[MemberGone]) -> None:
        self.gone += gone

    def send_failed(self, body: str, error: HeadraceError) -> None:
        self.failed.append((body, error))

    def hide(self, receipt_handle: str, seconds: int) -> None:
        self.hidden.append((receipt_handle, seconds))


@dataclass
class FakeRemover:
    """Remembers the documents that it was asked to remove, at once or by a job."""

    removed: list[str] = field(default_factory=list)
    jobs: list[JobInput] = field(default_factory=list)
    newest: str = "newest"

    def begin(self, tenant: str, document: Document) -> RemovalBound:
        return RemovalBound(order="1", newest=self.newest)

    def later(self, gone: MemberGoneDetail, bound: RemovalBound) -> None:
        self.jobs.append(member_removal_job(gone, bound, ulid(NOW)))

    def remove(self, tenant: str, document: Document) -> Removed:
        self.removed.append(document.document_id)
        return Removed(records=1)


@dataclass
class FakeBus:
    """Events that were published."""

    events: list[BusEvent] = field(default_factory=list)

    def publish(self, event: BusEvent) -> None:
        self.events.append(event)
