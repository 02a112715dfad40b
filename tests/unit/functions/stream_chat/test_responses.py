from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import TextPart, ToolCall, ToolResult
from chalicelib.errors import HeadraceError, ModelFailure, Throttled, Transient
from chalicelib.generation.streams import TextDelta, ToolDelta
from functions.stream_chat.core import run
from tests.unit.functions.stream_chat.generating import (
    REQUEST_ID,
    Saying,
    body_of,
    event,
    events_of,
)

ROUTE = "/v1/responses"
WEATHER = {"type": "function", "name": "weather", "parameters": {"type": "object"}, "strict": True}


def asked(**more: Any) -> dict[str, Any]:
    return event(ROUTE, **{"model": "auto", "input": "Hello", **more})


def test_should_answer_whole() -> None:
    saying = Saying(TextDelta("Good day."))
    answer = run(asked(instructions="Be brief.", metadata={"a": "b"}), saying.deps)
    told = body_of(answer)
    assert (answer.head.status, told["object"], told["status"]) == (200, "response", "completed")
    assert told["id"] == f"resp_{REQUEST_ID}"
    (item,) = told["output"]
    assert item["content"] == [
        {"type": "output_text", "text": "Good day.", "annotations": [], "logprobs": []}
    ]
    assert (told["model"], told["store"], told["metadata"]) == ("nova-micro", False, {"a": "b"})
    assert (told["usage"]["input_tokens"], told["usage"]["output_tokens"]) == (5, 2)
    assert told["headrace"]["answered_by"] == "small"
    assert saying.chat.system == "Be brief."
    assert saying.chat.messages[0].content == (TextPart(text="Hello"),)


def test_should_tell_a_stream_by_openai_s_events_as_it_is_made() -> None:
    saying = Saying(TextDelta("Good "), TextDelta("day."))
    answer = run(asked(stream=True), saying.deps)
    assert saying.yielded == 1
    events = events_of(answer)
    assert [name for name, _ in events] == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.completed",
    ]
    assert all(name == told["type"] for name, told in events)
    assert [told["sequence_number"] for _, told in events] == list(range(10))
    assert events[6][1]["text"] == "Good day."
    assert events[0][1]["response"]["model"] == "auto"
    assert events[-1][1]["response"]["usage"]["total_tokens"] == 7


def test_should_say_why_an_answer_is_incomplete() -> None:
    events = events_of(run(asked(stream=True), Saying(TextDelta("Go"), finish="length").deps))
    name, told = events[-1]
    assert name == "response.incomplete"
    assert told["response"]["incomplete_details"] == {"reason": "max_output_tokens"}
    assert told["response"]["output"][0]["status"] == "incomplete"


def test_should_tell_words_and_calls_as_items_of_their_own() -> None:
    saying = Saying(
        TextDelta("I look."),
        ToolDelta(0, "t1", "weather", ""),
        ToolDelta(0, "", "", '{"town":'),
        ToolDelta(0, "", "", '"Ulm"}'),
        ToolDelta(1, "t2", "weather", "{}"),
        finish="tool_calls",
    )
    streamed = events_of(run(asked(stream=True, tools=[WEATHER]), saying.deps))
    told = streamed[-1][1]["response"]
    assert [item["type"] for item in told["output"]] == [
        "message",
        "function_call",
        "function_call",
    ]
    assert told["output"][1]["arguments"] == '{"town":"Ulm"}'
    assert (told["output"][1]["call_id"], told["output"][2]["call_id"]) == ("t1", "t2")
    added = [body for name, body in streamed if name == "response.output_item.added"]
    assert [body["output_index"] for body in added] == [0, 1, 2]
    whole = body_of(run(asked(tools=[WEATHER]), saying.deps))
    assert whole["output"] == told["output"]


