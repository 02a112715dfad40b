from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.s3vectors import S3VectorsService
from localcloud.s3vectors.query_operations import fuse
from localcloud.service import CloudContext
from tests.unit.s3vectors.calls import WHERE, create, keys, put, query, refused, vector

EAST = {"float32": [1.0, 0.0]}


def library(service: S3VectorsService) -> None:
    create(service, hidden=["text"], searched=["text"])
    put(
        service,
        vector("a", [1, 0], text="the mill race feeds the wheel", page=1, kind="prose"),
        vector("b", [1, 1], text="a weir holds the pond", page=2, kind="prose"),
        vector("c", [0, 1], text="the race of the mill, the mill race", page=3, kind="verse"),
    )


def test_a_vector_query_ranks_by_distance(service: S3VectorsService) -> None:
    library(service)
    found = query(service, queryVector=EAST, returnDistance=True)
    assert keys(found) == ["a", "b", "c"]
    assert [hit["distance"] for hit in found] == pytest.approx([0, 1 - 2**-0.5, 1], abs=1e-6)
    assert set(found[0]) == {"key", "distance"}


def test_a_euclidean_index_ranks_by_length(service: S3VectorsService) -> None:
    create(service, metric="euclidean")
    put(service, vector("far", [4, 4]), vector("near", [0, 0]))
    found = query(service, queryVector={"float32": [1.0, 0.0]}, returnDistance=True)
    assert [(hit["key"], hit["distance"]) for hit in found] == [("near", 1.0), ("far", 5.0)]


def test_a_text_query_ranks_by_bm25_and_leaves_out_what_does_not_match(
    service: S3VectorsService,
) -> None:
    library(service)
    found = query(
        service,
        queryTexts=[{"text": "Mill RACE", "metadataKey": "text"}],
        returnScores=True,
        returnDistance=True,
    )
    assert keys(found) == ["c", "a"]
    assert set(found[0]) == {"key", "scores"}
    (score,) = found[0]["scores"]["bm25Scores"]
    assert score["metadataKey"] == "text"
    assert score["score"] > found[1]["scores"]["bm25Scores"][0]["score"] > 0
    assert set(found[0]["scores"]) == {"bm25Scores"}


def test_a_hybrid_query_fuses_both_rankings(service: S3VectorsService) -> None:
    library(service)
    found = query(
        service,
        queryVector=EAST,
        queryTexts=[{"text": "mill race", "metadataKey": "text"}],
        returnScores=True,
        returnDistance=True,
    )
    # By vector a, b, c; by text c, a.
    assert {hit["key"]: hit["scores"]["fused"] for hit in found} == pytest.approx(
        {"a": 1 / 61 + 1 / 62, "c": 1 / 63 + 1 / 61, "b": 1 / 62}
    )
    assert keys(found) == ["a", "c", "b"]
    assert found[0]["scores"]["vectorDistance"] == found[0]["distance"]
    assert found[2]["scores"]["bm25Scores"] == []


def test_scores_are_not_added_to_a_vector_query(service: S3VectorsService) -> None:
    library(service)
    assert set(query(service, queryVector=EAST, returnScores=True)[0]) == {"key"}


def test_a_filter_is_applied_before_the_search(service: S3VectorsService) -> None:
    library(service)
    asked: dict[str, Any] = {"queryVector": EAST, "topK": 1, "returnMetadata": True}
    (hit,) = query(service, **asked, filter={"kind": "verse"})
    assert hit["metadata"]["page"] == 3
    (hit,) = query(service, **asked, filter={"kind": {"$startsWith": "ver"}})
    assert hit["key"] == "c"
    assert query(service, **asked, filter={"kind": "drama"}) == []
    hybrid = query(
        service,
        queryVector=EAST,
        queryTexts=[{"text": "race", "metadataKey": "text"}],
        filter={"page": {"$gte": 2}},
    )
    assert keys(hybrid) == ["c", "b"]


def test_a_write_shows_at_once_and_statistics_follow(service: S3VectorsService) -> None:
    library(service)
    asked: dict[str, Any] = {"queryTexts": [{"text": "weir", "metadataKey": "text"}]}
    assert keys(query(service, **asked)) == ["b"]
    put(service, vector("a", [0, 1], text="a weir, and a weir"))
    assert keys(query(service, **asked)) == ["a", "b"]
    assert keys(query(service, queryVector=EAST)) == ["b", "c", "a"]
    service.delete_vectors({**WHERE, "keys": ["b", "nobody"]})
    assert keys(query(service, **asked)) == ["a"]
    assert query(service, queryVector=EAST, filter={"kind": "prose"}) == []


