from __future__ import annotations

import threading
from typing import Any

import pytest

from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext
from tests.unit.s3vectors.calls import WHERE, create, keys, put, query, refused, vector


def test_what_was_put_is_got_as_float32(service: S3VectorsService) -> None:
    create(service)
    put(service, vector("a", [0.1, 1], page=1, tags=["x", 2, True]), vector("b", [1, 0]))
    answer = service.get_vectors(
        {**WHERE, "keys": ["b", "nobody", "a", "a"], "returnData": True, "returnMetadata": True}
    )
    assert keys(answer["vectors"]) == ["b", "a"]
    a = answer["vectors"][1]
    assert a["data"]["float32"] == pytest.approx([0.1, 1], abs=1e-7)
    assert a["data"]["float32"][0] != 0.1
    assert a["metadata"] == {"page": 1, "tags": ["x", 2, True]}
    assert service.get_vectors({**WHERE, "keys": ["a"]})["vectors"] == [{"key": "a"}]


def test_a_put_replaces_the_whole_vector(service: S3VectorsService) -> None:
    create(service)
    put(service, vector("a", [1, 0], page=1))
    put(service, vector("a", [0, 1]))
    (found,) = service.get_vectors(
        {**WHERE, "keys": ["a"], "returnData": True, "returnMetadata": True}
    )["vectors"]
    assert found == {"key": "a", "data": {"float32": [0.0, 1.0]}, "metadata": {}}


def list_all(service: S3VectorsService, **params: Any) -> tuple[list[str], int]:
    found: list[str] = []
    pages = 0
    token = None
    while True:
        answer = service.list_vectors({**WHERE, **params} | ({"nextToken": token} if token else {}))
        found += keys(answer["vectors"])
        pages += 1
        token = answer["nextToken"]
        if token is None:
            return found, pages


def test_a_list_comes_in_pages_and_in_segments(service: S3VectorsService) -> None:
    create(service)
    expected = {f"k{n}" for n in range(230)}
    put(service, *(vector(key, [1, 1]) for key in sorted(expected)))
    found, pages = list_all(service, maxResults=100)
    assert (sorted(found), pages) == (sorted(expected), 3)
    parts = [set(list_all(service, segmentCount=3, segmentIndex=n)[0]) for n in range(3)]
    assert set.union(*parts) == expected
    assert sum(map(len, parts)) == len(expected)
    assert min(map(len, parts)) > 40


def test_a_list_page_holds_at_most_a_megabyte(service: S3VectorsService) -> None:
    create(service, hidden=["text"])
    for n in range(40):
        put(service, vector(f"k{n}", [1, 1], text="x" * 40_000))
    found, pages = list_all(service)
    assert (len(found), pages) == (40, 2)


def test_segments_must_be_whole(service: S3VectorsService) -> None:
    create(service)
    for params in (
        {"segmentCount": 2},
        {"segmentIndex": 0},
        {"segmentCount": 2, "segmentIndex": 2},
    ):
        refused(
            lambda params=params: service.list_vectors({**WHERE, **params}),  # type: ignore[misc]
            "ValidationException",
            "segment",
        )


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            vector("k", [1]),
            "Invalid record for key 'k': vector must have length 2, but has length 1",
        ),
        (vector("k", [0, 0]), "zero vector"),
        (vector("k", [float("inf"), 1]), "valid floating-point"),
        (vector("k", [1e39, 1]), "valid floating-point"),
        ({"key": "k", "data": {}}, "must be float32"),
        (vector("k", [1, 1], page=None), "must be a string, number, boolean or a list"),
        (vector("k", [1, 1], page={"a": 1}), "must be a string, number, boolean or a list"),
        (vector("k", [1, 1], page=["a", None]), "must be a string, number, boolean or a list"),
        (vector("k", [1, 1], page=float("nan")), "finite"),
        (vector("k", [1, 1], **{"$eq": 1}), "must not start with"),
        (vector("k", [1, 1], **{"x" * 64: 1}), "between 1 and 63"),
        (vector("k", [1, 1], **{f"x{n}": n for n in range(51)}), "at most 50 keys"),
        (vector("k", [1, 1], note="x" * 2100), "Filterable metadata must have at most 2048 bytes"),
        (vector("k", [1, 1], note="é" * 1025), "Filterable metadata must have at most 2048 bytes"),
        (vector("k", [1, 1], text="x" * 41_000), "Metadata must have at most 40960 bytes"),
        (vector("k", [1, 1], text=5), "searchable key 'text' must be text"),
    ],
)
def test_one_bad_vector_refuses_the_whole_put(
    service: S3VectorsService, bad: dict[str, Any], message: str
) -> None:
    create(service, hidden=["text"], searched=["text"])
    refused(lambda: put(service, vector("good", [1, 1]), bad), "ValidationException", message)
    assert list_all(service)[0] == []


def test_non_filterable_metadata_may_fill_forty_kilobytes(service: S3VectorsService) -> None:
    create(service, hidden=["text"])
    put(service, vector("k", [1, 1], text="x" * 40_000, note="x" * 900))


def test_a_key_may_stand_only_once_in_a_put(service: S3VectorsService) -> None:
    create(service)
    refused(
        lambda: put(service, vector("k", [1, 1]), vector("k", [1, 0])),
        "ValidationException",
        "distinct",
    )


def test_an_index_is_given_by_names_or_by_arn(service: S3VectorsService) -> None:
    create(service)
    arn = "arn:aws:s3vectors:us-east-1:000000000000:bucket/library/index/shelf"
    service.put_vectors({"indexArn": arn, "vectors": [vector("a", [1, 0])]})
    assert keys(service.get_vectors({**WHERE, "keys": ["a"]})["vectors"]) == ["a"]
    for where in ({}, {"indexName": "shelf"}, {**WHERE, "indexArn": arn}):
        refused(
            lambda where=where: service.get_vectors({**where, "keys": ["a"]}),  # type: ignore[misc]
            "ValidationException",
            "either indexArn or both",
        )
    refused(
        lambda: service.get_vectors({"indexArn": arn + "f", "keys": ["a"]}),
        "NotFoundException",
        "The specified index could not be found",
    )


def test_data_outlives_the_service(surroundings: CloudContext) -> None:
    first = S3VectorsService(surroundings)
    create(first, searched=["text"])
    put(first, vector("a", [1, 0], text="mill"), vector("b", [0, 1], text="weir"))
    # No stop: whatever was acknowledged is on disk.
    second = S3VectorsService(surroundings)
    assert keys(query(second, queryTexts=[{"text": "weir", "metadataKey": "text"}])) == ["b"]
    assert keys(query(second, queryVector={"float32": [1.0, 0.1]})) == ["a", "b"]
    first.stop()
    second.stop()


def test_writers_and_readers_at_once_lose_nothing(service: S3VectorsService) -> None:
    create(service, searched=["text"])
    problems: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for turn in range(10):
                put(
                    service,
                    *(vector(f"{number}-{turn}-{n}", [1, n + 1], text="mill") for n in range(5)),
                )
                query(service, queryVector={"float32": [1.0, 0.0]})
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=write, args=(n,), name=f"writer-{n}") for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    found = service.query_vectors(
        {**WHERE, "topK": 1000, "queryTexts": [{"text": "mill", "metadataKey": "text"}]}
    )
    assert len(found["vectors"]) == 100
    assert len(list_all(service)[0]) == 300
