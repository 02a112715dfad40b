"""The paths of files that few are: in parts, or with pages that are pictures of text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from chalicelib.adapters.dynamodb import Delete
from chalicelib.adapters.records.writes import document_key, version_key
from chalicelib.adapters.s3_streams import StreamedObjects
from chalicelib.contracts.ingest import (
    Chunk,
    IngestInput,
    Page,
    ReadResult,
    Spent,
    nothing_spent,
)
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.parts import (
    EmbeddingPart,
    EmbedPartRequest,
    EmbedPartResult,
    GatherPartsRequest,
    GatherVectorsRequest,
    Part,
    ReadPartRequest,
    ReadPartResult,
)
from chalicelib.errors import HeadraceError
from chalicelib.generation.catalogue import catalogue
from chalicelib.ingest.receipts import large_transitions, small_transitions
from chalicelib.retrieval.ids import chunks_key, pages_key, version_prefix
from functions.gather_parts import core as gathering
from functions.gather_parts import part_joiner
from tests.architecture.ingest_world import READ, Answer, IngestWorld, Raises, more_steps
from tests.architecture.test_ingest_paths import HAPPY, announced, document, version
from tests.clients import client
from tests.unit.ingest.examples import BUCKET
from tests.unit.ingest.fakes import INDEX

LARGE = [
    "Read", "Detour", "RecordParts", "ReadParts", "GatherParts", "RecordEmbedding", "EmbedParts",
    "GatherVectors", "MarkReady", "AnnounceReady",
]  # fmt: skip
ONCE = Spent(seconds=0.5, gb_seconds=0.25)
SPENT = ONCE.model_dump()
PARTS, PAGES_A_PART, CHUNKS_A_PAGE = 3, 2, 1
TRIES = 6
"""How often a part asks for a seat in a round: once, and five retries."""
RECOGNISED = {
    "recognised": 1,
    "still_empty": [],
    "remaining": [],
    "characters": 40,
    "images": 1,
    "model": "rapidocr",
    "recognising": SPENT,
    "notices": ["The text of 1 page was recognised."],
}


class Large:
    """A file in three parts of two pages, as the functions would make it."""

    def __init__(self, world: IngestWorld, asked: IngestInput) -> None:
        self.world, self.asked = world, asked
        self.place = (asked.tenant, asked.document_id, asked.version)
        self.s3 = client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.objects = StreamedObjects(self.s3)
        pages = PARTS * PAGES_A_PART
        self.write_plan()
        answers = world.script.answers
        answers["read_document"] = [more_steps(parts=PARTS, pages=pages, rows=60), self.read_part]
        answers["chunk_document"] = [self.chunk_part]
        answers["gather_parts"] = [self.gather]
        answers["embed_chunks"] = [self.embed_part]

    def write_plan(self, recognise: tuple[int, ...] = ()) -> None:
        parts = [
            Part(part=n + 1, first_page=2 * n + 1, pages=2, rows=20, start=9 * n, end=9 * n + 9)
            for n in range(PARTS)
        ]
        parts[1] = parts[1].model_copy(update={"recognise": recognise})
        key = version_prefix(*self.place) + "parts.jsonl"
        self.objects.write(BUCKET, key, dump_lines(parts), {})

    def read_part(self, payload: dict[str, Any]) -> Answer:
        part = ReadPartRequest.model_validate(payload).part
        pages = [
            Page(page=part.first_page + n, text="some text", headings=((0, f"Part {part.part}"),))
            for n in range(part.pages)
        ]
        self.objects.write(BUCKET, pages_key(*self.place, part.part), dump_lines(pages), {})
        result = ReadPartResult(
            part=part.part,
            pages=part.pages,
            rows=part.rows,
            characters=20,
            recognise=part.recognise,
            language="de" if part.part == 1 else "en",
            notices=("A notice.",),
            reading=ONCE,
        )
        return result.model_dump(mode="json")

    def chunk_part(self, payload: dict[str, Any]) -> Answer:
        pages = payload["pages"]
        first = PAGES_A_PART * (payload["part"] - 1) + 1
        chunks = [
            Chunk(n=n, page=first + n, heading="", start=0, end=4, text="some")
            for n in range(pages)
        ]
        key = chunks_key(*self.place, payload["part"])
        self.objects.write(BUCKET, key, dump_lines(chunks), {})
        return {"chunks": len(chunks), "chunking": SPENT}

    def gather(self, payload: dict[str, Any]) -> Answer:
        deps = gathering.Deps(
            objects=self.objects,
            tenants=self.world.records,
            cost=catalogue().cost,
            clock=lambda: 0.0,
            memory_gb=1.0,
        )
        try:
            if "chunks" in payload:
                asked = GatherVectorsRequest.model_validate(payload)
                return gathering.gather_vectors(asked, deps).model_dump(mode="json")
            parts = GatherPartsRequest.model_validate(payload)
            return gathering.gather_parts(parts, deps).model_dump(mode="json")
        except HeadraceError as error:
            return Raises(type(error).__name__, error.message)

    def embed_part(self, payload: dict[str, Any]) -> Answer:
        asked = EmbedPartRequest.model_validate(payload)
        result = EmbedPartResult(
            part=asked.part.part,
            vectors=asked.part.chunks,
            model=INDEX.model,
            indexes=(INDEX.name,),
            tokens=7 * asked.part.chunks,
            put_bytes=1000,
            embedding=ONCE,
        )
        return result.model_dump(mode="json")


@pytest.fixture
def large(world: IngestWorld) -> Iterator[Large]:
    """Return a large file, whose parts are in moto's S3."""
    with mock_aws():
        yield Large(world, world.claim())


