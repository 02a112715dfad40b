"""Completions of the tenant's own ids and names, bounded, and refusals of what is no argument."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.mcp import resources
from chalicelib.mcp.jsonrpc import INVALID_PARAMS
from tests.unit.mcp.fakes import FakeApi, asked
from tests.unit.mcp.test_prompts import registry

DOCUMENTS = [
    {"document_id": f"doc_{n:02}", "path": f"bills/{'b' if n % 2 else 'a'}-{n}.pdf"}
    for n in range(40)
]


def completed(api: FakeApi, ref: Any, name: Any, typed: Any, **given: str) -> dict[str, Any]:
    told = asked(
        api,
        "completion/complete",
        ref=ref,
        argument={"name": name, "value": typed},
        context={"arguments": given},
    )
    result: dict[str, Any] = told.get("result", {}).get("completion") or told["error"]
    return result


def of(uri: str) -> dict[str, str]:
    return {"type": "ref/resource", "uri": uri}


def test_a_document_should_be_found_by_its_id_or_a_piece_of_its_path() -> None:
    api = FakeApi({"GET /v1/documents": {"items": DOCUMENTS, "next_cursor": None}})
    by_id = completed(api, of(resources.PAGE), "document_id", "DOC_3")
    assert by_id == {
        "values": [f"doc_3{n}" for n in range(10)],
        "total": 10,
        "hasMore": False,
    }
    by_path = completed(api, of(resources.PASSAGE), "document_id", "a-1")
    assert by_path["values"] == ["doc_10", "doc_12", "doc_14", "doc_16", "doc_18"]
    assert api.calls[0].query == {"status": "ready"}


def test_a_long_list_should_be_looked_at_up_to_a_bound() -> None:
    api = FakeApi({"GET /v1/documents": {"items": DOCUMENTS, "next_cursor": "more"}})
    found = completed(api, of(resources.DOCUMENT), "document_id", "")
    assert len(found["values"]) == 100
    assert found["hasMore"] is True
    assert "total" not in found
    assert len(api.calls) == 13


def test_what_depends_on_another_variable_should_be_completed_by_it() -> None:
    api = registry(
        **{
            "GET /v1/documents/{document_id}": {"pages": 12},
            "GET /v1/documents/{document_id}/versions": {"items": [{"version": "v_a"}]},
            "GET /v1/prompts/{prompt}/versions": {
                "items": [{"version": 3}, {"version": 2}],
                "next_cursor": None,
            },
        }
    )
    page = completed(api, of(resources.PAGE), "page", "1", document_id="doc_a")
    assert page["values"] == ["1", "10", "11", "12"]
    version = completed(api, of(resources.PASSAGE), "version", "", document_id="doc_a")
    assert version["values"] == ["v_a"]
    of_prompt = completed(api, of(resources.PROMPT), "version", "", prompt="sum-up")
    assert of_prompt["values"] == ["production", "3", "2"]
    alone = completed(api, of(resources.PAGE), "page", "")
    assert alone == {"values": [], "total": 0, "hasMore": False}


def test_what_the_tenant_lacks_should_complete_to_nothing() -> None:
    for uri, name in (
        (resources.COLLECTION, "collection"),
        (resources.EXTRACTION, "extraction_id"),
        (resources.PROMPT, "prompt"),
        (resources.PASSAGE, "start"),
    ):
        assert completed(FakeApi(), of(uri), name, "")["values"] == []


def test_an_argument_of_a_prompt_should_have_the_values_that_it_may() -> None:
    ref = {"type": "ref/prompt", "name": "sum-up"}
    assert completed(registry(), ref, "tone", "w")["values"] == ["warm"]
    assert completed(registry(), ref, "brief", "")["values"] == ["true", "false"]
    assert completed(registry(), ref, "report", "x")["values"] == []


@pytest.mark.parametrize(
    ("ref", "name", "typed", "field"),
    [
        ({"type": "ref/prompt", "name": "none"}, "tone", "", "ref.name"),
        ({"type": "ref/prompt"}, "tone", "", "ref.name"),
        ({"type": "ref/tool", "name": "ask"}, "tone", "", "ref.type"),
        ("sum-up", "tone", "", "ref.type"),
        (of("file:///{path}"), "path", "", "ref.uri"),
        (of(resources.PAGE), "path", "", "argument.name"),
        (of(resources.PAGE), "", "", "argument.name"),
        (of(resources.PAGE), "page", 1, "argument.value"),
        (of(resources.PAGE), "page", "x" * 257, "argument.value"),
    ],
)
def test_what_cannot_be_completed_should_be_refused(
    ref: Any, name: Any, typed: Any, field: str
) -> None:
    told = completed(FakeApi(), ref, name, typed)
    assert (told["code"], told["data"]["field"]) == (INVALID_PARAMS, field)
