from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.soak import often
from tests.unit.api.fakes import Api, error_of
from tests.unit.retrieval.fakes import hit

PUMP = "The pump weighs 41 kg. It hums."


def test_should_find_passages() -> None:
    api = Api([hit(PUMP)])
    body = api.call(
        "POST", "/v1/search", {"query": "pump", "collection": "c", "top_k": 3}
    ).json_body
    assert [found["text"] for found in body["hits"]] == [PUMP]
    assert set(body) == {"search_id", "hits", "next_cursor", "receipt", "notices", "seen"}
    condition = {"collection": {"$eq": "c"}}
    assert api.index.asked == [
        {"index": "acme-minilm", "text": "pump", "count": 40, "condition": condition}
    ]


def test_should_say_that_a_long_question_was_cut() -> None:
    body = Api([hit(PUMP)]).call("POST", "/v1/search", {"query": "pump " * 300}).json_body
    assert "1024" in body["notices"][0]


def test_should_answer_with_citations_that_resolve() -> None:
    question = {"question": "The pump weighs how much kg?"}
    body = Api([hit(PUMP)]).call("POST", "/v1/ask", question).json_body
    assert (body["answered"], body["tier"]) == (True, "extractive")
    assert body["answer"].startswith("The pump weighs 41 kg. [1]")
    citation = body["citations"][0]
    assert PUMP[citation["start"] : citation["end"]] == citation["quote"]


def test_should_refuse_what_the_documents_do_not_say() -> None:
    body = Api([hit(PUMP)]).call("POST", "/v1/ask", {"question": "Who won in 1998?"}).json_body
    assert body["answer"] == "This is not in these documents."
    assert (body["answered"], body["citations"]) == (False, [])


def test_should_answer_a_tenant_without_documents() -> None:
    assert Api().call("POST", "/v1/ask", {"question": "x"}).json_body["answered"] is False


def test_should_pass_the_request_id_to_the_function() -> None:
    api = Api([hit(PUMP)])
    api.call("POST", "/v1/search", {"query": "pump"})
    assert all(api.embedder.correlation_ids)


@pytest.mark.parametrize(
    ("path", "body", "field", "limit"),
    [
        ("/v1/search", {"query": ""}, "query", "1"),
        ("/v1/search", {"query": "x" * 8193}, "query", "8192"),
        ("/v1/search", {"query": "x", "top_k": 1001}, "top_k", "1000"),
        ("/v1/search", {"query": "x", "top_k": 0}, "top_k", "1"),
        ("/v1/search", {"question": "x", "query": "x"}, "question", None),
        ("/v1/ask", {"question": "x", "tier": "magic"}, "tier", "'extractive' or 'llm'"),
        ("/v1/ask", {"question": "x", "stream": True}, "stream", None),
        ("/v1/ask", {"question": " ?! "}, "question", None),
        ("/v1/search", {"query": "\u200b"}, "query", None),
    ],
)
def test_should_name_the_field_and_the_limit(
    path: str, body: dict[str, object], field: str, limit: str | None
) -> None:
    response = Api().call("POST", path, body)
    error = error_of(response)
    assert response.status_code == 400
    assert (error["field"], error["limit"]) == (field, limit)


def test_should_word_the_framework_s_errors_like_its_own() -> None:
    response = Api().call("PUT", "/v1/search", {"query": "x"})
    assert response.status_code == 405
    assert error_of(response)["type"] == "MethodNotAllowed"
    response = Api().call("POST", "/v1/search", b"a=b", content_type="text/csv")
    assert response.status_code == 415
    error = error_of(response)
    assert (error["type"], error["field"]) == ("UnsupportedMediaType", "Content-Type")
    assert "send Content-Type: application/json, not 'text/csv'" in error["message"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
bodies = (
    json_values
    | st.fixed_dictionaries({"question": json_values}, optional={"top_k": json_values})
    | st.binary(min_size=1)
)
API = Api([hit(PUMP)])


@settings(max_examples=often(60, 15), deadline=None)
@given(bodies)
def test_should_answer_or_refuse_whatever_the_body(body: object) -> None:
    response = API.call("POST", "/v1/ask", body)
    if response.status_code != 200:
        assert response.status_code == 400
        assert error_of(response)["type"] == "InvalidInput"
