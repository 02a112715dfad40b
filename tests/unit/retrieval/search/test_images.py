"""Pictures of a collection that names a model for them, beside its texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.collections import Declaration
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.search import Hit, Neighbour, Scores, VectorScore
from chalicelib.contracts.vision import EmbedImageResult
from chalicelib.errors import Conflict, HeadraceError, InvalidInput, NotFound
from chalicelib.retrieval.search.filters import IndexFilter, admits_images, admits_texts
from chalicelib.retrieval.search.fusion import fuse_rankings
from chalicelib.retrieval.search.images import ImageSearcher
from chalicelib.retrieval.search.query import Query, SearchResult
from chalicelib.retrieval.search.searcher import Searcher
from tests.unit.ingest.fakes import INDEX, FakeTenants
from tests.unit.retrieval.fakes import (
    FakeDeclarations,
    FakeEmbedder,
    FakeLabeller,
    FakeReranker,
    FakeVersions,
    hit,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MODEL = "emoji-clip"
PICTURES = IndexRef(INDEX.bucket, f"acme-pictures.{MODEL}.2", MODEL)
WIDER = IndexRef(INDEX.bucket, f"acme-pictures.{MODEL}.3", MODEL)
OTHER = IndexRef(INDEX.bucket, "acme-pictures.shapes-clip.2", "shapes-clip")
ONLY_PICTURES = {"media_type": ["image/*"]}


def picture(name: str, by: str, similarity: float) -> Hit:
    scores = Scores(vector=VectorScore(rank=1, similarity=similarity))
    found = hit(name, name, media_type="image/png", score=similarity, scores=scores)
    return found.model_copy(update={"heading": by})  # which the fake index filters by


@dataclass
class FakePictureModel:
    """The version that serves; or what it fails by."""

    fails: HeadraceError | None = None
    asked: list[tuple[str, object]] = field(default_factory=list)

    def embed_text(self, model: str, text: str, correlation_id: str) -> EmbedImageResult:
        return self._one(model, text)

    def embed_picture(self, model: str, data: bytes, correlation_id: str) -> EmbedImageResult:
        return self._one(model, data)

    def _one(self, model: str, given: object) -> EmbedImageResult:
        self.asked.append((model, given))
        if self.fails is not None:
            raise self.fails
        return EmbedImageResult(vectors=((0.6, 0.8),), version="clip/2", tokens=3, seconds=0.1)


@dataclass
class FakeIndexes:
    """Hits by index. Of pictures those that the version in the condition made."""

    hits: Mapping[str, Sequence[Hit]]
    asked: list[tuple[str, str, int, IndexFilter | None]] = field(default_factory=list)

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterable[Hit]:
        self.asked.append((index.name, text, count, condition))
        if index.name not in self.hits:
            raise NotFound(index.name)
        return [each for each in self.hits[index.name] if _fits(each, condition)][:count]

    def chunks(self, index: IndexRef, keys: Sequence[str]) -> Mapping[str, Neighbour]:
        return {}


def _fits(found: Hit, condition: IndexFilter | None) -> bool:
    for part in (condition or {}).get("$and", ()):
        wanted = part.get("embedded_by", {})
        if wanted.get("$eq", found.heading) != found.heading or wanted.get("$ne") == found.heading:
            return False
    return True


class World:
    """A collection `c` with two texts and three pictures, one of which another version embedded."""

    def __init__(self) -> None:
        self.model = FakePictureModel()
        self.embedder = FakeEmbedder()
        self.labeller = FakeLabeller()
        self.hits: dict[str, Sequence[Hit]] = {
            INDEX.name: [hit("pump one", "text_1"), hit("pump two", "text_2", score=0.4)],
            PICTURES.name: [
                picture("near", "clip/2", 0.9),
                picture("old", "clip/1", 0.8),
                picture("far", "clip/2", 0.1),
            ],
        }
        self.tenants = FakeTenants(pictures=(OTHER, PICTURES))
        self.picture_model: str | None = MODEL
        self.index = FakeIndexes(self.hits)
        self.reranker: FakeReranker | None = None

    def find(self, text: str = "pump", data: bytes = b"", **asked: Any) -> SearchResult:
        written = asked.pop("filter", None)
        declared = Declaration(
            name="c", picture_model=self.picture_model, created_at=NOW, updated_at=NOW
        )
        versions = dict.fromkeys(("text_1", "text_2", "near", "old", "far"), "v_1")
        searcher = Searcher(
            self.embedder,
            self.tenants,
            self.index,
            FakeVersions(versions),
            FakeDeclarations({"c": declared}),
            self.reranker,
            labeller=self.labeller,
            images=ImageSearcher(self.model, self.index, self.tenants),
        )
        given = Filter.model_validate(written) if written else None
        query = Query("acme", text, "c", 10, "req-1", filter=given, image=data)
        return searcher.search(replace(query, **asked))


def names(found: SearchResult) -> list[str]:
    return [each.document_id for each in found.passages]


def test_texts_and_pictures_should_be_joined_by_their_places() -> None:
    world = World()
    found = world.find()
    assert names(found) == ["text_1", "near", "text_2", "far"]
    assert [each.score for each in found.passages] == [1 / 61, 1 / 61, 1 / 62, 1 / 62]
    text, near = (each.scores for each in found.passages[:2])
    assert (text.picture, text.joined, near.vector, near.joined) == (None, 1 / 61, None, 1 / 61)
    assert near.picture is not None
    assert (near.picture.similarity, near.picture.version) == (0.9, "clip/2")
    (told,) = found.notices
    assert "embedded by another version of emoji-clip than clip/2" in told
    assert "POST /v1/collections/c/pictures" in told
    assert world.model.asked == [(MODEL, "pump")]


def test_only_texts_should_be_asked_of_the_index_of_texts() -> None:
    world = World()
    world.find()
    asked = [(name, count, condition) for name, _, count, condition in world.index.asked]
    own = {"collection": {"$eq": "c"}}
    assert "$nin" in str(next(each for each in asked if each[0] == INDEX.name))
    assert [each for each in asked if each[0] != INDEX.name] == [
        (PICTURES.name, 1, {"$and": [own, {"embedded_by": {"$ne": "clip/2"}}]}),
        (PICTURES.name, 40, {"$and": [own, {"embedded_by": {"$eq": "clip/2"}}]}),
    ]


def test_a_picture_and_a_filter_for_pictures_should_ask_for_nothing_else() -> None:
    world = World()
    found = world.find("", b"cat", filter=ONLY_PICTURES)
    assert names(found) == ["near", "far"]
    assert [each.score for each in found.passages] == [0.9, 0.1]
    assert {name for name, *_ in world.index.asked} == {PICTURES.name}
    assert (world.embedder.calls, found.embedding.model) == ([], "clip/2")
    assert found.image_query is not None
    assert (found.image_query.images_only, found.image_query.images) == (True, 1)


def test_words_and_a_filter_for_pictures_should_ask_for_text_in_them_as_well() -> None:
    world = World()
    found = world.find(filter=ONLY_PICTURES)
    assert {name for name, *_ in world.index.asked} > {PICTURES.name}
    assert found.image_query is not None
    assert not found.image_query.images_only


def test_a_picture_should_find_pictures_before_texts() -> None:
    found = World().find("", b"cat")
    assert names(found) == ["near", "text_1", "far", "text_2"]
    assert found.image_labels is not None
    assert found.image_query is not None
    assert found.image_query.images == 1


@pytest.mark.parametrize(
    "fails", [InvalidInput("leave words out"), Conflict("models serve emoji-clip VERSION")]
)
def test_what_the_model_cannot_do_should_be_done_by_labels_and_told(fails: HeadraceError) -> None:
    world = World()
    world.model.fails = fails
    found = world.find()
    assert names(found) == ["text_1", "text_2"]
    (told,) = found.notices
    assert fails.message in told
    assert "$nin" not in str(world.index.asked[0][-1])
    assert found.image_query is None


def test_who_asks_for_texts_or_names_no_model_should_ask_no_model() -> None:
    asked: dict[str, Any]
    for asked in ({"texts_only": True}, {"filter": {"media_type": ["text/plain"]}}):
        world = World()
        assert world.find(**asked).image_query is None
        assert world.model.asked == []
    world = World()
    world.picture_model = None
    assert names(world.find()) == ["text_1", "text_2"]
    assert world.find(collection=None).image_query is None
    by_filter: dict[str, Any] = {"filter": {"collection": ["c"]}, "collection": None}
    world.picture_model = MODEL
    assert world.find(**by_filter).image_query is not None
    assert world.find(filter={"collection": ["c", "d"]}, collection=None).image_query is None


def test_pictures_of_a_version_with_other_dimensions_should_be_told_of() -> None:
    world = World()
    world.tenants.pictures = (WIDER,)
    world.hits[WIDER.name] = [picture("wide", "clip/1", 0.5)]
    found = world.find()
    assert names(found) == ["text_1", "text_2"]
    assert "another version" in found.notices[0]
    world.hits[WIDER.name] = []
    assert world.find().notices == ()


def test_an_index_that_is_named_and_not_made_yet_should_have_nothing() -> None:
    world = World()
    del world.hits[PICTURES.name]
    found = world.find()
    assert (names(found), found.notices) == (["text_1", "text_2"], ())


def test_texts_should_be_reranked_among_themselves() -> None:
    world = World()
    world.reranker = FakeReranker()
    assert names(world.find(rerank=True)) == ["text_2", "near", "text_1", "far"]


@given(st.integers(0, 30), st.integers(0, 30))
def test_joining_should_keep_both_orders_and_lose_nothing(first: int, second: int) -> None:
    ones = [hit("a", f"a{n}") for n in range(first)]
    others = [hit("b", f"b{n}") for n in range(second)]
    found = fuse_rankings(ones, others)
    ids = [each.document_id for each in found]
    assert [each for each in ids if each[0] == "a"] == [each.document_id for each in ones]
    assert [each for each in ids if each[0] == "b"] == [each.document_id for each in others]
    assert len(ids) == first + second
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


@pytest.mark.parametrize(
    ("kinds", "pictures", "texts"),
    [
        (None, True, True),
        (["image/*"], True, False),
        (["image/png"], True, False),
        (["text/plain"], False, True),
        (["text/plain", "image/gif"], True, True),
        (["image/svg+xml"], False, True),
    ],
)
def test_a_filter_should_say_what_it_lets_through(
    kinds: list[str] | None, pictures: bool, texts: bool
) -> None:
    asked = Filter.model_validate({"media_type": kinds, "path": "a/"})
    assert (admits_images(asked), admits_texts(asked)) == (pictures, texts)
    assert admits_images(None)
    assert admits_texts(None)
