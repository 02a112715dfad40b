from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chalicelib.contracts.functions.label_picture import (
    LabelDocumentRequest,
    LabelDocumentResult,
    LabelPictureRequest,
    LabelPictureResult,
)
from chalicelib.contracts.ingest import Chunk, Page
from chalicelib.contracts.jsonl import parse_lines
from chalicelib.contracts.page_words import PageWords
from chalicelib.contracts.picture_labels import Label
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.inference.efficientnet import MODEL, EfficientNetLabeller, LabelledImage
from chalicelib.inference.image_pages import page_sizes
from chalicelib.retrieval.ids import chunks_key, pages_key, version_prefix, words_key
from functions.label_picture import core
from tests.unit.functions.afresh import answered_afresh
from tests.unit.ingest.fakes import FakeObjects

PLACE = ("acme", "doc_a", "v_a")
PICTURES = Path(__file__).parents[3] / "data" / "pictures"


@dataclass
class FakeLabeller:
    labels: tuple[Label, ...] = (Label(name="cat", share=0.6), Label(name="lynx", share=0.03))
    frames: int = 1
    given: list[bytes] = field(default_factory=list)

    def label_image(self, data: bytes) -> LabelledImage:
        self.given.append(data)
        return LabelledImage(self.labels, "image/gif", self.frames)


class World:
    def __init__(
        self,
        labeller: core.PictureLabeller,
        sizes: Callable[[bytes], Sequence[tuple[int, int]]] = lambda data: ((640, 480),),
    ) -> None:
        self.objects = FakeObjects({version_prefix(*PLACE) + "source": b"a picture"})
        self.labeller = labeller
        self.sizes = sizes

    def run(self) -> LabelDocumentResult:
        tenant, document, version = PLACE
        request = LabelDocumentRequest(
            tenant=tenant,
            document_id=document,
            version=version,
            path="pets/a.gif",
            bucket="b",
            correlation_id="c",
        )
        ticks = iter([1.0, 1.5])
        deps = core.Deps(self.labeller, self.sizes, "fake", lambda: next(ticks))
        return core.run(request, self.objects, 2.0, deps)


def test_a_picture_becomes_one_page_and_one_passage_with_what_is_seen() -> None:
    labeller = FakeLabeller()
    world = World(labeller)
    result = world.run()
    assert labeller.given == [b"a picture"]
    (page,) = parse_lines(world.objects.bodies[pages_key(*PLACE)], Page, 1)
    (chunk,) = parse_lines(world.objects.bodies[chunks_key(*PLACE)], Chunk, 1)
    assert page.text == chunk.text == "Picture a.gif: cat"
    assert (page.described, page.labels) == (len(page.text), labeller.labels)
    (words,) = parse_lines(world.objects.bodies[words_key(*PLACE)], PageWords, 1)
    assert (words.width, words.height, words.words) == (640, 480, ())
    assert (chunk.start, chunk.end, chunk.labels) == (0, len(page.text), labeller.labels)
    assert world.objects.facts[chunks_key(*PLACE)] == {"lines": "1"}
    assert (result.chunks, result.characters, result.notices) == (1, len(page.text), ())
    used = result.labelling
    assert (used.seconds, used.gb_seconds, used.requests, used.images) == (0.5, 1.0, 1, 1)
    assert result.chunking.requests == 0
    assert (result.pages, result.recognise) == (1, (1,))


def test_looking_twice_writes_the_same() -> None:
    world = World(FakeLabeller())
    world.run()
    before = dict(world.objects.bodies)
    world.run()
    assert world.objects.bodies == before


def test_pages_of_a_tiff_are_to_be_read_and_the_first_is_seen() -> None:
    world = World(FakeLabeller(), lambda data: ((1700, 2200), (2200, 1700)))
    result = world.run()
    assert (result.pages, result.recognise) == (2, (1, 2))
    pages = parse_lines(world.objects.bodies[pages_key(*PLACE)], Page, 2)
    assert [page.text for page in pages] == ["Picture a.gif: cat", ""]
    words = parse_lines(world.objects.bodies[words_key(*PLACE)], PageWords, 2)
    assert [(each.width, each.height) for each in words] == [(1700, 2200), (2200, 1700)]
    assert result.notices == ("What is seen in the picture is that of the first of its 2 pages.",)


def test_what_moves_and_what_is_doubtful_is_said() -> None:
    (moves,) = World(FakeLabeller(frames=12)).run().notices
    assert moves == "The picture moves; of its 12 frames the first was looked at."
    doubted = FakeLabeller((Label(name="doormat", share=0.0513),))
    (doubt,) = World(doubted).run().notices
    assert "nothing was more than 5 % likely" in doubt


def test_a_source_that_is_gone_is_no_picture_of_nothing() -> None:
    world = World(FakeLabeller())
    world.objects.bodies.clear()
    with pytest.raises(NotFound):
        world.run()
    assert not world.objects.bodies


def test_a_real_photograph_is_read(models_dir: Path) -> None:
    world = World(EfficientNetLabeller.open(models_dir), page_sizes)
    world.objects.bodies[version_prefix(*PLACE) + "source"] = (
        PICTURES / "coffee.webp"
    ).read_bytes()
    world.run()
    (chunk,) = parse_lines(world.objects.bodies[chunks_key(*PLACE)], Chunk, 1)
    assert chunk.text.startswith("Picture a.gif: espresso")
    assert chunk.labels[0].share > 0.5


def test_a_damaged_one_leaves_nothing_behind(models_dir: Path) -> None:
    world = World(EfficientNetLabeller.open(models_dir), page_sizes)
    source = version_prefix(*PLACE) + "source"
    world.objects.bodies[source] = (PICTURES / "coffee.webp").read_bytes()[:5_000]
    with pytest.raises(InvalidInput, match="damaged"):
        world.run()
    assert set(world.objects.bodies) == {source}


def test_a_query_s_picture_is_told_with_the_model(models_dir: Path) -> None:
    deps = core.Deps(EfficientNetLabeller.open(models_dir), page_sizes, MODEL, lambda: 0.0)
    data = (PICTURES / "chelsea.png").read_bytes()
    result = core.look(LabelPictureRequest.model_construct(data=data), deps)
    assert "cat" in result.labels[0].name
    assert (result.model, result.media_type) == ("efficientnet-lite0", "image/png")


def test_a_fresh_process_answers_the_sample_without_boto3(models_dir: Path) -> None:
    answer = answered_afresh("label_picture", models_dir)
    assert LabelPictureResult.model_validate(answer).labels