def test_a_large_file_is_read_and_embedded_in_parts(world: IngestWorld, large: Large) -> None:
    assert world.run(large.asked) == ("SUCCEEDED", LARGE)
    shown = document(world, large.asked)
    assert (shown.status, shown.pages, shown.chunks) == ("ready", 6, 6)
    assert (shown.language, shown.notices) == ("en", ("A table was cut.", "A notice."))
    assert version(world, large.asked).status == "ready"
    assert announced(world) == ["document.ready"]


def test_the_parts_become_the_files_that_a_small_document_has(
    world: IngestWorld, large: Large
) -> None:
    world.run(large.asked)
    pages = parse_lines(large.objects.read(BUCKET, pages_key(*large.place)), Page, 6)
    assert [page.page for page in pages] == [1, 2, 3, 4, 5, 6]
    chunks = parse_lines(large.objects.read(BUCKET, chunks_key(*large.place)), Chunk, 6)
    assert [(chunk.n, chunk.page) for chunk in chunks] == [(n, n + 1) for n in range(6)]
    assert [chunk.heading for chunk in chunks] == ["", "", *["Part 1"] * 2, *["Part 2"] * 2]
    assert large.objects.metadata(BUCKET, chunks_key(*large.place))["lines"] == "6"
    key = version_prefix(*large.place) + "embedding.jsonl"
    (part,) = parse_lines(large.objects.read(BUCKET, key), EmbeddingPart, 1)
    assert (part.first_chunk, part.chunks, part.start) == (0, 6, 0)


def test_the_receipt_of_a_large_file_adds_up(world: IngestWorld, large: Large) -> None:
    _, states = world.run(large.asked)
    receipt = document(world, large.asked).receipt
    assert receipt is not None
    lines = {line.role: line for line in receipt.lines}
    children = PARTS + 1
    assert receipt.transitions == len(states) + children == large_transitions(PARTS, 1)
    assert lines["reading"].seconds == 0.25 + PARTS * 0.5
    assert (lines["chunking"].seconds, lines["embedding"].tokens_in) == (PARTS * 0.5, 42)
    request = catalogue().price("stepfunctions.express.request").dollars
    assert lines["parts"].dollars >= request * children
    assert receipt.dollars == sum(line.dollars for line in receipt.lines)


def test_progress_is_recorded_part_by_part(world: IngestWorld, large: Large) -> None:
    seen: list[tuple[int, int, int, int]] = []

    def look() -> None:
        found = version(world, large.asked)
        seen.append((found.parts, found.parts_read, found.embedding_parts, found.parts_embedded))

    world.script.before["gather_parts"] = look
    world.script.before["embed_chunks"] = look
    world.run(large.asked)
    assert seen == [(3, 3, 0, 0), (3, 3, 1, 0)]
    assert version(world, large.asked).parts == 0


