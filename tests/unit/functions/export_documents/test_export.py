from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from zipfile import ZipFile

import pytest
from hypothesis import given as holds_for
from hypothesis import strategies as st

from chalicelib.contracts.documents import Document, Version
from chalicelib.contracts.jobs import StepRequest, StepResult
from chalicelib.errors import NotFound, Transient
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobState
from chalicelib.retrieval.ids import document_id
from functions.export_documents import core
from functions.export_documents.listing import ListingEntry
from functions.export_documents.zip_packer import ZipPacker, zip_file
from tests.unit.ingest.fakes import FakeObjects
from tests.unit.jobs.examples import BUCKET, JOB, NOW, begun, desk
from tests.unit.jobs.fakes import FakeJobExecutions, FakeJobs

PREFIX = f"jobs/acme/{JOB}/"


@dataclass
class Stream:
    """A stream that keeps what is written."""

    body: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        return len(self.body)

    def write(self, data: bytes) -> int:
        self.body += data
        return len(data)

    def flush(self) -> None:
        return


@dataclass
class Store:
    """Objects in the same place as `objects`; `fails` keys raise once the first block is asked."""

    objects: FakeObjects
    writes: int = 0
    dies_at_write: int = -1

    def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
        for key in sorted(self.objects.bodies):
            if key.startswith(prefix):
                yield key, len(self.objects.bodies[key])

    def blocks(self, bucket: str, key: str, version_id: str = "") -> Iterator[bytes]:
        return iter([self.objects.read(bucket, key, version_id or None)])

    @contextmanager
    def writing(self, bucket: str, key: str) -> Iterator[Stream]:
        stream = Stream()
        yield stream
        self.writes += 1
        if self.writes == self.dies_at_write:
            raise Transient("the power went")
        self.objects.write(bucket, key, bytes(stream.body), {})


class World:
    """A tenant with documents, and one export."""

    def __init__(self, part_bytes: int = core.PART_BYTES, seconds_a_look: float = 0.0) -> None:
        self.objects = FakeObjects()
        self.store = Store(self.objects)
        self.jobs = FakeJobs()
        self.stored: dict[str, Document] = {}
        self.versions: dict[str, Version] = {}
        self.others: list[dict[str, Any]] = []
        self.deps = core.Deps(
            desk(self.jobs, seconds_a_look), self, self.objects, self.store, part_bytes
        )

    def documents(self, tenant: str, after: str) -> Iterator[Document]:
        for key in sorted(self.stored):
            if key > after:
                yield self.stored[key]

    def version(self, tenant: str, document_id: str, version: str) -> Version | None:
        return self.versions.get(version)

    def kept(self, tenant: str, prefix: str) -> Iterator[dict[str, Any]]:
        return (item for item in self.others if item["sk"].startswith(prefix))

    def put(self, path: str, body: bytes, *, ready: bool = True, collection: str = "a") -> str:
        found = document_id("acme", collection, path)
        told = {"document_id": found, "collection": collection, "path": path}
        moments = {"created_at": NOW, "updated_at": NOW}
        version = f"v_{len(self.stored)}"
        if ready:
            prefix = f"documents/acme/{found}/{version}/"
            self.objects.bodies[prefix + "source"] = body
            self.objects.bodies[prefix + "pages.jsonl"] = b"{}\n"
            self.objects.bodies[prefix + "chunks.jsonl"] = b"{}\n{}\n"
            told |= {"version": version, "sha256": hashlib.sha256(body).hexdigest()}
        else:
            key = f"inbox/acme/{collection}/{path}"
            self.objects.bodies[key] = body
            kept = {"order": "0", "bucket": BUCKET, "key": key, "object_version_id": "one"}
            upload = {**told, **kept, **moments, "execution_arn": "arn", "attempt": 1}
            self.versions[version] = Version.model_validate(
                {**upload, "version": version, "status": "rejected"}
            )
        status = "ready" if ready else "rejected"
        self.stored[found] = Document.model_validate(
            {**told, **moments, "latest_version": version, "status": status}
        )
        return found

    def run(self, request: StepRequest) -> StepResult:
        """Run steps to the end, as the state machine does, each cut off one being repeated."""
        for _ in range(1_000):
            try:
                result = core.run(request, self.deps)
            except Transient:
                continue
            if result.next == "ended":
                return result
        raise AssertionError("it does not end")

    def state(self) -> JobState:
        return self.jobs.kept["acme", JOB]

    def archive(self, name: str) -> dict[str, bytes]:
        with ZipFile(io.BytesIO(self.objects.bodies[PREFIX + name])) as opened:
            assert opened.testzip() is None
            return {each: opened.read(each) for each in opened.namelist()}

    def exported(self) -> dict[str, bytes]:
        """The files of all parts together, manifests left out."""
        found: dict[str, bytes] = {}
        for file in self.state().files:
            if file.name.startswith("part-"):
                files = self.archive(file.name)
                files.pop("manifest.jsonl")
                assert not found.keys() & files.keys()
                found |= files
        return found

    def summary(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.objects.bodies[PREFIX + "summary.json"])
        return found