def test_memory_and_disk_agree_after_many_writes(
    service: S3VectorsService, surroundings: CloudContext
) -> None:
    create(service, searched=["text"])
    generator = np.random.default_rng(5)
    words = ["mill", "race", "weir", "pond", "wheel"]
    query(service, queryVector=EAST)
    for _ in range(60):
        put(
            service,
            *(
                vector(
                    f"k{key}",
                    [1, float(generator.normal())],
                    text=" ".join(generator.choice(words, 4)),
                )
                for key in generator.choice(80, 30, replace=False)
            ),
        )
        service.delete_vectors({**WHERE, "keys": [f"k{generator.integers(80)}"]})
    asked: dict[str, Any] = {
        "queryVector": EAST,
        "queryTexts": [{"text": "mill weir", "metadataKey": "text"}],
        "topK": 100,
        "returnScores": True,
        "returnMetadata": True,
    }
    fresh = S3VectorsService(surroundings)
    try:
        assert query(service, **asked) == query(fresh, **asked)
    finally:
        fresh.stop()


def test_more_than_a_page_comes_in_pages(service: S3VectorsService) -> None:
    create(service)
    put(service, *(vector(f"k{n:03}", [1, n / 1000]) for n in range(250)))
    asked: dict[str, Any] = {**WHERE, "topK": 240, "queryVector": EAST}
    found: list[str] = []
    token = None
    sizes = []
    while True:
        answer = service.query_vectors(asked | ({"nextToken": token} if token else {}))
        sizes.append(len(answer["vectors"]))
        found += keys(answer["vectors"])
        token = answer["nextToken"]
        if token is None:
            break
    assert sizes == [100, 100, 40]
    assert found == [f"k{n:03}" for n in range(240)]


def test_a_token_of_another_query_is_refused(service: S3VectorsService) -> None:
    create(service)
    put(service, *(vector(f"k{n}", [1, n]) for n in range(150)))
    answer = service.query_vectors({**WHERE, "topK": 150, "queryVector": EAST})
    for token, top in ((answer["nextToken"], 149), ("nonsense", 150), ("W10=", 150)):
        refused(
            lambda token=token, top=top: query(  # type: ignore[misc]
                service, topK=top, queryVector=EAST, nextToken=token
            ),
            "ValidationException",
            "Invalid pagination token",
        )


@pytest.mark.parametrize(
    ("params", "path", "message"),
    [
        ({}, "queryVector", "queryVector, queryTexts, or both"),
        ({"queryVector": EAST, "topK": 10_001}, "topK", "between 1 and 10000"),
        ({"queryVector": {"float32": [1.0]}}, "queryVector", "length 2, but has length 1"),
        ({"queryVector": {"float32": [0.0, 0.0]}}, "queryVector", "zero vector"),
        ({"queryVector": {"float32": [1.0, float("nan")]}}, "queryVector", "valid floating-point"),
        ({"queryVector": EAST, "queryMode": "CLASSIC"}, "queryMode", "CLASSIC can't be specified"),
        ({"queryTexts": [{"text": "x", "metadataKey": "page"}]}, "queryTexts", "not full-text"),
        (
            {"queryTexts": [{"text": "x", "metadataKey": "text"}] * 2},
            "queryTexts",
            "distinct metadata key",
        ),
        ({"queryVector": EAST, "filter": {"text": "x"}}, "filter", "non-filterable"),
        ({"queryVector": EAST, "filter": {}}, "filter", "Invalid filter"),
    ],
)
def test_what_the_service_refuses_is_refused(
    service: S3VectorsService, params: dict[str, Any], path: str, message: str
) -> None:
    library(service)
    error = refused(lambda: query(service, **params), "ValidationException", message)
    assert error.fields["fieldList"][0]["path"] == path


RANKINGS = st.lists(st.lists(st.integers(0, 9), unique=True), max_size=4)


@given(RANKINGS)
def test_fusion_is_the_sum_of_reciprocal_ranks(rankings: list[list[int]]) -> None:
    expected: dict[int, float] = {}
    for ranking in rankings:
        for item in ranking:
            expected[item] = expected.get(item, 0.0) + 1 / (60 + ranking.index(item) + 1)
    fused = fuse(rankings)
    assert dict(fused) == expected
    assert [item for item, _ in fused] == sorted(expected, key=lambda item: (-expected[item], item))


def test_what_two_rankings_agree_on_comes_first() -> None:
    assert [item for item, _ in fuse([[1, 2, 3], [4, 2, 5]])] == [2, 1, 4, 3, 5]