def test_a_page_that_was_lost_is_a_failure(world: IngestWorld, large: Large) -> None:
    def one_page_less(payload: dict[str, Any]) -> Answer:
        payload["part"]["pages"] -= 1
        return large.read_part(payload)

    world.script.answers["read_document"][1] = one_page_less
    assert world.run(large.asked)[0] == "FAILED"
    assert "should have 2 pages" in document(world, large.asked).reason
    assert announced(world) == ["document.failed"]


def test_vectors_that_were_lost_are_a_failure(world: IngestWorld, large: Large) -> None:
    def one_vector_less(payload: dict[str, Any]) -> Answer:
        payload["part"]["chunks"] -= 1
        return large.embed_part(payload)

    world.script.answers["embed_chunks"] = [one_vector_less]
    assert world.run(large.asked)[0] == "FAILED"
    assert "5 vectors were put for 6 chunks" in document(world, large.asked).reason


@pytest.mark.parametrize(
    ("function", "error", "status"),
    [
        ("read_document", "InvalidInput", "rejected"),
        ("read_document", "Unsupported", "rejected"),
        ("chunk_document", "ModelFailure", "failed"),
        ("embed_chunks", "ModelFailure", "failed"),
    ],
)
def test_a_part_that_fails_fails_the_whole_with_its_own_reason(
    world: IngestWorld, large: Large, function: str, error: str, status: str
) -> None:
    answers = world.script.answers[function]
    answers[-1] = Raises(error, "Row 9 is too long.")
    world.run(large.asked)
    shown = document(world, large.asked)
    retry = f" Once that is mended, try again: `headrace retry {large.asked.document_id}`."
    advice = retry if status == "failed" else ""
    assert (shown.status, shown.reason) == (status, f"Row 9 is too long.{advice}")
    assert announced(world) == [f"document.{status}"]


def test_a_part_is_tried_again_as_a_whole_file_is(world: IngestWorld, large: Large) -> None:
    answers = world.script.answers
    answers["read_document"].insert(1, Raises("Transient"))
    answers["embed_chunks"].insert(0, Raises("Runtime.ExitError"))
    assert world.run(large.asked) == ("SUCCEEDED", LARGE)


def test_a_part_without_a_seat_waits_and_is_no_failure(world: IngestWorld, large: Large) -> None:
    answers = world.script.answers
    busy = Raises("Throttled", "busy")
    answers["read_document"] = [answers["read_document"][0], *[busy] * 40, large.read_part]
    answers["embed_chunks"] = [*[busy] * 7, large.embed_part]
    status, states = world.run(large.asked)
    assert status == "SUCCEEDED"
    assert states.count("AwaitSeats") >= 2
    at = states.index("AwaitSeats")
    assert states[at - 1 : at + 2] == ["GatherParts", "AwaitSeats", "ReadParts"]
    at = states.index("AwaitEmbeddingSeats")
    assert states[at - 2 : at] == ["GatherVectors", "EmbedAgain"]
    assert states[at + 1] == "EmbedParts"
    assert document(world, large.asked).status == "ready"
    assert announced(world) == ["document.ready"]


@pytest.mark.parametrize("function", ["chunk_document", "embed_chunks"])
def test_only_parts_that_got_no_seat_are_done_again(
    world: IngestWorld, large: Large, monkeypatch: pytest.MonkeyPatch, function: str
) -> None:
    """One part is throttled for two rounds; the others are done once, and counted with it."""
    monkeypatch.setattr(part_joiner, "EMBEDDING_CHUNKS", 2)
    does = {"chunk_document": large.chunk_part, "embed_chunks": large.embed_part}
    done: Counter[int] = Counter()
    refused: list[int] = []
    rounds = 2

    def busy(payload: dict[str, Any]) -> Answer:
        part = payload["part"]
        number = part if isinstance(part, int) else part["part"]
        if number == 2 and len(refused) < rounds * TRIES:
            refused.append(number)
            return Raises("Throttled", "busy")
        done[number] += 1
        return does[function](payload)

    world.script.answers[function] = [busy]
    status, states = world.run(large.asked)
    assert (status, len(refused)) == ("SUCCEEDED", rounds * TRIES)
    assert done == {1: 1, 2: 1, 3: 1}
    assert states.count("AwaitSeats") + states.count("AwaitEmbeddingSeats") == rounds
    shown = document(world, large.asked)
    assert (shown.status, shown.pages, shown.chunks) == ("ready", 6, 6)
    receipt = shown.receipt
    assert receipt is not None
    (express,) = [line for line in receipt.lines if line.role == "parts"]
    children = 2 * PARTS + rounds
    assert express.dollars >= catalogue().price("stepfunctions.express.request").dollars * children