def test_an_export_holds_every_document_with_all_that_was_made_of_it() -> None:
    world = World()
    found = world.put("notes/handbook.md", b"# Handbook")
    result = world.run(begun(world.jobs, "export"))
    folder = f"documents/{found}/"
    files = world.exported()
    assert set(files) == {
        folder + name
        for name in ("record.json", "source/handbook.md", "pages.jsonl", "chunks.jsonl")
    }
    assert files[folder + "source/handbook.md"] == b"# Handbook"
    assert json.loads(files[folder + "record.json"])["path"] == "notes/handbook.md"
    assert (result.status, result.counts.total, result.counts.done) == ("succeeded", 1, 1)
    assert world.summary()["documents"] == {"listed": 1, "exported": 1, "failed": 0}


def test_a_manifest_names_each_file_with_its_hash() -> None:
    world = World()
    world.put("a.txt", b"one")
    world.run(begun(world.jobs, "export"))
    (line,) = world.archive("part-00001.zip")["manifest.jsonl"].splitlines()
    files = {file["name"]: file["sha256"] for file in json.loads(line)["files"]}
    assert hashlib.sha256(b"one").hexdigest() in files.values()
    assert len(files) == 4


def test_what_never_became_ready_is_exported_as_it_was_uploaded() -> None:
    world = World()
    found = world.put("locked.pdf", b"%PDF", ready=False)
    assert world.run(begun(world.jobs, "export")).status == "succeeded"
    assert world.exported()[f"documents/{found}/source/locked.pdf"] == b"%PDF"


def test_documents_that_cannot_be_exported_are_told_of_with_the_reason() -> None:
    world = World()
    world.put("a.txt", b"one")
    gone = world.put("b.txt", b"two")
    del world.objects.bodies[f"documents/acme/{gone}/v_1/source"]
    result = world.run(begun(world.jobs, "export"))
    assert result.status == "partial"
    assert world.summary()["documents"] == {"listed": 2, "exported": 1, "failed": 1}
    (line,) = world.objects.bodies[PREFIX + "errors/0-00000.jsonl"].splitlines()
    assert "no documents/" in ListingEntry.model_validate_json(line).reason


def test_bytes_that_are_not_those_that_were_read_are_a_failure() -> None:
    world = World()
    found = world.put("a.txt", b"one")
    world.objects.bodies[f"documents/acme/{found}/v_0/source"] = b"changed"
    assert world.run(begun(world.jobs, "export")).counts.failed == 1


def test_another_attempt_takes_only_what_failed() -> None:
    world = World()
    world.put("a.txt", b"one")
    gone = world.put("b.txt", b"two")
    key = f"documents/acme/{gone}/v_1/source"
    del world.objects.bodies[key]
    request = begun(world.jobs, "export")
    world.run(request)
    world.objects.bodies[key] = b"two"
    JobLauncher(world.jobs, FakeJobExecutions(), lambda: NOW).retry(world.state())
    result = world.run(request.model_copy(update={"attempt": 2}))
    assert (result.status, result.counts.done, result.counts.failed) == ("succeeded", 2, 0)
    assert [name for name in world.exported() if "/source/" in name] == [
        f"documents/{each}/source/{name}"
        for each, name in ((document_id("acme", "a", "a.txt"), "a.txt"), (gone, "b.txt"))
    ]


