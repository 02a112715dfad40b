from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.indexes import IndexRef, Vector
from chalicelib.contracts.removals import RemovalBound, Removed
from chalicelib.errors import NotFound
from chalicelib.ingest.removal import DocumentRemoval
from chalicelib.jobs.ingest_settlement import IngestSlot
from chalicelib.retrieval.ids import document_id, vector_key
from tests.unit.ingest.examples import NOW as MOMENT
from tests.unit.ingest.examples import work
from tests.unit.ingest.fakes import INDEX, FakeObjects, FakeTenants, FakeVectors

ID = document_id("acme", "default", "a.txt")
NEXT = IndexRef(INDEX.bucket, "acme-other", "other")
PICTURES = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.64", "emoji-clip")
NOW = "2026-01-01T00:00:00Z"


@dataclass
class Records:
    kept: list[Version]
    forgotten: list[str] = field(default_factory=list)
    before_gone: Callable[[], None] | None = None
    begun: int = 0
    extended: list[str] = field(default_factory=list)
    running: dict[str, IngestSlot] = field(default_factory=dict)

    def versions(self, tenant: str, document_id: str) -> Iterator[Version]:
        yield from self.kept

    def place(self, execution_arn: str) -> IngestSlot | None:
        return self.running.get(execution_arn)

    def begin_removal(self, tenant: str, document_id: str) -> str:
        self.begun += 1
        return max((version.order for version in self.kept), default="")

    def extend_removal(self, tenant: str, document_id: str, order: str) -> None:
        self.extended.append(order)

    def forget(self, tenant: str, document_id: str, versions: Sequence[Version], order: str) -> int:
        self.forgotten += [*(version.version for version in versions), document_id]
        if self.before_gone is not None:
            self.before_gone()
        return len(versions) + 1


def version(name: str, **fields: object) -> Version:
    values: dict[str, object] = {
        "document_id": ID,
        "version": name,
        "order": "1",
        "collection": "default",
        "path": "a.txt",
        "status": "ready",
        "chunks": 2,
        "created_at": NOW,
        "updated_at": NOW,
        "bucket": "b",
        "key": "inbox/acme/default/a.txt",
        "object_version_id": "o",
        "execution_arn": "arn",
        "attempt": 1,
    }
    return Version.model_validate(values | fields)


DOCUMENT = Document.model_validate(
    {
        "document_id": ID,
        "collection": "default",
        "path": "a.txt",
        "status": "ready",
        "created_at": NOW,
        "updated_at": NOW,
    }
)


def remove(objects: FakeObjects, vectors: FakeVectors, *versions: Version) -> Records:
    records = Records(list(versions))
    DocumentRemoval("b", records, FakeTenants(), objects, vectors).remove("acme", DOCUMENT)
    return records


def vectors_of(*names: str) -> FakeVectors:
    kept = FakeVectors()
    for name in names:
        for n in range(2):
            key = vector_key(ID, name, n)
            kept.kept[key] = Vector(key, (), None)  # type: ignore[arg-type]
    return kept


def test_should_leave_nothing_of_the_document_and_everything_else() -> None:
    objects, vectors = FakeObjects(), vectors_of("v_1")
    other = "inbox/acme/default/a.txt.bak"
    for key in ("inbox/acme/default/a.txt", other, f"documents/acme/{ID}/v_1/source"):
        objects.bodies[key] = b""
    records = Records([version("v_1")])
    removed = DocumentRemoval("b", records, FakeTenants(), objects, vectors).remove(
        "acme", DOCUMENT
    )
    assert removed == Removed(objects=2, vectors=2, records=2)
    assert vectors.kept == {}
    assert list(objects.bodies) == [other]
    assert records.forgotten == ["v_1", ID]


def test_should_leave_no_vector_in_indexes_of_pictures() -> None:
    vectors = vectors_of("v_1")
    for key in (vector_key(ID, "v_1", 0), vector_key("doc_else", "v_1", 0)):
        vectors.of(PICTURES)[key] = Vector(key, (), None)  # type: ignore[arg-type]
    tenants = FakeTenants(pictures=(PICTURES,))
    records = Records([version("v_1")])
    DocumentRemoval("b", records, tenants, FakeObjects(), vectors).remove("acme", DOCUMENT)
    assert vectors.kept == {}
    assert list(vectors.of(PICTURES)) == [vector_key("doc_else", "v_1", 0)]