def test_pages_of_a_part_that_are_pictures_are_recognised(world: IngestWorld, large: Large) -> None:
    large.write_plan(recognise=(3,))
    world.script.answers["recognise_pages"] = [RECOGNISED]
    assert world.run(large.asked) == ("SUCCEEDED", LARGE)
    (asked,) = [payload for name, payload in world.script.calls if name == "recognise_pages"]
    assert (asked["part"], asked["pages"], asked["recognise"]) == (2, 2, [3])
    shown = document(world, large.asked)
    assert shown.pages_needing_ocr == 0
    assert RECOGNISED["notices"][0] in shown.notices  # type: ignore[index]


def test_a_large_file_deleted_meanwhile_does_not_come_back(
    world: IngestWorld, large: Large
) -> None:
    asked = large.asked

    def delete() -> None:
        for key in (
            version_key(asked.tenant, asked.document_id, asked.version),
            document_key(asked.tenant, asked.document_id),
        ):
            world.table.delete(Delete(key))

    world.script.before["chunk_document"] = delete
    world.run(asked)
    assert world.records.version(asked.tenant, asked.document_id, asked.version) is None
    assert announced(world) == []


def test_an_index_added_by_a_reindex_meanwhile_is_filled_too(
    world: IngestWorld, large: Large
) -> None:
    missed: list[str] = []

    def into_another(payload: dict[str, Any]) -> Answer:
        found = large.embed_part(payload)
        assert isinstance(found, dict)
        missed.append("once")
        return {**found, "indexes": ["another"]}

    world.script.answers["embed_chunks"] = [into_another, large.embed_part]
    _, states = world.run(large.asked)
    assert states == [
        *LARGE[:8],
        "EmbedAgain",
        "EmbedParts",
        "GatherVectors",
        "MarkReady",
        "AnnounceReady",
    ]
    assert missed == ["once"]


def test_pages_that_are_pictures_take_three_more_transitions(world: IngestWorld) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(recognise=[2], pages_needing_ocr=1)]
    answers["recognise_pages"] = [RECOGNISED]
    asked = world.claim()
    states = ["Read", "Detour", "Recognise", "Detour", *HAPPY[1:]]
    assert world.run(asked) == ("SUCCEEDED", states)
    shown = document(world, asked)
    assert shown.pages_needing_ocr == 0
    assert shown.notices == ("A table was cut.", "The text of 1 page was recognised.")
    assert world.script.calls[-1][1]["recognising"] == SPENT
    spent = ReadResult.model_validate({**READ, "recognising": SPENT}).recognising
    unspent = nothing_spent()
    assert small_transitions(spent, unspent, unspent, unspent) == len(states)


def test_pages_that_one_call_cannot_look_at_are_for_the_next(world: IngestWorld) -> None:
    answers = world.script.answers
    answers["read_document"] = [more_steps(recognise=[1, 2], pages_needing_ocr=2)]
    answers["recognise_pages"] = [
        {**RECOGNISED, "remaining": [2]},
        {**RECOGNISED, "recognised": 0, "still_empty": [2]},
    ]
    asked = world.claim()
    assert world.run(asked)[0] == "SUCCEEDED"
    calls = [payload for name, payload in world.script.calls if name == "recognise_pages"]
    assert [payload["recognise"] for payload in calls] == [[1, 2], [2]]
    assert document(world, asked).pages_needing_ocr == 1
    assert world.script.calls[-1][1]["recognising"]["requests"] == 2