def test_a_version_that_was_listed_is_exported_though_a_newer_one_answers_by_then() -> None:
    world = World()
    found = world.put("a.txt", b"one")
    request = begun(world.jobs, "export")
    core.run(request, world.deps)
    world.put("a.txt", b"two")
    world.run(request)
    assert world.exported()[f"documents/{found}/source/a.txt"] == b"one"


def test_one_collection_can_be_exported_alone() -> None:
    world = World()
    world.put("a.txt", b"one", collection="a")
    world.put("b.txt", b"two", collection="b")
    result = world.run(begun(world.jobs, "export", collection="b"))
    assert result.counts.total == 1
    assert b"two" in world.exported().values()


def test_collections_and_feedback_go_along_and_secrets_stay() -> None:
    world = World()
    world.others = [
        {"pk": "TENANT#acme", "sk": "COLLECTION#a", "name": "a", "description": "ours"},
        {"pk": "TENANT#acme", "sk": "COLLECTION#ab", "name": "ab", "description": "more"},
        {"pk": "TENANT#acme", "sk": "WEBHOOK#1", "secret": "whsec"},
    ]
    for tenant, key in (("acme", "01-01/fb_1"), ("acme", "01-02/fb_2"), ("rival", "01-01/fb_3")):
        world.objects.bodies[f"feedback/{tenant}/2026-{key}.json"] = f'"{key}"\n'.encode()
    world.run(begun(world.jobs, "export"))
    files = world.archive("records.zip")
    declared = [json.loads(line) for line in files["collections.jsonl"].splitlines()]
    assert declared == [
        {"name": "a", "description": "ours"},
        {"name": "ab", "description": "more"},
    ]
    assert files["feedback.jsonl"] == b'"01-01/fb_1"\n"01-02/fb_2"\n'
    assert "whsec" not in str(files)


def test_usage_goes_along_by_day_and_scope() -> None:
    world, day = World(), {"pk": "TENANT#acme", "sk": "SPENDING#2026-11-26", "opened": "1"}
    counted = {"c:t/": 90, "R:one": '[5,1,"k","m"]', "expires_at": 1, "m:t/": 900}
    for scope in ("t/", "k/ab12", "m/nova"):
        counted |= {f"s:{scope}": 70, f"r:{scope}": 2, f"i:{scope}": 11}
    world.others = [day | counted, day | {"sk": "SPENDING#2026-11-27"}]
    world.run(begun(world.jobs, "export"))
    lines = [json.loads(line) for line in world.archive("records.zip")["usage.jsonl"].splitlines()]
    assert [(line["day"], line["scope"], line["name"]) for line in lines] == [
        ("2026-11-26", "key", "ab12"),
        ("2026-11-26", "model", "nova"),
        ("2026-11-26", "tenant", ""),
    ]
    for line in lines:
        assert (line["requests"], line["tokens_in"], line["dollars"]) == (2, 11, "0.000000070")


def test_prompts_go_along_with_their_labels() -> None:
    world = World()
    of_acme = {"pk": "TENANT#acme", "created_at": "2026-01-02T03:04:05.000Z"}
    world.others = [
        of_acme | {"sk": f"PROMPT#sum-up#v00000{n}", "number": n, "sha256": f"0{n}", "body": "{}"}
        for n in (1, 3)
    ]
    labels = '{"staging": 3, "production": 1, "old": 1}'
    world.others.append(of_acme | {"sk": "PROMPTS#sum-up", "name": "sum-up", "labels": labels})
    world.run(begun(world.jobs, "export"))
    lines = world.archive("records.zip")["prompts.jsonl"].splitlines()
    told = {"name": "sum-up", "created_at": "2026-01-02T03:04:05.000Z", "content": {}}
    assert [json.loads(line) for line in lines] == [
        told | {"version": 1, "sha256": "01", "labels": ["old", "production"]},
        told | {"version": 3, "sha256": "03", "labels": ["staging"]},
    ]


