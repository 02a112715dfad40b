from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import IndexRef, TenantState
from chalicelib.contracts.jobs import ReembedRequest
from chalicelib.contracts.picture_labels import Label
from chalicelib.errors import Conflict
from chalicelib.ingest.receipts import MIN_PUT_BYTES
from chalicelib.retrieval.ids import vector_key
from functions.reembed_passages import core
from tests.unit.ingest.examples import document
from tests.unit.ingest.fakes import INDEX

NEXT = IndexRef(INDEX.bucket, "acme-next", "next")


@dataclass(frozen=True)
class Passage:
    key: str
    text: str
    labels: tuple[Label, ...] = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    terms: str = ""

    def with_terms(self, terms: str) -> Passage:
        return replace(self, terms=terms)


@dataclass
class Numbers:
    values: list[list[float]]

    def tolist(self) -> list[list[float]]:
        return self.values


class Lengths:
    """Embeds a text as its length, and has room for no more than the passage."""

    max_tokens = 0

    def count_tokens(self, text: str) -> int:
        return len(text)

    def embed_counted(self, texts: Sequence[str]) -> tuple[Numbers, int]:
        return Numbers([[float(len(text))] for text in texts]), len(texts)


@dataclass
class World:
    """A document of five passages in the live index."""

    answers: str = "v_a"
    next: IndexRef | None = NEXT
    live: dict[str, Passage] = field(default_factory=dict)
    put_there: dict[str, tuple[Passage, Sequence[float]]] = field(default_factory=dict)
    while_putting: Callable[[], None] | None = None
    was_put: bool = False
    size: int = 2_000

    def __post_init__(self) -> None:
        for n in range(5):
            key = vector_key("doc_a", "v_a", n)
            self.live[key] = Passage(key, "x" * (n + 1))

    def tenant_state(self, tenant: str) -> TenantState | None:
        return TenantState(INDEX, self.next)

    def live_index(self, tenant: str) -> IndexRef | None:
        return INDEX

    def document(self, tenant: str, document_id: str) -> Document | None:
        return document(self.answers) if self.answers else None

    def carried(self, index: IndexRef, keys: Sequence[str]) -> Sequence[Passage]:
        assert index == INDEX
        return [self.live[key] for key in keys if key in self.live]

    def put(
        self, index: IndexRef, carried: Sequence[Passage], vectors: Sequence[Sequence[float]]
    ) -> int:
        assert index == self.next
        for each, vector in zip(carried, vectors, strict=True):
            self.put_there[each.key] = (each, vector)
        self.was_put = True
        if self.while_putting is not None:
            self.while_putting()
        return self.size

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        for key in keys:
            self.put_there.pop(key, None)

    def run(self, first: int = 0, count: int = 5) -> int:
        request = ReembedRequest(
            tenant="acme",
            job_id="01J",
            correlation_id="c",
            document_id="doc_a",
            version="v_a",
            first=first,
            count=count,
        )
        ticks = iter([1.0, 3.0])
        deps = core.Deps(self, self, lambda model: Lengths(), lambda: next(ticks), 1.5)
        result = core.run(request, deps)
        assert result.gb_seconds == 3.0
        assert result.put_bytes == (max(MIN_PUT_BYTES, self.size) if self.was_put else 0)
        return result.put


def test_a_slice_is_put_with_what_it_carries() -> None:
    world = World()
    assert world.run(first=1, count=2) == 2
    key = vector_key("doc_a", "v_a", 2)
    assert world.put_there[key] == (world.live[key], [3.0])
    assert len(world.put_there) == 2


@pytest.mark.parametrize(
    ("name", "terms"), [("acme-next", ""), ("acme-next.terms", "manual txt pump hall ich lauf")]
)
def test_a_passage_gets_the_terms_that_the_next_index_compares(name: str, terms: str) -> None:
    world = World(next=IndexRef(INDEX.bucket, name, "next"))
    key = vector_key("doc_a", "v_a", 0)
    told = {"path": "plant/manual.txt", "heading": "Pump hall", "language": "de"}
    world.live[key] = Passage(key, "Ich laufe", metadata=told, terms="of an older release")
    assert world.run(count=1) == 1
    assert world.put_there[key][0].terms == terms


def test_a_put_is_billed_by_its_bytes_and_for_128_kib_at_least() -> None:
    """Amazon S3 pricing, S3 Vectors: PUT. https://aws.amazon.com/s3/pricing/"""
    assert World(size=1_000_000).run() == 5
    assert World(size=1).run() == 5


def test_a_picture_is_embedded_anew_by_what_is_seen_in_it() -> None:
    world = World()
    key = vector_key("doc_a", "v_a", 2)
    seen = (Label(name="cat", share=0.75), Label(name="lynx", share=0.25))
    world.live[key] = Passage(key, "Picture a.png: cat", seen)
    assert world.run() == 5
    assert world.put_there[key][1] == [1.0]
    assert world.put_there[vector_key("doc_a", "v_a", 3)][1] == [4.0]


@pytest.mark.parametrize("answers", ["", "v_b"])
def test_a_version_that_answers_no_more_is_left_out(answers: str) -> None:
    world = World(answers=answers)
    assert world.run() == 0
    assert not world.put_there


@pytest.mark.parametrize("answers", ["", "v_b"])
def test_what_was_put_of_a_version_that_went_meanwhile_is_taken_back(answers: str) -> None:
    world = World()

    def go() -> None:
        world.answers = answers

    world.while_putting = go
    assert world.run() == 0
    assert not world.put_there


def test_a_job_that_is_over_puts_nothing() -> None:
    world = World(next=None)
    assert world.run() == 0


def test_an_index_that_lacks_vectors_of_what_answers_is_an_error() -> None:
    world = World()
    world.live.pop(vector_key("doc_a", "v_a", 3))
    with pytest.raises(Conflict, match="4 of 5"):
        world.run()