@given(
    st.lists(
        st.one_of(
            st.builds(TextDelta, st.text(min_size=1, max_size=5)),
            st.builds(
                ToolDelta,
                st.integers(0, 2),
                st.sampled_from(["t1", ""]),
                st.just("weather"),
                st.text(max_size=5),
            ),
        ),
        max_size=8,
    )
)
def test_what_deltas_say_should_be_what_the_response_says(
    told: list[TextDelta | ToolDelta],
) -> None:
    events = events_of(run(asked(stream=True), Saying(*told).deps))
    assert [body["sequence_number"] for _, body in events] == list(range(len(events)))
    texts: dict[int, str] = {}
    for _, body in events:
        if body["type"].endswith(".delta"):
            texts[body["output_index"]] = texts.get(body["output_index"], "") + body["delta"]
    for at, item in enumerate(events[-1][1]["response"]["output"]):
        said = item["arguments"] if item["type"] == "function_call" else item["content"][0]["text"]
        assert said == texts.get(at, "")
        done = [b for n, b in events if n == "response.output_item.done"][at]
        assert done["item"] == item


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Transient("hung up"), "server_error"),
        (ModelFailure("none"), "server_error"),
        (Throttled("slower"), "rate_limit_exceeded"),
    ],
)
def test_should_tell_what_fails_later_as_a_response_that_failed(
    error: HeadraceError, code: str
) -> None:
    saying = Saying(TextDelta("Good "), error)
    name, told = events_of(run(asked(stream=True), saying.deps))[-1]
    assert name == "response.failed"
    assert told["response"]["error"]["code"] == code
    assert "hung" not in json.dumps(told)
    assert told["response"]["output"][0]["content"][0]["text"] == "Good "
    assert saying.logged == [error]


def test_should_read_a_conversation_with_calls() -> None:
    saying = Saying(TextDelta("Hi"))
    items = [
        {"role": "developer", "content": [{"type": "input_text", "text": "In German."}]},
        {"role": "user", "content": [{"type": "input_text", "text": "Weather?"}]},
        {"type": "function_call", "call_id": "t1", "name": "weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "t1", "output": "rain"},
        {
            "type": "message",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Rain."}],
        },
        {"role": "user", "content": "Thanks."},
    ]
    choice = {"type": "function", "name": "weather"}
    schema = {"type": "json_schema", "name": "w", "schema": {"type": "object"}}
    body = {"input": items, "tools": [WEATHER], "tool_choice": choice, "text": {"format": schema}}
    answer = run(asked(**body), saying.deps)
    call = saying.chat
    assert call.system == "In German."
    assert [message.role for message in call.messages] == [
        "user",
        "assistant",
        "user",
        "assistant",
        "user",
    ]
    assert call.messages[1].content == (ToolCall(id="t1", name="weather", arguments="{}"),)
    assert call.messages[2].content == (ToolResult(id="t1", text="rain"),)
    assert call.tool_choice == "weather"
    assert call.json_output is not None
    told = body_of(answer)
    assert (told["tool_choice"], told["text"]) == (choice, {"format": schema})


@pytest.mark.parametrize(
    ("more", "param", "words"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id", "whole conversation"),
        ({"store": True}, "store", "nothing is stored"),
        ({"background": True}, "background", "batch"),
        ({"truncation": "auto"}, "truncation", "disabled"),
        ({"reasoning": {"effort": "low"}}, "reasoning", "leave it out"),
        ({"tools": [{"type": "web_search"}]}, "tools.0.type", "functions"),
        ({"input": [{"type": "item_reference", "id": "a"}]}, "input.0.type", "item_reference"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file"}]}]},
            "input.0.content.0.type",
            "input_file",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]},
            "input.0.content.0.file_id",
            "image_url",
        ),
        ({"input": [{"role": "system", "content": "Be brief."}]}, "input", "instruction"),
        ({"input": ""}, "input", "at least 1"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format.schema", "schema"),
        ({"tool_choice": {"type": "function", "name": "x"}}, "tool_choice", "among tools"),
    ],
)
def test_should_refuse_by_name_what_is_not_done(
    more: dict[str, Any], param: str, words: str
) -> None:
    saying = Saying(TextDelta("Hi"))
    answer = run(asked(**more), saying.deps)
    told = body_of(answer)["error"]
    assert (answer.head.status, told["type"]) == (400, "invalid_request_error")
    assert told["param"].startswith(param), told
    assert words in told["message"]
    assert saying.calls == []


@pytest.mark.parametrize(
    "more", [{"store": False}, {"truncation": "disabled"}, {"reasoning": {"effort": None}}]
)
def test_should_take_what_asks_for_nothing(more: dict[str, Any]) -> None:
    assert run(asked(**more), Saying(TextDelta("Hi")).deps).head.status == 200