def test_should_find_the_vectors_of_a_version_that_never_got_ready() -> None:
    objects, vectors = FakeObjects(), vectors_of("v_2")
    objects.write("b", f"documents/acme/{ID}/v_2/chunks.jsonl", b"", {"lines": "2"})
    remove(objects, vectors, version("v_2", status="processing", chunks=0))
    assert vectors.kept == {}


def test_should_pass_over_a_version_that_was_cleared_or_has_written_nothing() -> None:
    vectors = vectors_of("v_3")
    unread = version("v_1", status="rejected", chunks=0)
    remove(FakeObjects(), vectors, unread, version("v_3", cleared_at=NOW))
    assert len(vectors.kept) == 2


def test_should_clear_the_index_that_a_reindex_fills_once_more_when_the_records_are_gone() -> None:
    vectors, records = FakeVectors(), Records([version("v_1")])
    late = vector_key(ID, "v_1", 1)

    def reembed() -> None:
        vectors.of(NEXT)[late] = Vector(late, (), None)  # type: ignore[arg-type]

    records.before_gone = reembed
    tenants = FakeTenants(next=NEXT)
    DocumentRemoval("b", records, tenants, FakeObjects(), vectors).remove("acme", DOCUMENT)
    assert vectors.of(NEXT) == {}


def test_should_take_an_index_that_is_gone_for_empty() -> None:
    class Gone(FakeVectors):
        def delete(self, index: IndexRef, keys: Iterable[str]) -> None:
            raise NotFound(index.name)

    records = Records([version("v_1")])
    DocumentRemoval("b", records, FakeTenants(), FakeObjects(), Gone()).remove("acme", DOCUMENT)
    assert records.forgotten == ["v_1", ID]


def test_should_leave_what_a_running_ingest_counts_its_vectors_by_until_it_is_settled() -> None:
    written = f"documents/acme/{ID}/v_1/chunks.jsonl"
    for is_running in (True, False):
        objects, vectors = FakeObjects(), vectors_of("v_1")
        objects.write("b", written, b"", {"lines": "2"})
        records = Records([version("v_1", status="processing", chunks=0)])
        if is_running:
            records.running["arn"] = IngestSlot(work(), 1, "arn", MOMENT)
        DocumentRemoval("b", records, FakeTenants(), objects, vectors).remove("acme", DOCUMENT)
        assert (written in objects.bodies) is is_running
        assert vectors.kept == {}


def test_should_leave_what_was_uploaded_after_the_removal_began() -> None:
    objects, vectors = FakeObjects(), vectors_of("v_1", "v_2")
    key = "inbox/acme/default/a.txt"
    later = f"documents/acme/{ID}/v_2/source"
    for place in (key, later, f"documents/acme/{ID}/v_1/source"):
        objects.bodies[place] = b""
    done = {"settled_at": NOW}
    old = version("v_1", order="1", object_version_id="gone", **done)
    new = version("v_2", order="2", object_version_id="one", **done)
    records = Records([old, new])
    bound = RemovalBound(order="1", newest="gone")
    removal = DocumentRemoval("b", records, FakeTenants(), objects, vectors)
    assert removal.remove("acme", DOCUMENT, bound).vectors == 2
    assert sorted(objects.bodies) == sorted([key, later])
    assert {key.split("/")[1] for key in vectors.kept} == {"v_2"}
    assert (records.forgotten, records.begun) == (["v_1", ID], 0)


def test_should_take_an_upload_whose_event_was_late_when_the_removal_began() -> None:
    objects, vectors = FakeObjects(), vectors_of("v_2")
    objects.bodies["inbox/acme/default/a.txt"] = b""
    records = Records([version("v_2", order="2", object_version_id="one")])
    bound = RemovalBound(order="1", newest="one")
    DocumentRemoval("b", records, FakeTenants(), objects, vectors).remove("acme", DOCUMENT, bound)
    assert (objects.bodies, vectors.kept, records.extended) == ({}, {}, ["2"])
