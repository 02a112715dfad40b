"""Search by filter, page by page, with what is around a hit."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.contracts.inbox_metadata import read_inbox_metadata
from chalicelib.contracts.search import Hit, Neighbour
from chalicelib.errors import InvalidInput, Transient
from chalicelib.retrieval.ids import path_hash, vector_key
from chalicelib.retrieval.search.filters import exclude_images
from tests.soak import often
from tests.unit.api.fakes import Api, error_of
from tests.unit.retrieval.fakes import FakeReranker, hit


def hits(count: int) -> list[Hit]:
    return [
        hit(f"pump {n}", start=100 * n, score=1 - n / 1000, n=n, n_last=n) for n in range(count)
    ]


def search(api: Api, **body: object) -> dict[str, Any]:
    answer = api.call("POST", "/v1/search", {"query": "pump", **body})
    assert answer.status_code == 200, answer.json_body
    found: dict[str, Any] = answer.json_body
    return found


def test_should_page_through_everything_once_and_in_order() -> None:
    api = Api(hits(25))
    seen: list[str] = []
    cursor = None
    for _ in range(3):
        page = search(api, top_k=25, limit=10, **({"cursor": cursor} if cursor else {}))
        seen += [found["text"] for found in page["hits"]]
        cursor = page["next_cursor"]
    assert cursor is None
    assert seen == [f"pump {n}" for n in range(25)]
    assert {asked["count"] for asked in api.index.asked} == {60}


def test_should_take_another_limit_on_the_way() -> None:
    api = Api(hits(10))
    cursor = search(api, limit=4)["next_cursor"]
    rest = search(api, limit=100, cursor=cursor, neighbours=0)
    assert (len(rest["hits"]), rest["next_cursor"]) == (6, None)


def test_should_page_no_further_than_top_k() -> None:
    page = search(Api(hits(10)), top_k=4, limit=4)
    assert (len(page["hits"]), page["next_cursor"]) == (4, None)


@pytest.mark.parametrize(
    "change",
    [
        {"query": "weir"},
        {"collection": "c"},
        {"filter": {"path": "a"}},
        {"top_k": 9},
        {"rerank": True},
    ],
)
def test_should_refuse_the_cursor_of_another_search(change: dict[str, object]) -> None:
    api = Api(hits(10))
    cursor = search(api, limit=4)["next_cursor"]
    refused = api.call("POST", "/v1/search", {"query": "pump", "cursor": cursor} | change)
    assert (refused.status_code, error_of(refused)["field"]) == (400, "cursor")


@pytest.mark.parametrize("cursor", ["", "x", "e30", "eyJhdCI6LTEsIm9mIjoieCJ9", "=" * 600])
def test_should_refuse_a_cursor_that_it_did_not_write(cursor: str) -> None:
    refused = Api(hits(3)).call("POST", "/v1/search", {"query": "pump", "cursor": cursor})
    assert (refused.status_code, error_of(refused)["field"]) == (400, "cursor")


def test_should_show_the_neighbours_of_what_is_on_the_page() -> None:
    api = Api(hits(3))
    api.index.others = {
        vector_key("doc_a", "v_1", n): Neighbour(
            n=n, page=1, heading="", start=n, end=n + 1, text=str(n)
        )
        for n in range(3)
    }
    page = search(api, limit=2, neighbours=1)
    shown = [
        ([b["n"] for b in each["before"]], [a["n"] for a in each["after"]]) for each in page["hits"]
    ]
    assert shown == [([], [1]), ([0], [2])]


def test_should_hand_the_filter_to_search_and_ask() -> None:
    api = Api(hits(1))
    asked = {"collection": "c", "filter": {"path": "a/", "metadata": {"year": {"gte": 2024}}}}
    search(api, **asked)
    api.call("POST", "/v1/ask", {"question": "pump", **asked})
    by_search, by_ask = (each["condition"] for each in api.index.asked)
    assert by_search == {
        "$and": [
            {"collection": {"$eq": "c"}},
            {"folders": {"$eq": path_hash("a/")}},
            {"m_year": {"$gte": 2024}},
        ]
    }
    assert by_ask == exclude_images(by_search)


@pytest.mark.parametrize(
    ("body", "field", "limit"),
    [
        ({"filter": {"colour": "red"}}, "filter.colour", None),
        ({"filter": {"collection": "Not this"}}, "filter.collection.0", None),
        ({"filter": {"collection": []}}, "filter.collection", "1"),
        ({"filter": {"media_type": ["text"]}}, "filter.media_type.0", None),
        ({"filter": {"language": "English"}}, "filter.language.0", "^[a-z]{2,3}$"),
        ({"filter": {"path": ""}}, "filter.path", "1"),
        ({"filter": {"path_prefix": "a"}}, "filter.path_prefix", None),
        ({"filter": {"uploaded": {"after": "yesterday"}}}, "filter.uploaded.after", None),
        ({"filter": {"uploaded": {"after": "2026-01-01T00:00:00"}}}, "filter.uploaded.after", None),
        ({"filter": {"metadata": {"a": {"in": []}}}}, "filter.metadata.a.in", "50"),
        ({"filter": {"metadata": {"a": {"gt": "x"}}}}, "filter.metadata.a.gt", None),
        ({"filter": {"metadata": {"a": {"eq": "x" * 257}}}}, "filter.metadata.a.eq", "256"),
        ({"filter": {"metadata": {"a": None}}}, "filter.metadata.a.eq", None),
        ({"filter": {"metadata": {"a": {"like": "x"}}}}, "filter.metadata.a.like", None),
        ({"filter": {"any": []}}, "filter.any", "1"),
        ({"filter": {"any": [{"path": "a"}] * 21}}, "filter.any", "20"),
        ({"filter": []}, "filter", None),
        ({"neighbours": 4}, "neighbours", "3"),
        ({"limit": 0}, "limit", "1"),
        ({"rerank": "maybe"}, "rerank", None),
        ({"limit": 101}, "limit", "100"),
    ],
)
def test_should_name_the_field_and_the_limit(
    body: dict[str, object], field: str, limit: str | None
) -> None:
    refused = Api().call("POST", "/v1/search", {"query": "x", **body})
    error = error_of(refused)
    assert refused.status_code == 400
    assert error["field"] == field
    assert limit is None or error["limit"] == limit


def picture(data: bytes = b"pump", media_type: str = "image/png") -> dict[str, object]:
    return {"image": {"media_type": media_type, "data": base64.b64encode(data).decode()}}


def test_should_search_by_a_picture_and_say_what_is_seen_in_it() -> None:
    seen = ["0.7500 pump", "0.2500 sock"]
    found = hit("Picture a.png: pump", media_type="image/png", labels=seen, score=2.0)
    api = Api([found, *hits(3)])
    answer = api.call("POST", "/v1/search", picture() | {"limit": 2, "rateable": True})
    assert answer.status_code == 200, answer.json_body
    body = answer.json_body
    labels = [{"name": "pump", "share": 0.75}, {"name": "sock", "share": 0.25}]
    assert body["seen"] == body["hits"][0]["labels"] == labels
    assert (body["hits"][0]["media_type"], body["hits"][1]["labels"]) == ("image/png", [])
    assert api.index.asked[0]["text"] == ""
    (kept,) = api.ratings.kept.values()
    assert kept.answer.question == "pump; sock"
    rest = picture() | {"limit": 2, "cursor": body["next_cursor"]}
    assert len(api.call("POST", "/v1/search", rest).json_body["hits"]) == 2
    other = picture(b"dog") | {"limit": 2, "cursor": body["next_cursor"]}
    assert error_of(api.call("POST", "/v1/search", other))["field"] == "cursor"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "body"),
        (picture() | {"query": "pump"}, "body"),
        (picture() | {"rerank": True}, "body"),
        (picture(b""), "image.data"),
        (picture(b"x" * (4 * 1024 * 1024 + 1)), "image.data"),
        (picture(media_type="image/bmp"), "image.media_type"),
        ({"image": {"data": "aGk="}}, "image.media_type"),
    ],
    ids=["neither", "both", "reranked", "empty", "too large", "of another kind", "of no kind"],
)
def test_should_refuse_what_is_no_picture_to_search_by(body: object, field: str) -> None:
    api = Api(hits(1))
    answer = api.call("POST", "/v1/search", body)
    assert answer.status_code == 400
    assert error_of(answer)["field"] == field
    assert api.labeller.asked == []


def test_should_tell_why_a_picture_cannot_be_looked_at() -> None:
    api = Api(hits(1))
    api.labeller.fails = InvalidInput("The picture is damaged.", field="file")
    answer = api.call("POST", "/v1/search", picture())
    assert (answer.status_code, error_of(answer)["message"]) == (400, "The picture is damaged.")


def test_should_rerank_where_the_request_says_so() -> None:
    api = Api(hits(3))
    assert [found["text"] for found in search(api)["hits"]] == ["pump 0", "pump 1", "pump 2"]
    page = search(api, rerank=True)
    assert [found["text"] for found in page["hits"]] == ["pump 2", "pump 1", "pump 0"]
    assert [found["scores"]["rerank"] for found in page["hits"]] == [2.0, 1.0, 0.0]
    assert [found["score"] for found in page["hits"]] == [1.0, 0.999, 0.998]
    assert api.reranker.asked == [("pump", 3)]


def test_should_answer_in_the_index_s_order_where_reranking_fails() -> None:
    api = Api(hits(2), reranker=FakeReranker(Transient("down")))
    page = search(api, rerank=True)
    assert [found["text"] for found in page["hits"]] == ["pump 0", "pump 1"]
    assert page["notices"] == ["The passages could not be reranked (Transient)."]


def test_should_rerank_before_it_answers_where_the_request_says_so() -> None:
    api = Api(hits(2))
    asked = {"question": "pump?", "rerank": True}
    body = api.call("POST", "/v1/ask", asked).json_body
    assert api.reranker.asked == [("pump?", 2)]
    assert [line["role"] for line in body["receipt"]["lines"]][:2] == [
        "question embedding",
        "rerank",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["any", "all", "metadata", "path", "in", "eq", "uploaded", "year", "x"]
            ),
            inner,
            max_size=3,
        )
    ),
    max_leaves=12,
)
API = Api(hits(2))


@settings(max_examples=often(150, 38), deadline=None)
@given(json_values)
def test_should_search_or_refuse_whatever_the_filter(written: object) -> None:
    response = API.call("POST", "/v1/search", {"query": "pump", "filter": written})
    if response.status_code != 200:
        assert response.status_code == 400
        assert error_of(response)["type"] == "InvalidInput"


class TestMetadataOfAnUpload:
    def test_should_travel_with_the_upload(self) -> None:
        api = Api()
        body = {"path": "a.md", "bytes": 1, "metadata": {"year": 2024, "tags": ["a"]}}
        assert api.call("POST", "/v1/documents", body).status_code == 201
        signed: Any = api.signed[0]["metadata"]
        assert read_inbox_metadata(signed).metadata == {"year": 2024, "tags": ("a",)}

    @pytest.mark.parametrize(
        ("metadata", "field"),
        [
            ({"Year": 1}, "metadata"),
            ({"year": None}, "metadata.year"),
            ({"year": {"x": 1}}, "metadata.year"),
            ({f"a{n}": "x" * 250 for n in range(5)}, "metadata"),
            ([], "metadata"),
        ],
    )
    def test_should_be_refused_by_name(self, metadata: object, field: str) -> None:
        api = Api()
        refused = api.call("POST", "/v1/documents", {"path": "a", "bytes": 1, "metadata": metadata})
        assert (refused.status_code, error_of(refused)["field"]) == (400, field)
        assert not api.signed