def test_an_export_of_a_collection_holds_its_declaration_and_no_ratings() -> None:
    world = World()
    world.others = [
        {"pk": "TENANT#acme", "sk": f"COLLECTION#{name}", "name": name} for name in ("a", "ab")
    ]
    world.objects.bodies["feedback/acme/2026-01-01/fb_1.json"] = b"{}\n"
    world.run(begun(world.jobs, "export", collection="a"))
    files = world.archive("records.zip")
    assert json.loads(files["collections.jsonl"]) == {"name": "a"}
    assert {"feedback.jsonl", "usage.jsonl", "prompts.jsonl"}.isdisjoint(files)


def test_parts_are_closed_when_they_are_full() -> None:
    world = World(part_bytes=1_000)
    for n in range(20):
        world.put(f"{n}.bin", hashlib.sha512(bytes([n])).digest() * 4)
    world.run(begun(world.jobs, "export"))
    parts = [file for file in world.state().files if file.name.startswith("part-")]
    assert len(parts) > 3
    assert len({name.split("/")[1] for name in world.exported()}) == 20


def test_a_step_that_is_late_stops_after_the_document_it_is_at() -> None:
    world = World(seconds_a_look=6.0)
    for n in range(4):
        world.put(f"{n}.txt", b"x")
    world.run(begun(world.jobs, "export"))
    assert len({name.split("/")[1] for name in world.exported()}) == 4


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_an_export_cut_off_at_any_write_ends_with_each_document_once(dies_at: int) -> None:
    world = World(part_bytes=300)
    for n in range(4):
        world.put(f"{n}.bin", hashlib.sha512(bytes([n])).digest() * 4)
    world.store.dies_at_write = dies_at
    result = world.run(begun(world.jobs, "export"))
    assert (result.counts.total, result.counts.done) == (4, 4)
    assert len(world.exported()) == 16


def test_a_cancelled_export_leaves_nothing() -> None:
    world = World()
    world.put("a.txt", b"one")
    request = begun(world.jobs, "export")
    core.run(request, world.deps)
    JobLauncher(world.jobs, FakeJobExecutions(), lambda: NOW).cancel(world.state())
    assert world.run(request).status == "cancelled"
    assert not [key for key in world.objects.bodies if key.startswith("jobs/")]


@holds_for(st.text(min_size=1, max_size=200))
def test_a_name_in_the_archive_never_leads_out_of_its_folder(path: str) -> None:
    told = {"document_id": "doc_a", "collection": "a", "path": path, "status": "ready"}
    document = Document.model_validate({**told, "created_at": NOW, "updated_at": NOW})
    name = ListingEntry(document=document, version="v_a").source_name
    parts = name.split("/")
    assert parts[:3] == ["documents", "doc_a", "source"]
    assert len(parts) == 4
    assert parts[3] not in ("", ".", "..")
    assert not set(parts[3]) & set('\\:*?"<>|\x00\n')


def test_memory_does_not_grow_with_a_document() -> None:
    block, count = bytes(1024 * 1024), 200

    class Nothing(Stream):
        def write(self, data: bytes) -> int:
            return len(data)

    class Large(Store):
        def blocks(self, bucket: str, key: str, version_id: str = "") -> Iterator[bytes]:
            return (block for _ in range(count))

        def listed(self, bucket: str, prefix: str) -> Iterator[tuple[str, int]]:
            return iter([(prefix + "source", count * len(block))])

    told = {"document_id": "doc_a", "collection": "a", "path": "big.csv", "status": "ready"}
    document = Document.model_validate({**told, "created_at": NOW, "updated_at": NOW})
    entry = ListingEntry(document=document, version="v_a")
    tracemalloc.start()
    with zip_file(Nothing()) as archive:
        packer = ZipPacker(BUCKET, "acme", archive, NOW)
        packed = packer.put_document(entry, Large(FakeObjects()))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert packed.files[1].bytes == count * len(block)
    assert peak < 8 * len(block)


def test_a_document_that_was_removed_before_it_was_listed_is_told_of() -> None:
    world = World()
    found = world.put("a.txt", b"one", ready=False)
    del world.versions["v_0"]
    assert world.run(begun(world.jobs, "export")).counts.failed == 1
    with pytest.raises(NotFound):
        world.objects.read(BUCKET, f"documents/acme/{found}/v_0/source")
