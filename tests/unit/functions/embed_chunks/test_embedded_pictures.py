"""The vector that a served model has of a picture, put beside the one of what is seen in it."""

from __future__ import annotations

import pytest

from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.ingest import Chunk, EmbedResult, Spent, nothing_spent
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.contracts.picture_labels import Label
from chalicelib.contracts.vision import PictureVector
from chalicelib.errors import NotFound
from chalicelib.generation.model_file import served_models
from chalicelib.retrieval.ids import (
    chunks_key,
    image_index_dimensions,
    image_index_model,
    image_index_name,
    picture_key,
    vector_key,
)
from tests.unit.functions.embed_chunks.test_embed_chunks import PLACE, World
from tests.unit.ingest.fakes import INDEX

MODEL = "emoji-clip"
PICTURES = IndexRef(INDEX.bucket, f"acme-pictures.{MODEL}.2", MODEL)
KEY = vector_key("doc_a", "v_a", 0)
LABELS = (Label(name="cat", share=0.75),)


def world() -> World:
    made = World(1)
    passage = Chunk(n=0, page=1, heading="", start=0, end=3, text="cat", labels=LABELS)
    vector = PictureVector(model=MODEL, embedded_by="clip/1", vector=(0.6, 0.8))
    made.objects.bodies[chunks_key(*PLACE)] = dump_lines([passage])
    made.objects.bodies[picture_key(*PLACE)] = vector.model_dump_json().encode()
    return made


def embed(made: World) -> EmbedResult:
    used = Spent(seconds=0.5, gb_seconds=1.0, images=1)
    return made.run(
        1, model=MODEL, picture_embedding=used, labelling=used, chunking=nothing_spent()
    )


def test_the_first_picture_makes_the_index_and_those_after_it_do_not() -> None:
    made = world()
    for _ in range(2):
        assert embed(made).vectors == 1
    assert made.opened == [("acme", PICTURES.name, 2)]
    (vector,) = made.vectors.of(PICTURES).values()
    assert (vector.key, vector.values) == (KEY, (0.6, 0.8))
    assert vector.metadata.wire() == {
        **made.vectors.kept[KEY].metadata.wire(),
        "embedded_by": "clip/1",
    }
    assert "embedded_by" not in made.vectors.kept[KEY].metadata.wire()


def test_an_index_that_is_named_and_was_never_made_is_made() -> None:
    made = world()
    made.tenants.pictures = (PICTURES,)

    def unmade(index: IndexRef) -> None:
        if index == PICTURES and not made.opened:
            raise NotFound(index.name)

    made.vectors.before_put = unmade
    embed(made)
    assert made.opened == [("acme", PICTURES.name, 2)]
    assert list(made.vectors.of(PICTURES)) == [KEY]


def test_the_receipt_has_a_line_for_the_model_that_served() -> None:
    receipt = embed(world()).receipt
    lines = {line.role: line for line in receipt.lines}
    assert list(lines) == [
        *("reading", "picture embedding", "labelling"),
        *("embedding", "indexing", "orchestration", "requests"),
    ]
    line = lines["picture embedding"]
    assert (line.model, line.priced_as, line.images, line.seconds) == ("clip/1", "lambda", 1, 0.5)
    assert receipt.transitions == 6
    without = world()
    plain = without.run(1, labelling=Spent(seconds=0, gb_seconds=0), chunking=nothing_spent())
    assert plain.receipt.transitions == 5
    assert (without.opened, without.vectors.of(PICTURES)) == ([], {})
    indexing = next(line for line in plain.receipt.lines if line.role == "indexing")
    assert lines["indexing"].dollars >= indexing.dollars


@pytest.mark.parametrize("model", served_models().models_in_function("embed_image"))
def test_the_name_of_an_index_fits_and_says_whose_it_is(model: str) -> None:
    name = image_index_name("t" * 31, model, 4096)
    assert (
        len(name) <= 63
    )  # https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-vectors-limitations.html
    assert (image_index_model(name), image_index_dimensions(name)) == (model, 4096)
