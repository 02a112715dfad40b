from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from chalicelib.contracts.answer_log import RatedSpan
from chalicelib.contracts.collections import Declaration, DocumentUsage
from chalicelib.contracts.filters import Filter
from chalicelib.contracts.indexes import IndexRef
from chalicelib.contracts.search import Hit, Neighbour
from chalicelib.errors import HeadraceError, InvalidInput, NotFound, Transient, Unsupported
from chalicelib.retrieval.ids import MAX_DEPTH, path_hash, path_hashes, vector_key
from chalicelib.retrieval.search.collection_names import MAX_LOOKED_AT
from chalicelib.retrieval.search.feedback_boost import Vote
from chalicelib.retrieval.search.filters import IndexFilter
from chalicelib.retrieval.search.query import Query, SearchResult
from chalicelib.retrieval.search.ranking import add_neighbours, fetch_count, merge_overlapping
from chalicelib.retrieval.search.reranker import MAX_RERANKED
from chalicelib.retrieval.search.searcher import MAX_FETCHED, Searcher, VoteRecords
from tests.unit.ingest.fakes import INDEX, FakeTenants
from tests.unit.retrieval.fakes import (
    FakeDeclarations,
    FakeEmbedder,
    FakeIndex,
    FakeLabeller,
    FakeReranker,
    FakeVersions,
    hit,
    vector_of,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = "The pump weighs 41 kg. It hums. Nobody knows why it does, or since when."


@dataclass
class MovingTenants(FakeTenants):
    """A pointer that moves on from the first index once it was read."""

    reads: int = 0

    def live_index(self, tenant: str) -> IndexRef | None:
        self.reads += 1
        return IndexRef("b", f"index-{self.reads}", f"model-{self.reads}")


@dataclass
class RemovedIndex(FakeIndex):
    """An index that is gone by its first name."""

    gone: str = "index-1"

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterable[Hit]:
        if index.name == self.gone:
            raise NotFound("no such index")
        return super().query(index, vector, text, count=count, condition=condition)


@dataclass
class Counted:
    """Votes for the passage that begins at 100, and the states that they were asked for in."""

    states: list[tuple[str, int]] = field(default_factory=list)

    def votes(self, tenant: str, state: int) -> Sequence[Vote]:
        self.states.append((tenant, state))
        place = {"document_id": "doc_a", "version": "v_1", "page": 1, "start": 100, "end": 106}
        return [Vote("words", vector_of("pump"), (RatedSpan.model_validate(place | {"mark": 1}),))]


class World:
    def __init__(self, hits: Sequence[Hit] = (hit("the pump"),)) -> None:
        self.embedder = FakeEmbedder()
        self.index = FakeIndex(hits)
        self.tenants = FakeTenants()
        self.declared: dict[str, Declaration] = {}
        self.reranker: FakeReranker | None = None
        self.reranks = True
        self.asks: bool | None = None
        self.votes: VoteRecords | None = None

    def find(
        self, tenant: str = "acme", top_k: int = 10, text: str = "pump", **written: object
    ) -> SearchResult:
        asked = Filter.model_validate(written) if written else None
        searcher = Searcher(
            self.embedder,
            self.tenants,
            self.index,
            FakeVersions({"doc_a": "v_1"}),
            FakeDeclarations(self.declared),
            self.reranker,
            self.votes,
            self.reranks,
        )
        query = Query(tenant, text, "c", top_k, "req-1", filter=asked, rerank=self.asks)
        return searcher.search(query)


def test_should_ask_an_index_that_has_terms_for_stems_and_embed_the_query_as_it_is() -> None:
    world = World()
    world.tenants.index = IndexRef("b", "acme-m.terms", "m")
    world.find(text="Maintaining the pumps")
    assert world.index.asked[0]["text"] == "maintain pump"
    assert world.embedder.calls == [("Maintaining the pumps",)]


def test_should_embed_the_query_by_the_model_of_the_index() -> None:
    world = World()
    found = world.find()
    assert world.embedder.models == [INDEX.model]
    assert found.index == INDEX


def test_should_find_nothing_for_a_tenant_without_an_index() -> None:
    world = World()
    found = world.find("stranger")
    assert (found.passages, found.index, world.index.asked) == ((), None, [])


def test_should_look_again_where_the_index_was_removed_under_the_query() -> None:
    world = World()
    world.tenants, world.index = MovingTenants(), RemovedIndex([hit("the pump")])
    found = world.find()
    assert [passage.text for passage in found.passages] == ["the pump"]
    assert world.embedder.models == ["model-1", "model-2"]


def test_should_hand_the_index_collection_and_filter_as_one() -> None:
    world = World()
    world.find(path="a/")
    assert world.index.asked[0]["condition"] == {
        "$and": [{"collection": {"$eq": "c"}}, {"folders": {"$eq": path_hash("a/")}}]
    }


def test_should_hold_a_filter_to_what_the_collection_declares() -> None:
    world = World()
    world.declared["c"] = Declaration(
        name="c", fields={"year": "number"}, created_at=NOW, updated_at=NOW
    )
    with pytest.raises(InvalidInput, match="in the collection c this is a number"):
        world.find(metadata={"year": "last"})
    assert not world.embedder.calls


def test_should_let_a_reranker_order_before_the_cut() -> None:
    world = World([hit("the pump", start=0), hit("a pump", start=100)])
    world.reranker = reranker = FakeReranker()
    assert [passage.text for passage in world.find(top_k=1).passages] == ["a pump"]
    assert reranker.asked == [("pump", 2)]


def test_should_show_the_reranker_more_than_is_asked_for_and_no_more_than_it_looks_at() -> None:
    world = World([hit(f"pump {n}", start=100 * n, score=1 - n / 100) for n in range(60)])
    world.reranker = reranker = FakeReranker()
    found = world.find(top_k=40)
    order = [passage.start // 100 for passage in found.passages]
    assert order == [*reversed(range(MAX_RERANKED)), *range(MAX_RERANKED, 40)]
    assert [passage.score for passage in found.passages] == [1 - n / 100 for n in range(40)]
    assert [passage.scores.rerank for passage in found.passages[MAX_RERANKED:]] == [None] * 20
    world.find(top_k=3)
    assert [seen for _, seen in reranker.asked] == [MAX_RERANKED, MAX_RERANKED]
    assert world.index.asked[1]["count"] == fetch_count(MAX_RERANKED, MAX_FETCHED)


@pytest.mark.parametrize(
    ("stage", "query", "reranked"),
    [(True, None, True), (False, None, False), (True, False, False), (False, True, True)],
)
def test_should_rerank_where_the_query_or_else_the_stage_says_so(
    stage: bool, query: bool | None, reranked: bool
) -> None:
    world = World([hit("the pump", start=0), hit("a pump", start=100)])
    world.reranker, world.reranks, world.asks = FakeReranker(), stage, query
    found = world.find(top_k=1)
    assert (found.rerank_result is not None) is reranked
    assert found.passages[0].text == ("a pump" if reranked else "the pump")
    assert (world.index.asked[0]["count"] == fetch_count(1, MAX_FETCHED)) is not reranked


def test_should_leave_the_index_s_order_where_the_reranker_fails() -> None:
    world = World([hit("the pump", start=0), hit("a pump", start=100)])
    world.reranker = FakeReranker(Transient("down"))
    found = world.find()
    assert [passage.text for passage in found.passages] == ["the pump", "a pump"]
    assert found.rerank_result is None
    assert found.notices == ("The passages could not be reranked (Transient).",)


def test_should_not_call_the_reranker_for_nothing() -> None:
    world = World(())
    world.reranker = reranker = FakeReranker()
    assert (world.find().passages, reranker.asked) == ((), [])


def test_should_let_votes_order_after_a_reranker_and_before_the_cut() -> None:
    world = World([hit("a pump", start=100, score=0.48), hit("the pump", start=0, score=0.5)])
    world.reranker = FakeReranker()
    world.votes = Counted()
    found = world.find(top_k=1)
    assert [passage.text for passage in found.passages] == ["a pump"]
    assert len(found.vote_weights) == 1


def test_should_ask_for_votes_in_the_state_that_the_pointer_told() -> None:
    world = World()
    world.tenants = FakeTenants(replace(INDEX, votes=7))
    world.votes = counted = Counted()
    world.find()
    assert counted.states == [("acme", 7)]
    world.find("stranger")
    assert counted.states == [("acme", 7)]


def test_should_take_no_more_hits_than_the_answer_needs() -> None:
    """The first hundred hits are one passage, so that a second hundred is taken, and no third."""
    alike = [hit("the pump", start=0) for _ in range(100)]
    apart = [hit("a pump", start=100 * n) for n in range(1, 301)]
    world = World()
    taken = Counting([*alike, *apart])
    world.index = taken
    found = world.find(top_k=101)
    assert (len(found.passages), taken.given) == (101, 200)


@dataclass
class Counting(FakeIndex):
    """An index that counts what is taken of it."""

    given: int = 0

    def query(
        self,
        index: IndexRef,
        vector: Sequence[float],
        text: str,
        *,
        count: int,
        condition: IndexFilter | None,
    ) -> Iterator[Hit]:
        for found in self.hits:
            self.given += 1
            yield found


def chunk(n: int) -> Neighbour:
    return Neighbour(n=n, page=1, heading="", start=n, end=n + 1, text=str(n))


def chunks(count: int, document: str = "doc_a") -> dict[str, Neighbour]:
    return {vector_key(document, "v_1", n): chunk(n) for n in range(count)}


@pytest.mark.parametrize(
    ("n", "n_last", "before", "after"),
    [(3, 3, [1, 2], [4, 5]), (0, 0, [], [1, 2]), (5, 5, [3, 4], []), (2, 3, [0, 1], [4, 5])],
)
def test_should_show_what_is_before_and_after_a_hit(
    n: int, n_last: int, before: list[int], after: list[int]
) -> None:
    index = FakeIndex((), others=chunks(6))
    (found,) = add_neighbours(index, INDEX, [hit("x", n=n, n_last=n_last)], 2)
    assert [each.n for each in found.before] == before
    assert [each.n for each in found.after] == after


def test_should_not_take_another_version_for_a_neighbour() -> None:
    index = FakeIndex((), others=chunks(6))
    (found,) = add_neighbours(index, INDEX, [hit("x", version="v_2", n=3, n_last=3)], 1)
    assert (found.before, found.after) == ((), ())


def test_should_number_a_merged_passage_by_its_ends_and_keep_the_better_s_scores() -> None:
    parts = [
        hit(PAGE[10:40], start=10, n=4, n_last=4, score=0.2, scores={"fused": 0.2}),
        hit(PAGE[0:20], start=0, n=3, n_last=3, score=0.1, scores={"fused": 0.1}),
    ]
    (merged,) = merge_overlapping(parts)
    assert (merged.n, merged.n_last, merged.score, merged.scores.fused) == (3, 4, 0.2, 0.2)


def test_should_hash_a_path_and_each_folder_above_it() -> None:
    assert path_hashes("a/b/c.md") == tuple(map(path_hash, ("a/b/c.md", "a/", "a/b/")))
    assert path_hashes("c.md") == (path_hash("c.md"),)


def test_should_hash_no_more_folders_than_can_be_asked_for() -> None:
    deep = "f/" * (MAX_DEPTH + 3) + "c.md"
    assert len(path_hashes(deep)) == MAX_DEPTH + 1
    assert path_hash("f/" * MAX_DEPTH) in path_hashes(deep)


def by_picture(world: World, labeller: FakeLabeller | None, **fields: object) -> SearchResult:
    searcher = Searcher(
        world.embedder,
        world.tenants,
        world.index,
        FakeVersions({"doc_a": "v_1"}),
        FakeDeclarations(),
        world.reranker,
        labeller=labeller,
    )
    query = Query("acme", "", None, 10, "req-1", image=b"pump", rerank=True)
    return searcher.search(replace(query, **fields))  # type: ignore[arg-type]


def test_a_picture_should_be_searched_by_the_mean_of_what_is_seen() -> None:
    world, labeller = World(), FakeLabeller()
    world.reranker = FakeReranker()
    found = by_picture(world, labeller)
    assert labeller.asked == [(b"pump", "req-1")]
    assert world.embedder.calls == [("a photo of a pump", "a photo of a sock")]
    assert world.embedder.models == [INDEX.model]
    parts = [vector_of("a photo of a pump"), vector_of("a photo of a sock")]
    sums = [0.75 * one + 0.25 * other for one, other in zip(*parts, strict=True)]
    length = math.hypot(*sums)
    assert list(found.vector) == pytest.approx([value / length for value in sums])
    assert world.index.vectors == [found.vector]
    assert world.index.asked[0]["text"] == "", "a picture has no words to be looked for"
    assert [passage.text for passage in found.passages] == ["the pump"]
    assert found.image_labels is not None
    assert found.image_labels.labels[0].name == "pump"
    assert (world.reranker.asked, found.rerank_result) == ([], None)


def test_a_picture_should_be_looked_at_once_where_the_index_was_removed_under_it() -> None:
    world, labeller = World(), FakeLabeller()
    world.tenants, world.index = MovingTenants(), RemovedIndex([hit("the pump")])
    by_picture(world, labeller)
    assert len(labeller.asked) == 1
    assert world.embedder.models == ["model-1", "model-2"]


@pytest.mark.parametrize("error", [InvalidInput("damaged"), Transient("busy")])
def test_a_picture_that_cannot_be_looked_at_should_fail_the_search(error: HeadraceError) -> None:
    with pytest.raises(type(error)):
        by_picture(World(), FakeLabeller(error))


def test_a_stage_that_looks_at_no_pictures_should_say_so() -> None:
    with pytest.raises(Unsupported, match="looks at pictures"):
        by_picture(World(), None)


def test_pictures_should_be_left_out_where_texts_alone_are_asked_for() -> None:
    world = World()
    by_picture(world, FakeLabeller(), texts_only=True, collection="c")
    none = ["image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/heic"]
    text = {"$or": [{"media_type": {"$exists": False}}, {"media_type": {"$nin": none}}]}
    assert world.index.asked[0]["condition"] == {
        "$and": [
            {"collection": {"$eq": "c"}},
            {"$or": [text, {"in_picture": {"$eq": True}}]},
        ]
    }


@dataclass
class FakeCollections:
    """A declared collection `papers`, and a document in `station`."""

    documents: int = 1

    def declarations(self, tenant: str) -> Iterator[Declaration]:
        yield Declaration(name="papers", created_at=NOW, updated_at=NOW)

    def held(self, tenant: str) -> Iterator[DocumentUsage]:
        for _ in range(self.documents):
            yield DocumentUsage(collection="station", status="ready")


def searcher_of(collections: FakeCollections, hits: Sequence[Hit] = ()) -> Searcher:
    return Searcher(
        FakeEmbedder(),
        FakeTenants(),
        FakeIndex(hits),
        FakeVersions({"doc_a": "v_1"}),
        FakeDeclarations(),
        collections=collections,
    )


@pytest.mark.parametrize(
    ("collection", "given", "field", "said"),
    [
        ("statoin", None, "collection", "no collection statoin. Did you mean station?"),
        ("x", None, "collection", "There is papers, station."),
        (None, Filter(collection=("paper",)), "filter.collection", "Did you mean papers?"),
    ],
)
def test_should_name_the_collection_that_comes_closest_to_an_unknown_one(
    collection: str | None, given: Filter | None, field: str, said: str
) -> None:
    query = Query("acme", "pump", collection, 10, "req-1", filter=given)
    with pytest.raises(NotFound) as refused:
        searcher_of(FakeCollections()).search(query)
    assert refused.value.field == field
    assert said in refused.value.message


@pytest.mark.parametrize("collection", ["papers", "station", "default", None])
def test_should_find_nothing_in_a_collection_that_exists(collection: str | None) -> None:
    query = Query("acme", "pump", collection, 10, "req-1")
    assert searcher_of(FakeCollections()).search(query).passages == ()


def test_should_refuse_no_name_if_there_are_too_many_documents_to_read() -> None:
    query = Query("acme", "pump", "statoin", 10, "req-1")
    assert searcher_of(FakeCollections(MAX_LOOKED_AT)).search(query).passages == ()
