"""Tools and schemas: what the model is held to, and what becomes of what it says.

https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.bedrock.answer_events import StopDetails, block_events, content_of_events
from localcloud.bedrock.answer_format import AnswerFormat, answer_format
from localcloud.bedrock.chat_request import chat_request
from localcloud.bedrock.llama import Finish
from localcloud.errors import AwsError

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
CALL = '<tool_call>{"name": "weather", "arguments": {"city": "Graz"}}</tool_call>'


def tool(name: str = "weather", schema: Any = None) -> dict[str, Any]:
    return {"toolSpec": {"name": name, "inputSchema": {"json": schema or SCHEMA}}}


def asked(*tools: dict[str, Any], choice: Any = None, **more: Any) -> dict[str, Any]:
    config = {"tools": list(tools), **({"toolChoice": choice} if choice else {})}
    return {
        "modelId": "m",
        "messages": [{"role": "user", "content": [{"text": "Graz?"}]}],
        **({"toolConfig": config} if tools else {}),
        **more,
    }


def output(schema: Any) -> dict[str, Any]:
    wanted = {"jsonSchema": {"schema": json.dumps(schema)}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": wanted}}}


def heard(
    wanted: AnswerFormat, pieces: Sequence[str], stop: str = "eos"
) -> tuple[list[dict[str, Any]], str]:
    """Return the content and the stop reason of an answer in `pieces`."""

    def said() -> Iterator[str | Finish]:
        yield from pieces
        yield Finish(stop, 5, len(pieces))  # type: ignore[arg-type]

    ending = StopDetails()
    events = list(block_events(said(), wanted, 1000, ending))
    content = content_of_events([dict(event) for event in events])
    for block in content:
        if "toolUse" in block:
            assert block["toolUse"].pop("toolUseId").startswith("tooluse_")
    return content, ending.reason


def test_a_forced_tool_should_be_sampled_by_its_schema() -> None:
    request = chat_request(asked(tool(), choice={"tool": {"name": "weather"}}))
    schema = request["response_format"]["json_schema"]["schema"]
    assert schema["properties"] == SCHEMA["properties"]
    assert "weather" in request["messages"][0]["content"]


def test_any_tool_should_be_sampled_by_the_schemas_of_all() -> None:
    wanted = answer_format(asked(tool("a"), tool("b"), choice={"any": {}}))
    schema = wanted.request_fields["response_format"]["json_schema"]["schema"]
    names = [each["properties"]["name"]["const"] for each in schema["anyOf"]]
    assert (wanted.kind, names) == ("any", ["a", "b"])
    assert answer_format(asked(tool("a"), choice={"any": {}})).kind == "tool"


def test_a_free_choice_should_let_through_text_or_a_call() -> None:
    wanted = answer_format(asked(tool()))
    assert wanted.kind == "auto"
    assert '"<tool_call>" call "</tool_call>" | text' in wanted.request_fields["grammar"]


def test_an_output_schema_should_be_sampled_by() -> None:
    wanted = answer_format({**asked(), **output(SCHEMA)})
    assert wanted.kind == "json"
    assert wanted.request_fields["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (asked(tool(), choice={"tool": {"name": "other"}}), "names the tool other"),
        (asked(tool(), choice={"any": {}, "auto": {}}), "exactly one of auto, any and tool"),
        (asked(tool(), tool()), "weather occurs twice"),
        (asked({"systemTool": {"name": "x"}}), "toolConfig.tools.0 has systemTool"),
        (asked(tool(schema={"type": "string"})), "type must be one of the following: object"),
        (
            asked(tool(schema={"type": "object", "$ref": "http://127.0.0.1/x"})),
            "only references within it",
        ),
        ({**asked(tool()), **output(SCHEMA)}, "can't both use tools and keep to outputConfig"),
        ({**asked(), **output(["a"])}, "must be an object"),
        ({**asked(), "outputConfig": {"effort": "high"}}, "no effort to choose"),
        (
            {**asked(), "outputConfig": {"textFormat": {"type": "json_schema", "structure": {}}}},
            "must be a JSON Schema as text",
        ),
    ],
)
def test_what_cannot_be_sampled_should_be_refused(params: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        chat_request(params)
    assert caught.value.code == "ValidationException"


def test_the_turns_of_tools_should_be_told_in_words() -> None:
    use = {"toolUse": {"toolUseId": "1", "name": "weather", "input": {"city": "Graz"}}}
    result = {"toolResult": {"toolUseId": "1", "content": [{"json": {"c": 7}}]}}
    messages = [
        {"role": "user", "content": [{"text": "Graz?"}]},
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    ]
    request = chat_request({**asked(tool()), "messages": messages})
    assert [turn["content"] for turn in request["messages"][2:]] == [
        CALL,
        'The tool answered: {"c": 7}',
    ]
    with pytest.raises(AwsError, match="toolConfig field must be defined"):
        chat_request({"modelId": "m", "messages": messages})
    with pytest.raises(AwsError, match="exceeds the number of toolUse blocks"):
        chat_request({**asked(tool()), "messages": [{"role": "user", "content": [result]}]})
    without = [*messages[:2], {"role": "user", "content": [{"text": "So?"}]}]
    with pytest.raises(AwsError, match="Expected toolResult blocks"):
        chat_request({**asked(tool()), "messages": without})


AUTO = answer_format(asked(tool()))
USE = {"toolUse": {"name": "weather", "input": {"city": "Graz"}}}


@given(
    text=st.sampled_from([CALL, "It rains.", "<b>", "<tool", "", "<tool_call>{}"]), data=st.data()
)
def test_an_answer_should_be_the_same_however_it_comes_in_pieces(
    text: str, data: st.DataObject
) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    places = [0, *cuts, len(text)]
    pieces = [text[a:b] for a, b in pairwise(places) if a < b]
    assert heard(AUTO, pieces) == heard(AUTO, [text] if text else [])


@pytest.mark.parametrize(
    ("wanted", "text", "stop", "content", "reason"),
    [
        (AUTO, CALL, "eos", [USE], "tool_use"),
        (AUTO, "It rains.", "eos", [{"text": "It rains."}], "end_turn"),
        (AUTO, "<tool", "limit", [{"text": "<tool"}], "max_tokens"),
        (AUTO, CALL[:30], "limit", [], "max_tokens"),
        (AUTO, CALL.replace("weather", "other"), "eos", [], "malformed_tool_use"),
        (AUTO, "", "eos", [], "end_turn"),
    ],
)
def test_a_free_choice_should_be_told_from_how_it_begins(
    wanted: AnswerFormat, text: str, stop: str, content: list[Any], reason: str
) -> None:
    assert heard(wanted, [text] if text else [], stop) == (content, reason)


def test_a_forced_call_should_stream_its_arguments() -> None:
    wanted = answer_format(asked(tool(), choice={"tool": {"name": "weather"}}))
    assert heard(wanted, ['{"city"', ': "Graz"}']) == ([USE], "tool_use")
    assert heard(wanted, ['{"city"'], "limit") == ([], "max_tokens")
    assert heard(wanted, ["It rains."]) == ([], "malformed_tool_use")


def test_json_that_the_sampler_did_not_hold_should_be_said_to_be_none() -> None:
    wanted = answer_format({**asked(), **output(SCHEMA)})
    assert heard(wanted, ['{"city": 1}']) == ([{"text": '{"city": 1}'}], "end_turn")
    assert heard(wanted, ["It rains."]) == ([{"text": "It rains."}], "malformed_model_output")
    assert heard(wanted, ['{"ci'], "limit") == ([{"text": '{"ci'}], "max_tokens")
