"""OpenAI's chat as containers of endpoints take it.

https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    ChatCall,
    ImagePart,
    JsonOutput,
    Message,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
    Usage,
)
from chalicelib.errors import ModelFailure
from chalicelib.generation.bodies import openai_chat
from chalicelib.generation.streams import StreamEnd, TextDelta, ToolDelta

HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),))


def body(call: ChatCall, **more: Any) -> dict[str, Any]:
    written = openai_chat.build_request(call, **more)
    assert json.loads(json.dumps(written)) == written
    return written


def test_a_plain_call_should_say_no_more_than_it_has_to() -> None:
    assert body(HELLO) == {
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": 512,
    }


def test_a_conversation_with_tools_should_be_written_turn_by_turn() -> None:
    call = ChatCall(
        system="Be brief.",
        messages=(
            Message(role="user", content=(TextPart(text="Weather?"),)),
            Message(
                role="assistant",
                content=(ToolCall(id="1", name="weather", arguments='{"at": "Bern"}'),),
            ),
            Message(
                role="user",
                content=(ToolResult(id="1", text="Rain"), TextPart(text="So?")),
            ),
        ),
        tools=(Tool(name="weather"),),
        tool_choice="weather",
    )
    written = body(call)
    assert written["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Weather?"},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {
                    "id": "1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"at": "Bern"}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "1", "content": "Rain"},
        {"role": "user", "content": "So?"},
    ]
    assert written["tools"][0]["function"]["parameters"] == {"type": "object", "properties": {}}
    assert written["tool_choice"] == {"type": "function", "function": {"name": "weather"}}


def test_a_picture_should_go_as_a_data_address() -> None:
    picture = ImagePart.model_validate({"media_type": "image/png", "data": "cG5n"})
    call = ChatCall(messages=(Message(role="user", content=(TextPart(text="What?"), picture)),))
    _, shown = body(call)["messages"][0]["content"]
    assert shown == {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}}


def test_what_shapes_the_answer_should_be_handed_on() -> None:
    call = HELLO.model_copy(
        update={
            "temperature": 0.0,
            "top_p": 0.5,
            "seed": 0,
            "stop": ("\n",),
            "json_output": JsonOutput(name="a", json_schema={"type": "object"}),
        }
    )
    written = body(call, stream=True)
    assert (written["temperature"], written["top_p"], written["seed"]) == (0.0, 0.5, 0)
    assert written["stop"] == ["\n"]
    assert written["response_format"]["json_schema"]["schema"] == {"type": "object"}
    assert (written["stream"], written["stream_options"]) == (True, {"include_usage": True})
    loose = HELLO.model_copy(update={"json_output": JsonOutput()})
    assert body(loose)["response_format"] == {"type": "json_object"}


def completion(**choice: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "Hi"}
    return {
        "model": "qwen",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
    }


def test_a_completion_should_be_read_with_its_usage() -> None:
    read = openai_chat.parse_answer(completion(), HELLO)
    assert (read.output.text, read.output.finish) == ("Hi", "stop")
    assert (read.usage, read.answered_by) == (Usage(tokens_in=9, tokens_out=2), "qwen")


def test_a_call_of_a_tool_should_be_read() -> None:
    function = {"name": "weather", "arguments": "{}"}
    message = {
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": function}],
    }
    read = openai_chat.parse_answer(completion(message=message, finish_reason="tool_calls"), HELLO)
    assert read.output.tool_calls == (ToolCall(id="1", name="weather", arguments="{}"),)
    assert (read.output.text, read.output.finish) == ("", "tool_calls")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "message", "usage", "finish_reason", "content", "model"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_whatever_a_container_answers_should_be_read_or_be_its_failure(answered: Any) -> None:
    with pytest.raises(ModelFailure):
        openai_chat.parse_answer(answered, HELLO)


@pytest.mark.parametrize("reason", [None, "abort", 3])
def test_an_end_that_is_not_known_should_not_pass_for_an_answer(reason: Any) -> None:
    with pytest.raises(ModelFailure, match="stopped for"):
        openai_chat.parse_answer(completion(finish_reason=reason), HELLO)


def event(**fields: Any) -> bytes:
    return (
        b"data: " + json.dumps({"model": "qwen", **fields}, ensure_ascii=False).encode() + b"\n\n"
    )


def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
    return event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}])


TOOL = {"index": 0, "id": "1", "function": {"name": "weather", "arguments": ""}}
STREAM = (
    chunk({"role": "assistant", "content": ""})
    + chunk({"content": "Gr"})
    + b": a comment\n\n"
    + chunk({"content": "ü\n"})
    + chunk({"tool_calls": [TOOL]})
    + chunk({"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]})
    + chunk({}, "tool_calls")
    + event(choices=[], usage={"prompt_tokens": 5, "completion_tokens": 7})
    + b"data: [DONE]\n\n"
)
DELTAS = [
    TextDelta("Gr"),
    TextDelta("ü\n"),
    ToolDelta(0, "1", "weather", ""),
    ToolDelta(0, "", "", "{}"),
    StreamEnd("tool_calls", Usage(tokens_in=5, tokens_out=7), "qwen"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_a_stream_should_be_read_the_same_however_its_bytes_are_cut(cuts: list[int]) -> None:
    edges = [0, *cuts, len(STREAM)]
    pieces = [STREAM[a:b] for a, b in pairwise(edges)]
    assert list(openai_chat.parse_stream(pieces, HELLO)) == DELTAS


def test_usage_that_is_not_told_should_be_estimated_and_not_be_nothing() -> None:
    (*_, ended) = openai_chat.parse_stream([chunk({"content": "Hello you"}, "stop")], HELLO)
    assert isinstance(ended, StreamEnd)
    assert ended.usage.tokens_in > 0
    assert ended.usage.tokens_out > 0


@pytest.mark.parametrize(
    ("stream", "said"),
    [
        (chunk({"content": "a"}), "did not say how it ended"),
        (b"", "did not say how it ended"),
        (b"data: {\n\n", "not JSON"),
        (b"data: 1\n\n", "no object"),
        (event(choices=[{"delta": 3}]), "no chat chunk"),
        (event(error="out of memory"), "out of memory"),
        (chunk({}, "abort"), "stopped for abort"),
    ],
)
def test_a_stream_that_is_none_should_be_the_models_failure(stream: bytes, said: str) -> None:
    with pytest.raises(ModelFailure, match=said):
        list(openai_chat.parse_stream([stream], HELLO))
