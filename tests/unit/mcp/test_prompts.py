"""Prompts of the registry as MCP has them: arguments are texts, and messages have two roles."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.mcp.jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from tests.unit.mcp.fakes import FakeApi, asked, refusal

CONTENT: dict[str, Any] = {
    "description": "Sums up a report.",
    "variables": {
        "report": {"type": "document", "required": True, "description": "The report."},
        "words": {"type": "integer", "required": True, "default": 60},
        "share": {"type": "number", "required": False},
        "brief": {"type": "boolean", "required": False},
        "topics": {"type": "strings", "required": False},
        "tone": {"type": "enum", "values": ["dry", "warm"], "required": True},
    },
}
CALL = {
    "task": "chat",
    "system": "You write for farmers.",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Sum up."}]},
        {"role": "assistant", "content": [{"type": "text", "text": "In short:"}]},
    ],
}
VIEW = {"name": "sum-up", "labels": {"production": 3}}


def registry(**views: Any) -> FakeApi:
    return FakeApi(
        {
            "GET /v1/prompts": {"items": [VIEW, {"name": "new"}], "next_cursor": "c"},
            "GET /v1/prompts/{prompt}": VIEW,
            "GET /v1/prompts/{prompt}/versions/{version}": {"content": CONTENT},
            "POST /v1/prompts/{prompt}/render": {"version": 3, "turns": [{"call": CALL}, {}]},
            **views,
        }
    )


def test_prompts_should_be_listed_with_their_arguments() -> None:
    api = registry()
    listed = asked(api, "prompts/list")["result"]
    assert [each["name"] for each in listed["prompts"]] == ["sum-up", "new"]
    assert [call.path.get("version") for call in api.calls] == [None, "production", "latest"]
    arguments = {each["name"]: each for each in listed["prompts"][0]["arguments"]}
    required = {name for name, each in arguments.items() if each["required"]}
    assert required == {"report", "tone"}
    assert arguments["tone"]["description"] == "(one of dry, warm)"
    assert (listed["nextCursor"], listed["cacheScope"]) == ("c", "private")
    bare = {"GET /v1/prompts/{prompt}/versions/{version}": {"content": {"description": ""}}}
    shown = asked(registry(**bare), "prompts/list")["result"]["prompts"]
    assert [each["description"] for each in shown] == [
        "The saved prompt sum-up.",
        "The saved prompt new.",
    ]


def test_a_prompt_should_be_rendered_with_values_of_their_types() -> None:
    api = registry()
    arguments = {
        "report": "It rained.",
        "words": "40",
        "share": "0.5",
        "brief": "true",
        "topics": '["rain", "sun"]',
        "tone": "dry",
    }
    told = asked(api, "prompts/get", name="sum-up", arguments=arguments)["result"]
    assert [(each["role"], each["content"]["text"]) for each in told["messages"]] == [
        ("user", "You write for farmers."),
        ("user", "Sum up."),
        ("assistant", "In short:"),
    ]
    assert told["_meta"]["headrace/turns"] == 2
    body = api.calls[-1].body
    assert body == {
        "version": "production",
        "variables": {
            "report": "It rained.",
            "words": 40,
            "share": 0.5,
            "brief": True,
            "topics": ["rain", "sun"],
            "tone": "dry",
        },
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("words", "many"),
        ("words", "true"),
        ("words", "[" * 10_000),
        ("brief", "yes"),
        ("topics", "[1"),
        ("tone", 7),
    ],
)
def test_an_argument_of_another_type_should_be_named(name: str, value: Any) -> None:
    error = asked(registry(), "prompts/get", name="sum-up", arguments={name: value})["error"]
    assert (error["code"], error["data"]["field"]) == (INVALID_PARAMS, name)


def test_what_the_registry_refuses_should_be_an_error_of_the_parameters_or_of_ours() -> None:
    for refused, code in (
        (refusal("InvalidInput", 400, field="variables.words"), INVALID_PARAMS),
        (refusal("NotFound", 404), INVALID_PARAMS),
        (refusal("Throttled", 429, 1), INTERNAL_ERROR),
        (refusal("Transient", 503, 1), INTERNAL_ERROR),
    ):
        api = registry(**{"POST /v1/prompts/{prompt}/render": refused})
        error = asked(api, "prompts/get", name="sum-up")["error"]
        assert error["code"] == code
        assert error["data"]["type"] == refused.error["type"]
