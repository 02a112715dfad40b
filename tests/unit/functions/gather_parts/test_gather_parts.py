"""What the parts of a large file came to: counted, joined and priced."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest

from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.ingest import Chunk, Page, Spent
from chalicelib.contracts.jsonl import dump_lines, parse_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.contracts.parts import (
    EmbeddingPart,
    EmbedPartResult,
    GatherPartsRequest,
    GatherPartsResult,
    GatherVectorsRequest,
    GatherVectorsResult,
    Part,
    PartDone,
    PartsUsed,
)
from chalicelib.errors import Conflict, InvalidInput, MoreSteps
from chalicelib.generation.catalogue import catalogue
from chalicelib.retrieval.ids import chunks_key, pages_key, version_prefix, words_key
from functions.gather_parts import core, part_joiner
from tests.unit.ingest.examples import BUCKET
from tests.unit.ingest.fakes import INDEX, FakeObjects, FakeTenants

PLACE = ("acme", "doc_a", "v_a")
PREFIX = version_prefix(*PLACE)
ONCE = Spent(seconds=1.0, gb_seconds=0.5)
CALLED = {"tenant": "acme", "document_id": "doc_a", "version": "v_a", "bucket": BUCKET}


@dataclass
class World:
    """Parts of two pages each, of which each page has as many chunks as it has letters."""

    pages: list[str]
    words: bool = False
    headings: dict[int, str] = field(default_factory=dict)
    objects: FakeObjects = field(default_factory=lambda: FakeObjects(block=50))
    tenants: FakeTenants = field(default_factory=FakeTenants)
    children: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        parts: list[Part] = []
        for first in range(1, len(self.pages) + 1, 2):
            part = Part(
                part=len(parts) + 1, first_page=first, pages=len(self.pages[first - 1 :][:2])
            )
            parts.append(part)
            self._write(part)
        self.objects.bodies[PREFIX + "parts.jsonl"] = dump_lines(parts)
        self.parts = parts

    def _write(self, part: Part) -> None:
        numbers = range(part.first_page, part.first_page + part.pages)
        heads = {n: ((0, self.headings[n]),) if n in self.headings else () for n in numbers}
        pages = [Page(page=n, text=self.pages[n - 1], headings=heads[n]) for n in numbers]
        letters = [(page.page, letter) for page in pages for letter in page.text]
        heading, chunks = "", []
        for n, (page, letter) in enumerate(letters):
            heading = self.headings.get(page, heading)
            chunks.append(Chunk(n=n, page=page, heading=heading, start=0, end=1, text=letter))
        self.objects.bodies[pages_key(*PLACE, part.part)] = dump_lines(pages)
        self.objects.bodies[chunks_key(*PLACE, part.part)] = dump_lines(chunks)
        if self.words:
            words = [PageWords(page=n, width=595, height=842) for n in numbers]
            self.objects.bodies[words_key(*PLACE, part.part)] = dump_lines(words)
        done = PartDone(
            part=part.part,
            pages=part.pages,
            words=part.pages if self.words else 0,
            rows=0,
            characters=len(chunks),
            chunks=len(chunks),
            pages_needing_ocr=0,
            notices=("The same notice.",),
            reading=ONCE,
            recognising=Spent(seconds=0, gb_seconds=0, requests=0),
            chunking=ONCE,
        )
        self.child(done.model_dump(mode="json"))

    def child(self, output: dict[str, Any], stop: str = "10:00:01.250") -> None:
        self.children.append(
            {
                "Status": "SUCCEEDED",
                "Output": json.dumps(output),
                "StartDate": "2026-05-04T10:00:00.000Z",
                "StopDate": f"2026-05-04T{stop}Z",
            }
        )

    def results(self, run: str = "x", **files: list[dict[str, str]]) -> dict[str, str]:
        """Write what the Map Run writes, the children in no order; return where."""
        key = f"{PREFIX}runs/{run}/SUCCEEDED_0.jsonl"
        self.objects.bodies[key] = "\n".join(
            json.dumps(child) for child in reversed(self.children)
        ).encode()
        found = {"FAILED": [], "PENDING": [], "SUCCEEDED": [{"Key": key}], **files}
        place = {"Bucket": BUCKET, "Key": f"{PREFIX}runs/{run}/manifest.json"}
        self.objects.bodies[place["Key"]] = json.dumps({"ResultFiles": found}).encode()
        return place

    def deps(self) -> core.Deps:
        return core.Deps(self.objects, self.tenants, catalogue().cost, lambda: 0.0, 1.0)

    def gather(self, **changes: Any) -> GatherPartsResult:
        results = changes.pop("results", None) or self.results()
        asked = GatherPartsRequest.model_validate(
            {
                **CALLED,
                "correlation_id": "c",
                "parts": len(self.parts),
                "pages": len(self.pages),
                "rows": 0,
                "reading": ONCE,
                "results": results,
                **changes,
            }
        )
        return core.gather_parts(asked, self.deps())

    def chunks(self, count: int) -> list[Chunk]:
        return parse_lines(self.objects.bodies[chunks_key(*PLACE)], Chunk, count)


def test_the_parts_are_joined_in_their_order_with_numbers_of_the_whole() -> None:
    world = World(["ab", "c", "", "def", "g"])
    found = world.gather()
    assert (found.pages, found.chunks, found.embedding_parts) == (5, 7, 1)
    assert [(chunk.n, chunk.text) for chunk in world.chunks(7)] == list(enumerate("abcdefg"))
    pages = parse_lines(world.objects.bodies[pages_key(*PLACE)], Page, 5)
    assert [page.page for page in pages] == [1, 2, 3, 4, 5]
    assert world.objects.facts[chunks_key(*PLACE)] == {"lines": "7"}
    assert found.notices == ("The same notice.",)
    assert found.used.reading == Spent(seconds=4.0, gb_seconds=2.0, requests=4)


def test_the_words_of_all_parts_are_joined_as_their_pages_are() -> None:
    world = World(["a", "b", "c"], words=True)
    world.gather()
    words = parse_lines(world.objects.bodies[words_key(*PLACE)], PageWords, 3)
    assert [each.page for each in words] == [1, 2, 3]
    assert world.objects.facts[words_key(*PLACE)] == {"lines": "3"}


@pytest.mark.parametrize("lost", [b"", b'{"page":3,"width":595,"height":842}\n' * 2])
def test_words_that_went_missing_are_a_conflict(lost: bytes) -> None:
    world = World(["a", "b", "c"], words=True)
    world.objects.bodies[words_key(*PLACE, 1)] = lost
    with pytest.raises(Conflict):
        world.gather()


def test_a_file_of_which_a_part_was_read_without_words_has_none() -> None:
    world = World(["a", "b", "c"], words=True)
    first = json.loads(world.children[0]["Output"])
    del first["words"]
    world.children[0]["Output"] = json.dumps(first)
    world.gather()
    assert words_key(*PLACE) not in world.objects.bodies


def test_a_part_begins_under_the_heading_that_the_one_before_it_ended_under() -> None:
    world = World(["a", "b", "c", "d", "e", "f"], headings={2: "Spring", 6: "Autumn"})
    world.gather()
    headings = [chunk.heading for chunk in world.chunks(6)]
    assert headings == ["", "Spring", "Spring", "Spring", "Spring", "Autumn"]


def test_the_chunks_are_embedded_in_even_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_joiner, "EMBEDDING_CHUNKS", 3)
    world = World(["ab", "cde", "fg"])
    assert world.gather().embedding_parts == 3
    body = world.objects.bodies[PREFIX + "embedding.jsonl"]
    parts = parse_lines(body, EmbeddingPart, 3)
    assert [(part.first_chunk, part.chunks) for part in parts] == [(0, 3), (3, 3), (6, 1)]
    whole = world.objects.bodies[chunks_key(*PLACE)]
    for part in parts:
        lines = parse_lines(whole[part.start : part.end], Chunk, part.chunks)
        assert lines[0].n == part.first_chunk


def test_children_are_billed_by_the_tenth_of_a_second_at_64_mb() -> None:
    world = World(["a", "b", "c"])
    express = world.gather().used.express
    assert express.requests == 2
    assert express.gb_seconds == pytest.approx(2 * 1.3 * 64 / 1024)


def test_a_child_that_ran_twice_counts_once_and_is_billed_twice() -> None:
    world = World(["a", "b", "c"])
    world.children.append(world.children[0])
    found = world.gather()
    assert (found.chunks, found.used.express.requests) == (3, 3)


def test_a_part_that_came_to_two_ends_is_a_failure() -> None:
    world = World(["a", "b", "c"])
    other = json.loads(world.children[0]["Output"])
    world.child({**other, "chunks": 9})
    with pytest.raises(Conflict, match="Part 1 came to two different ends"):
        world.gather()


def test_a_part_without_a_result_is_a_failure() -> None:
    world = World(["a", "b", "c"])
    world.children.pop()
    with pytest.raises(Conflict, match="1 parts of 2 were done"):
        world.gather()


def test_parts_without_a_seat_are_left_for_another_round() -> None:
    world = World(["a", "b", "c", "d", "e"])
    world.children[1] = {**world.children[1], "Output": '{"part": 2, "without_seat": true}'}
    with pytest.raises(MoreSteps) as more:
        world.gather()
    left = json.loads(more.value.message)
    assert left["plan"] == "parts-left.jsonl"
    assert left["results"] == [world.results()]
    assert parse_lines(world.objects.bodies[PREFIX + left["plan"]], Part, 1) == [world.parts[1]]
    assert chunks_key(*PLACE) not in world.objects.bodies


def test_the_results_of_all_rounds_are_counted_together() -> None:
    world = World(["a", "b", "c"])
    second = world.children.pop()
    world.child({"part": 2, "without_seat": True})
    places = [world.results()]
    world.children = [second]
    places.append(world.results(run="y"))
    found = world.gather(results=places)
    assert (found.chunks, found.used.express.requests) == (3, 3)


def test_parts_that_failed_are_a_failure() -> None:
    world = World(["a"])
    place = world.results(FAILED=[{"Key": "x"}])
    with pytest.raises(Conflict, match="failed"):
        world.gather(results=place)


@pytest.mark.parametrize("change", [{"pages": 4}, {"rows": 1}])
def test_other_pages_or_rows_than_the_file_has_are_a_failure(change: dict[str, int]) -> None:
    with pytest.raises(Conflict, match="were read"):
        World(["a", "b", "c"]).gather(**change)


def test_lines_that_went_missing_are_a_failure_and_leave_nothing_half_written() -> None:
    world = World(["ab", "c", "d"])
    key = chunks_key(*PLACE, 1)
    world.objects.bodies[key] = world.objects.bodies[key].split(b"\n", 1)[1]
    with pytest.raises(Conflict, match="has 2 lines; its part said 3"):
        world.gather()
    assert chunks_key(*PLACE) not in world.objects.bodies


def test_a_page_that_is_there_twice_is_a_failure() -> None:
    world = World(["ab", "c", "d"])
    first = world.objects.bodies[pages_key(*PLACE, 1)].split(b"\n")[0] + b"\n"
    world.objects.bodies[pages_key(*PLACE, 1)] = first * 2
    with pytest.raises(Conflict, match="another page where page 2 was"):
        world.gather()


def test_a_gap_between_the_parts_is_a_failure() -> None:
    world = World(["ab", "c", "d"])
    gap = world.parts[1].model_copy(update={"start": 5, "end": 9})
    world.objects.bodies[PREFIX + "parts.jsonl"] = dump_lines([world.parts[0], gap])
    with pytest.raises(Conflict, match="Part 2 does not begin"):
        world.gather()


def test_a_file_without_any_text_is_rejected() -> None:
    with pytest.raises(InvalidInput, match="no text that can be searched"):
        World(["", "", ""]).gather()


class Embedded(World):
    """Parts that were embedded, three chunks each."""

    def __init__(self, *indexes: str, parts: int = 2, model: str = INDEX.model) -> None:
        super().__init__(["a"])
        self.children.clear()
        self.count = parts
        for number in range(1, parts + 1):
            done = EmbedPartResult(
                part=number,
                vectors=3,
                model=model if number > 1 else INDEX.model,
                indexes=indexes or (INDEX.name,),
                tokens=70,
                put_bytes=2**20,
                embedding=ONCE,
            )
            self.child(done.model_dump(mode="json"))

    def vectors(self, chunks: int) -> GatherVectorsResult:
        nothing = Spent(seconds=0, gb_seconds=0, requests=0)
        used = PartsUsed.model_validate(
            {
                "reading": ONCE,
                "recognising": nothing,
                "chunking": ONCE,
                "gathering": ONCE,
                "express": {"requests": 5, "gb_seconds": 2.0},
            }
        )
        asked = GatherVectorsRequest.model_validate(
            {
                **CALLED,
                "correlation_id": "c",
                "parts": 5,
                "chunks": chunks,
                "embedding_parts": self.count,
                "results": self.results(),
                "used": used,
            }
        )
        return core.gather_vectors(asked, self.deps())


def test_the_receipt_adds_up_what_all_parts_used() -> None:
    receipt = Embedded().vectors(6).receipt
    lines = {line.role: line for line in receipt.lines}
    assert list(lines) == [
        "reading", "chunking", "embedding", "gathering", "indexing", "parts", "orchestration",
        "requests",
    ]  # fmt: skip
    assert (lines["embedding"].tokens_in, lines["embedding"].seconds) == (140, 2.0)
    prices = catalogue()
    express = 7 * prices.price("stepfunctions.express.request").dollars
    seconds = prices.price("stepfunctions.express.gb_second").dollars
    assert float(lines["parts"].dollars - express) == pytest.approx(
        float(seconds) * (2.0 + 2 * 1.3 / 16), rel=1e-3
    )
    assert receipt.transitions == 10 + 5 + 2
    assert receipt.dollars == sum(line.dollars for line in receipt.lines)


def test_what_was_written_to_be_joined_is_removed() -> None:
    world = Embedded()
    world.vectors(6)
    assert not [key for key in world.objects.bodies if "/parts/" in key]
    assert PREFIX + "parts.jsonl" in world.objects.bodies


def test_other_vectors_than_chunks_are_a_failure() -> None:
    with pytest.raises(Conflict, match="6 vectors were put for 7 chunks"):
        Embedded().vectors(7)


def test_vectors_of_several_models_are_a_failure() -> None:
    with pytest.raises(Conflict, match="several models"):
        Embedded(model="another").vectors(6)


def test_an_index_that_came_meanwhile_asks_for_another_round() -> None:
    world = Embedded("an-older-one")
    world.tenants = FakeTenants(IndexRef(INDEX.bucket, INDEX.name, INDEX.model))
    with pytest.raises(MoreSteps, match=INDEX.name):
        world.vectors(6)
