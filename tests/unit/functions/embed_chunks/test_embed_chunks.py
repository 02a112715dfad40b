from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import pytest

from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.ingest import Chunk, EmbedRequest, EmbedResult, Spent, nothing_spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.picture_labels import Label
from chalicelib.errors import Conflict, InvalidInput, ModelFailure, NotFound
from chalicelib.generation.catalogue import catalogue
from chalicelib.generation.request_costs import DOCUMENT, ExtraRequests, requests_line
from chalicelib.ingest.receipts import BILLED_TRANSITIONS
from chalicelib.retrieval.ids import chunks_key, path_hash, vector_key
from functions.embed_chunks import core
from functions.embed_chunks.vectors import vector_size
from tests.unit.ingest.examples import BUCKET, NOW
from tests.unit.ingest.fakes import INDEX, FakeObjects, FakeTenants, FakeVectors

NEXT = IndexRef(INDEX.bucket, "acme-other", "other")
PLACE = ("acme", "doc_a", "v_a")


@dataclass
class Numbers:
    values: list[list[float]]

    def tolist(self) -> list[list[float]]:
        return self.values


@dataclass
class FakeEmbedder:
    """Embeds a text as its length; knows no text of more than `longest` characters.

    It has `room` for that many characters of a passage and its context.
    """

    model: str = INDEX.model
    longest: int = 100
    room: int = 0

    @property
    def max_tokens(self) -> int:
        return self.room

    def count_tokens(self, text: str) -> int:
        return len(text)

    def embed_counted(self, texts: Sequence[str]) -> tuple[Numbers, int]:
        if any(len(text) > self.longest for text in texts):
            raise InvalidInput("too long")
        return Numbers([[float(len(text)), 1.0] for text in texts]), 10 * len(texts)


class World:
    def __init__(self, count: int) -> None:
        chunks = [
            Chunk(n=n, page=1, heading="H", start=n, end=n + 1, text="x" * (n % 50 + 1))
            for n in range(count)
        ]
        self.objects = FakeObjects({chunks_key(*PLACE): dump_lines(chunks)})
        self.vectors = FakeVectors()
        self.tenants = FakeTenants()
        self.embedder = FakeEmbedder()
        self.models = {INDEX.model: self.embedder, NEXT.model: FakeEmbedder(NEXT.model)}
        self.now = 0.0
        self.opened: list[tuple[str, str, int]] = []

    def named(self, model: str) -> FakeEmbedder:
        if model not in self.models:
            raise ModelFailure(f"{model} is not here")
        return self.models[model]

    def clock(self) -> float:
        self.now += 2
        return self.now

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        self.opened.append((tenant, index.name, dimensions))
        self.tenants.pictures = (index,)

    def run(
        self,
        chunks: int,
        tenant: str = "acme",
        model: str = "",
        media_type: str = "text/markdown",
        **spent: Spent,
    ) -> EmbedResult:
        chunking = Spent(seconds=0.25, gb_seconds=0.125)
        request = EmbedRequest(
            tenant=tenant,
            document_id=PLACE[1],
            version=PLACE[2],
            collection="default",
            path="a.md",
            bucket=BUCKET,
            correlation_id="c",
            chunks=chunks,
            media_type=media_type,
            language="en",
            uploaded_at=NOW,
            metadata={"year": 2024, "tags": ("a", "b")},
            picture_model=model,
            reading=Spent(seconds=0.5, gb_seconds=0.5),
            **{"chunking": chunking, **spent},
        )
        deps = core.Deps(
            objects=self.objects,
            tenants=self.tenants,
            vectors=self.vectors,
            pictures=self,
            embedder=self.named,
            cost=catalogue().cost,
            clock=self.clock,
            memory_gb=2.0,
        )
        return core.run(request, deps)


@pytest.mark.parametrize("count", [1, 499, 500, 501, 1_203])
def test_every_chunk_gets_one_vector_under_its_own_key(count: int) -> None:
    world = World(count)
    assert world.run(count).vectors == count
    assert set(world.vectors.kept) == {vector_key("doc_a", "v_a", n) for n in range(count)}


