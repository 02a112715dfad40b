from __future__ import annotations

import contextlib
import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
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
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.generation.bodies import converse
from chalicelib.generation.streams import Delta, StreamEnd, TextDelta, ToolDelta

PIXEL = b"\x89PNG\r\n\x1a\n"
WEATHER = Tool(name="weather", description="of a town", parameters={"type": "object"})


def asks(*parts: Any, **more: Any) -> ChatCall:
    content = parts or (TextPart(text="Hello"),)
    return ChatCall(messages=(Message(role="user", content=content),), **more)


def validated(body: dict[str, Any]) -> dict[str, Any]:
    """Return `body` after botocore has held it to Converse's own description."""
    model = botocore.session.get_session().get_service_model("bedrock-runtime")
    shape = model.operation_model("Converse").input_shape
    assert shape is not None
    report = ParamValidator().validate({"modelId": "m", **body}, shape)
    assert not report.has_errors(), report.generate_report()
    return body


def answered(*content: dict[str, Any], stop: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": stop,
        "usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7},
        **more,
    }


def test_a_call_should_be_taken_by_converse_with_all_that_it_has() -> None:
    call = ChatCall(
        system="Be brief.",
        messages=(
            Message(
                role="user",
                content=(TextPart(text="?"), ImagePart(media_type="image/png", data=b"UE5H")),
            ),
            Message(
                role="assistant", content=(ToolCall(id="t", name="weather", arguments='{"a":1}'),)
            ),
            Message(role="user", content=(ToolResult(id="t", text="rain", failed=True),)),
        ),
        tools=(WEATHER,),
        tool_choice="weather",
        json_output=JsonOutput(name="reply", json_schema={"type": "object"}),
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        stop=("END",),
    )
    body = validated(converse.build_request(call, "flex"))
    assert body["system"] == [{"text": "Be brief."}]
    assert body["inferenceConfig"] == {
        "maxTokens": 9,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
    }
    assert body["messages"][0]["content"][1]["image"] == {
        "format": "png",
        "source": {"bytes": b"PNG"},
    }
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"a": 1}
    assert body["messages"][2]["content"][0]["toolResult"]["status"] == "error"
    assert body["toolConfig"]["toolChoice"] == {"tool": {"name": "weather"}}
    assert json.loads(body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"]) == {
        "type": "object"
    }
    assert body["serviceTier"] == {"type": "flex"}


def test_what_a_call_does_not_say_should_be_left_to_the_model() -> None:
    body = validated(converse.build_request(asks()))
    assert set(body) == {"messages", "inferenceConfig"}
    assert set(body["inferenceConfig"]) == {"maxTokens"}


START = {"messageStart": {"role": "assistant"}}
STOP = {"messageStop": {"stopReason": "tool_use"}}
METADATA = {"metadata": {"usage": {"inputTokens": 5, "outputTokens": 2, "totalTokens": 7}}}
ANYTHING = st.recursive(
    st.none() | st.integers(0, 3) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=4,
)
EVENTS = st.dictionaries(
    st.sampled_from(
        ["contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
    ),
    ANYTHING
    | st.fixed_dictionaries({"contentBlockIndex": ANYTHING, "delta": ANYTHING, "start": ANYTHING}),
    max_size=1,
)


@pytest.mark.parametrize(
    ("choice", "config"),
    [("auto", None), ("required", {"any": {}}), ("weather", {"tool": {"name": "weather"}})],
)
def test_the_choice_among_tools_should_be_passed_on(choice: str, config: Any) -> None:
    body = validated(converse.build_request(asks(tools=(WEATHER,), tool_choice=choice)))
    assert body["toolConfig"].get("toolChoice") == config


def test_tools_that_are_not_to_be_used_should_be_left_out_unless_they_were_used_before() -> None:
    unused = converse.build_request(asks(tools=(WEATHER,), tool_choice="none"))
    earlier = ToolCall(id="t", name="weather", arguments="{}")
    used = converse.build_request(asks(earlier, tools=(WEATHER,), tool_choice="none"))
    assert "toolConfig" not in unused
    assert validated(used)["toolConfig"]["tools"]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"text"'])
def test_arguments_that_are_no_object_should_be_refused_with_the_call(arguments: str) -> None:
    with pytest.raises(InvalidInput, match=r"tool call t .*JSON") as refused:
        converse.build_request(asks(ToolCall(id="t", name="weather", arguments=arguments)))
    assert refused.value.field == "messages"


@given(st.binary(max_size=64), st.text(max_size=64))
def test_a_line_of_a_batch_should_be_json_and_hold_the_same(picture: bytes, text: str) -> None:
    import base64

    part = ImagePart(media_type="image/webp", data=base64.b64encode(picture))
    body = converse.build_request(asks(TextPart(text=text), part))
    written = json.loads(json.dumps(converse.json_line(body)))
    words, image = written["messages"][0]["content"]
    assert words["text"] == text
    assert base64.b64decode(image["image"]["source"]["bytes"]) == picture


@pytest.mark.parametrize(
    ("stop", "finish"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "tool_calls"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("guardrail_intervened", "content_filter"),
        ("content_filtered", "content_filter"),
    ],
)
def test_why_a_model_stopped_should_be_told(stop: str, finish: str) -> None:
    assert converse.parse_answer(answered({"text": "a"}, stop=stop)).output.finish == finish


@pytest.mark.parametrize("stop", ["malformed_tool_use", "malformed_model_output", "something new"])
def test_what_cannot_be_used_should_be_a_failure_of_the_model(stop: str) -> None:
    with pytest.raises(ModelFailure, match=stop) as failed:
        converse.parse_answer(answered(stop=stop))
    assert failed.value.usage is not None
    stopped = {"messageStop": {"stopReason": stop}}
    with pytest.raises(ModelFailure, match=stop) as broken:
        list(converse.parse_stream([START, stopped, METADATA]))
    assert broken.value.usage == Usage(tokens_in=5, tokens_out=2)


@pytest.mark.parametrize("use", [{"name": "a"}, {"toolUseId": "t", "name": "a"}, [], None])
def test_a_call_of_a_tool_that_is_none_should_be_a_failure_of_the_model(use: Any) -> None:
    with pytest.raises(ModelFailure) as failed:
        converse.parse_answer(answered({"toolUse": use}, stop="tool_use"))
    assert failed.value.usage is not None


@given(st.lists(EVENTS, max_size=4))
def test_events_of_any_shape_should_be_read_or_be_a_failure(events: list[dict[str, Any]]) -> None:
    with contextlib.suppress(ModelFailure):
        list(converse.parse_stream(events))


def test_tools_of_earlier_turns_should_be_told_where_the_call_names_none() -> None:
    earlier = ToolCall(id="t", name="weather", arguments="{}")
    config = validated(converse.build_request(asks(earlier)))["toolConfig"]
    assert [each["toolSpec"]["name"] for each in config["tools"]] == ["weather"]
    other = Tool(name="other")
    both = validated(converse.build_request(asks(earlier, tools=(other,))))["toolConfig"]
    assert [each["toolSpec"]["name"] for each in both["tools"]] == ["other", "weather"]


def test_calls_that_may_not_be_made_should_be_dropped() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "weather", "input": {}}}
    read = converse.parse_answer(answered({"text": "a"}, use, stop="tool_use"), calls=False)
    assert (read.output.tool_calls, read.output.finish) == ((), "stop")
    events = [START, piece(0, text="a"), opened(1, "b"), STOP, METADATA]
    assert list(converse.parse_stream(events, calls=False)) == [
        TextDelta("a"),
        StreamEnd("stop", Usage(tokens_in=5, tokens_out=2), ""),
    ]
    assert not converse.may_call_tools(asks(tools=(WEATHER,), tool_choice="none"))
    assert not converse.may_call_tools(asks())
    assert converse.may_call_tools(asks(tools=(WEATHER,)))


