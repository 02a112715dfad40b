"""The new vector of a picture, put into the index of its model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from chalicelib.adapters.s3vectors import StoredVector
from chalicelib.contracts.documents import Document
from chalicelib.contracts.indexes import IndexRef, TenantState
from chalicelib.contracts.ingest import Spent
from chalicelib.contracts.jobs import ReembedRequest
from chalicelib.contracts.vision import PictureVector
from chalicelib.errors import Conflict, NotFound
from chalicelib.ingest.receipts import MIN_PUT_BYTES
from chalicelib.retrieval.ids import reembedded_key, vector_key
from functions.reembed_passages import pictures
from tests.unit.ingest.examples import document
from tests.unit.ingest.fakes import INDEX, FakeObjects

KEY = vector_key("doc_a", "v_a", 0)
OWN = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.2", "emoji-clip")
WIDER = IndexRef(INDEX.bucket, "acme-pictures.emoji-clip.3", "emoji-clip")
OTHER = IndexRef(INDEX.bucket, "acme-pictures.shapes-clip.2", "shapes-clip")
UNMADE = IndexRef(INDEX.bucket, "acme-pictures.shapes-clip.9", "shapes-clip")


@dataclass
class World:
    """A picture whose vectors of before are in two indexes."""

    answers: str = "v_a"
    live: dict[str, StoredVector] = field(
        default_factory=lambda: {KEY: StoredVector(KEY, {"text": "cat", "media_type": "image/png"})}
    )
    held: dict[str, dict[str, StoredVector]] = field(
        default_factory=lambda: {each.name: {KEY: StoredVector(KEY, {})} for each in (WIDER, OTHER)}
    )
    while_putting: Callable[[], None] | None = None
    was_put: bool = False
    opened: int = 0
    named: tuple[IndexRef, ...] = ()

    def tenant_state(self, tenant: str) -> TenantState | None:
        held = (each for each in (OWN, WIDER, OTHER) if each.name in self.held)
        return TenantState(INDEX, pictures=(*held, UNMADE, *self.named))

    def live_index(self, tenant: str) -> IndexRef | None:
        return INDEX

    def document(self, tenant: str, document_id: str) -> Document | None:
        return document(self.answers) if self.answers else None

    def carried(self, index: IndexRef, keys: Sequence[str]) -> Sequence[StoredVector]:
        assert index == INDEX
        return [self.live[key] for key in keys if key in self.live]

    def open(self, tenant: str, index: IndexRef, dimensions: int) -> None:
        assert (index, dimensions) == (OWN, 2)
        self.opened += 1
        self.held.setdefault(index.name, {})

    def put(
        self, index: IndexRef, carried: Sequence[StoredVector], vectors: Sequence[Sequence[float]]
    ) -> int:
        assert list(vectors) == [(0.6, 0.8)]
        if index.name not in self.held:
            raise NotFound(index.name)
        self.held[index.name] |= {each.key: each for each in carried}
        self.was_put = True
        if self.while_putting is not None:
            self.while_putting()
        return 2_000

    def delete(self, index: IndexRef, keys: Sequence[str]) -> None:
        if index.name not in self.held:
            raise NotFound(index.name)
        for key in keys:
            self.held[index.name].pop(key, None)

    def run(self) -> int:
        made = PictureVector(model="emoji-clip", embedded_by="clip/2", vector=(0.6, 0.8))
        key = reembedded_key("acme", "01J", "doc_a")
        objects = FakeObjects({key: made.model_dump_json().encode()})
        request = ReembedRequest(
            tenant="acme",
            job_id="01J",
            correlation_id="c",
            bucket="documents",
            document_id="doc_a",
            version="v_a",
            first=0,
            count=1,
            picture_model="emoji-clip",
            picture_embedding=Spent(seconds=1, gb_seconds=2),
        )
        ticks = iter([1.0, 3.0])
        deps = pictures.Deps(self, objects, self, self, lambda: next(ticks), 1.5)
        result = pictures.run(request, deps)
        assert result.gb_seconds == 5.0
        assert result.put_bytes == (MIN_PUT_BYTES if self.was_put else 0)
        return result.put


def test_a_picture_is_put_with_what_it_carries_and_leaves_indexes_of_before() -> None:
    world = World()
    for _ in range(2):
        assert world.run() == 1
    assert world.opened == 1
    assert world.held[OWN.name] == {
        KEY: StoredVector(KEY, {"text": "cat", "media_type": "image/png", "embedded_by": "clip/2"})
    }
    assert world.held[WIDER.name] == world.held[OTHER.name] == {}


def test_an_index_that_is_named_and_was_never_made_is_made() -> None:
    world = World(named=(OWN,))
    assert world.run() == 1
    assert (world.opened, list(world.held[OWN.name])) == (1, [KEY])


@pytest.mark.parametrize("answers", ["", "v_b"])
def test_a_version_that_answers_no_more_is_left_out(answers: str) -> None:
    world = World(answers=answers)
    assert world.run() == 0
    assert OWN.name not in world.held


def test_what_was_put_of_a_version_that_went_meanwhile_is_taken_back() -> None:
    world = World()

    def remove() -> None:
        world.answers = ""

    world.while_putting = remove
    assert world.run() == 0
    assert world.held[OWN.name] == {}


def test_what_an_attempt_that_was_cut_off_had_put_of_it_is_taken_back_too() -> None:
    world = World(answers="")
    world.held[OWN.name] = {KEY: StoredVector(KEY, {})}
    assert world.run() == 0
    assert world.held[OWN.name] == {}


def test_a_picture_that_answers_and_is_not_in_the_index_of_texts_is_an_error() -> None:
    with pytest.raises(Conflict, match="has no vector of v_a"):
        World(live={}).run()