@pytest.mark.parametrize(("name", "terms"), [("acme-x", ""), ("acme-x.terms", "md h xxx")])
def test_an_index_gets_the_terms_that_it_compares(name: str, terms: str) -> None:
    world = World(3)
    index = IndexRef(INDEX.bucket, name, INDEX.model)
    world.tenants = FakeTenants(index)
    world.run(3)
    vector = world.vectors.of(index)[vector_key("doc_a", "v_a", 2)]
    assert vector.metadata.wire().get("terms", "") == terms


def test_a_passage_is_embedded_below_its_file_s_name_and_its_heading() -> None:
    world = World(1)
    world.embedder.room = 100
    world.run(1)
    vector = world.vectors.kept[vector_key("doc_a", "v_a", 0)]
    assert vector.values == [float(len("a: H\nx")), 1.0]
    assert vector.metadata.text == "x"


def test_a_vector_carries_what_a_hit_shows() -> None:
    world = World(3)
    world.run(3)
    vector = world.vectors.kept[vector_key("doc_a", "v_a", 2)]
    assert vector.values == [3.0, 1.0]
    metadata = vector.metadata
    assert (metadata.path, metadata.heading, metadata.start, metadata.text) == (
        "a.md",
        "H",
        2,
        "xxx",
    )


def test_a_vector_carries_what_filters_ask_for() -> None:
    world = World(1)
    world.run(1)
    wire = world.vectors.kept[vector_key("doc_a", "v_a", 0)].metadata.wire()
    expected = {
        "collection": "default",
        "media_type": "text/markdown",
        "language": "en",
        "uploaded_at": int(NOW.timestamp()),
        "folders": [path_hash("a.md")],
        "m_year": 2024,
        "m_tags": ["a", "b"],
    }
    assert expected.items() <= wire.items()


def test_a_picture_s_vector_is_the_weighed_mean_of_what_is_seen() -> None:
    world = World(3)
    seen = (Label(name="cat", share=0.75), Label(name="a lynx", share=0.25))
    chunk = Chunk(n=1, page=1, heading="", start=0, end=3, text="cat", labels=seen)
    lines = world.objects.bodies[chunks_key(*PLACE)].splitlines(keepends=True)
    lines[1] = dump_lines([chunk])
    world.objects.bodies[chunks_key(*PLACE)] = b"".join(lines)
    result = world.run(3)
    vector = world.vectors.kept[vector_key("doc_a", "v_a", 1)]
    lengths = [len("a photo of a cat"), len("a photo of a a lynx")]
    mean = 0.75 * lengths[0] + 0.25 * lengths[1]
    assert vector.values == pytest.approx([mean / math.hypot(mean, 1), 1 / math.hypot(mean, 1)])
    assert vector.metadata.wire()["labels"] == ["0.7500 cat", "0.2500 a lynx"]
    assert world.vectors.kept[vector_key("doc_a", "v_a", 2)].values == [3.0, 1.0]
    assert result.receipt.tokens_in == 10 * 4


def test_a_picture_s_receipt_has_what_looking_took_and_no_cutting() -> None:
    world = World(1)
    nothing = nothing_spent()
    looked = Spent(seconds=0.5, gb_seconds=1.0, images=1)
    receipt = world.run(1, labelling=looked, recognising=looked, chunking=nothing).receipt
    (line,) = (line for line in receipt.lines if line.role == "labelling")
    assert (line.model, line.images, line.seconds) == ("efficientnet-lite0", 1, 0.5)
    assert "chunking" not in [line.role for line in receipt.lines]
    assert receipt.transitions == BILLED_TRANSITIONS + 3


def test_doing_it_twice_puts_nothing_twice() -> None:
    world = World(7)
    world.run(7)
    world.run(7)
    assert len(world.vectors.kept) == 7


def test_missing_chunks_are_a_failure() -> None:
    with pytest.raises(Conflict, match="7 lines of Chunk; 8 were written"):
        World(7).run(8)


def test_vectors_that_were_not_put_are_a_failure() -> None:
    world = World(7)
    world.vectors.loses = 1
    with pytest.raises(Conflict, match="6 vectors were put for 7 chunks"):
        world.run(7)


def test_a_chunk_that_the_model_would_cut_is_an_error() -> None:
    world = World(7)
    world.embedder.longest = 3
    with pytest.raises(InvalidInput):
        world.run(7)