def test_a_streamed_call_without_arguments_should_have_an_empty_object() -> None:
    ended = {"contentBlockStop": {"contentBlockIndex": 1}}
    events = [START, opened(1, "a"), ended, opened(2, "b"), STOP, METADATA]
    assert list(converse.parse_stream(events))[:3] == [
        ToolDelta(0, "id-a", "a", ""),
        ToolDelta(0, "", "", "{}"),
        ToolDelta(1, "id-b", "b", ""),
    ]


def test_an_answer_should_be_read_whole() -> None:
    use = {"toolUse": {"toolUseId": "t", "name": "weather", "input": {"town": "Ulm"}}}
    read = converse.parse_answer(
        answered(
            {"text": "It "},
            {"reasoningContent": {"reasoningText": {"text": "hidden"}}},
            {"text": "rains."},
            use,
            stop="tool_use",
            additionalModelResponseFields={"localModel": {"name": "small"}},
            usage={"inputTokens": 5, "outputTokens": 2, "cacheReadInputTokens": 10},
        )
    )
    assert read.output.text == "It rains."
    assert read.output.tool_calls == (
        ToolCall(id="t", name="weather", arguments='{"town": "Ulm"}'),
    )
    assert read.usage == Usage(tokens_in=15, tokens_out=2)
    assert read.answered_by == "small"


@pytest.mark.parametrize("missing", ["output", "usage", "stopReason"])
def test_an_answer_without_one_of_its_parts_should_be_a_failure(missing: str) -> None:
    whole = answered({"text": "a"})
    del whole[missing]
    with pytest.raises(ModelFailure, match=missing):
        converse.parse_answer(whole)


def piece(index: int, **delta: Any) -> dict[str, Any]:
    return {"contentBlockDelta": {"contentBlockIndex": index, "delta": delta}}


def opened(index: int, name: str) -> dict[str, Any]:
    use = {"toolUse": {"toolUseId": f"id-{name}", "name": name}}
    return {"contentBlockStart": {"contentBlockIndex": index, "start": use}}


def test_a_stream_should_give_text_and_tool_calls_by_their_own_count() -> None:
    events = [
        START,
        piece(0, text="It "),
        piece(0, text="rains."),
        {"contentBlockStop": {"contentBlockIndex": 0}},
        opened(1, "a"),
        piece(1, toolUse={"input": '{"x"'}),
        piece(1, toolUse={"input": ":1}"}),
        opened(3, "b"),
        piece(3, toolUse={"input": "{}"}),
        STOP,
        METADATA,
    ]
    told: list[Delta] = list(converse.parse_stream(events))
    assert told == [
        TextDelta("It "),
        TextDelta("rains."),
        ToolDelta(0, "id-a", "a", ""),
        ToolDelta(0, "", "", '{"x"'),
        ToolDelta(0, "", "", ":1}"),
        ToolDelta(1, "id-b", "b", ""),
        ToolDelta(1, "", "", "{}"),
        StreamEnd("tool_calls", Usage(tokens_in=5, tokens_out=2), ""),
    ]


@pytest.mark.parametrize("events", [[], [START, piece(0, text="a")], [START, STOP]])
def test_a_stream_that_breaks_off_should_be_a_failure(events: list[dict[str, Any]]) -> None:
    with pytest.raises(ModelFailure, match="broke off"):
        list(converse.parse_stream(events))