def test_an_index_of_a_model_that_is_not_here_is_not_written_to() -> None:
    world = World(1)
    world.tenants = FakeTenants(IndexRef(INDEX.bucket, INDEX.name, "another"))
    with pytest.raises(ModelFailure, match="another"):
        world.run(1)
    assert not world.vectors.kept


def test_while_a_reindex_runs_each_index_gets_every_vector() -> None:
    world = World(3)
    world.tenants.next = NEXT
    result = world.run(3)
    assert (result.vectors, result.model) == (3, INDEX.model)
    assert len(world.vectors.of(INDEX)) == len(world.vectors.of(NEXT)) == 3


def test_an_index_that_a_reindex_swapped_away_meanwhile_is_left_out() -> None:
    world = World(3)

    def swap(index: IndexRef) -> None:
        world.tenants.index = NEXT
        world.vectors.before_put = None
        raise NotFound(f"{index.name} is gone")

    world.vectors.before_put = swap
    assert world.run(3).model == NEXT.model
    assert len(world.vectors.of(NEXT)) == 3
    assert not world.vectors.of(INDEX)


def test_a_tenant_without_an_index_is_an_error() -> None:
    with pytest.raises(NotFound):
        World(1).run(1, tenant="nobody")


@pytest.mark.parametrize(("count", "puts"), [(1, 1), (500, 1), (501, 2)])
def test_the_receipt_bills_128_kilobytes_at_least_for_each_put(count: int, puts: int) -> None:
    """https://aws.amazon.com/s3/pricing/ and s3-vectors-best-practices.html: large batches."""
    world = World(count)
    (line,) = (line for line in world.run(count).receipt.lines if line.role == "indexing")
    sizes = [vector_size(vector) for vector in world.vectors.kept.values()]
    billed = sum(
        max(131_072, sum(sizes[first : first + 500])) for first in range(0, puts * 500, 500)
    )
    price = catalogue().price("s3vectors.put.gb").dollars
    assert line.dollars == pytest.approx(price * billed / 2**30, abs=Decimal("1e-9"))


def test_the_receipt_of_a_pdf_has_the_words_of_its_pages_and_each_recognition() -> None:
    recognising = Spent(seconds=1.0, gb_seconds=2.0, requests=3)
    for recognitions, spent in ((0, Spent(seconds=0, gb_seconds=0, requests=0)), (3, recognising)):
        receipt = World(1).run(1, media_type="application/pdf", recognising=spent).receipt
        (line,) = (line for line in receipt.lines if line.role == "requests")
        counts = ExtraRequests(word_files=1, recognitions=recognitions)
        assert line == requests_line(catalogue().cost, DOCUMENT, counts)


def test_the_receipt_adds_up_to_what_was_used() -> None:
    receipt = World(4).run(4).receipt
    lines = {line.role: line for line in receipt.lines}
    embedding = lines["embedding"]
    assert (embedding.model, embedding.tokens_in, embedding.seconds) == (INDEX.model, 40, 2.0)
    second = catalogue().price("lambda.gb_second.arm64").dollars
    request = catalogue().price("lambda.request").dollars
    assert embedding.dollars == pytest.approx(second * 4 + request, abs=Decimal("1e-9"))
    transition = catalogue().price("stepfunctions.standard.transition").dollars
    assert lines["orchestration"].dollars == transition * BILLED_TRANSITIONS
    for role, gb_seconds, seconds in (("reading", "0.5", 0.5), ("chunking", "0.125", 0.25)):
        line = lines[role]
        assert (line.model, line.priced_as, line.seconds) == ("lambda", "lambda", seconds)
        exactly = second * Decimal(gb_seconds) + request
        assert line.dollars == pytest.approx(exactly, abs=Decimal("1e-9"))
    steps = ["reading", "chunking", "embedding", "indexing", "orchestration"]
    assert list(lines) == [*steps, "requests"]
    assert lines["requests"] == requests_line(catalogue().cost, DOCUMENT)
    assert receipt.dollars == sum(line.dollars for line in receipt.lines)
    assert (receipt.seconds, receipt.tokens_in) == (2.75, 40)
    assert receipt.transitions == BILLED_TRANSITIONS
