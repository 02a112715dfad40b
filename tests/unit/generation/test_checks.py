from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    Call,
    ChatCall,
    ChatOutput,
    EmbedCall,
    Finish,
    ImageCall,
    ImageOutput,
    JsonOutput,
    Message,
    Output,
    TextPart,
    Tool,
    ToolCall,
    ToolResult,
)
from chalicelib.contracts.receipts import ReceiptLine
from chalicelib.errors import InvalidInput
from chalicelib.generation.check_names import parse_checks
from chalicelib.generation.checks import PASSED, AnswerJudge, CheckVerdict, run_checks
from chalicelib.generation.schemas import parse_json, schema_violation

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}


class Recorded:
    """A judge that says what it was told to, and keeps what it was shown."""

    def __init__(self, verdict: CheckVerdict) -> None:
        self.verdict = verdict
        self.shown: list[Output] = []

    def judge(self, call: Call, output: Output) -> CheckVerdict:
        self.shown.append(output)
        return self.verdict


def chat(schema: Mapping[str, Any] | None = None, tools: tuple[Tool, ...] = ()) -> ChatCall:
    message = Message(role="user", content=(TextPart(text="Who?"),))
    json_output = JsonOutput(json_schema=schema) if schema is not None else None
    return ChatCall(messages=(message,), json_output=json_output, tools=tools, max_tokens=64)


def verdict(
    names: Sequence[str],
    text: str = "",
    *,
    call: ChatCall | None = None,
    finish: Finish = "stop",
    tool_calls: tuple[ToolCall, ...] = (),
    judges: Mapping[str, AnswerJudge] | None = None,
) -> str:
    asked = call or chat()
    output = ChatOutput(text=text, finish=finish, tool_calls=tool_calls)
    found = run_checks(parse_checks(names, asked), asked, output, judges or {})
    assert found.passed == (found.reason == "")
    return found.reason


@pytest.mark.parametrize(
    ("finish", "reason"),
    [
        ("stop", ""),
        ("tool_calls", ""),
        ("length", "finish: it was cut off at max_tokens, 64"),
        ("content_filter", "finish: it was filtered"),
    ],
)
def test_finish_should_tell_what_was_cut_off(finish: Finish, reason: str) -> None:
    assert verdict(["finish"], finish=finish) == reason


@pytest.mark.parametrize("text", ['{"a": 1}', "null", " [1]\n", '```json\n{"a": 1}\n```'])
def test_json_should_be_read_with_and_without_a_fence(text: str) -> None:
    assert verdict(["json"], text) == ""


@pytest.mark.parametrize("text", ["", "Sure! {}", "NaN", "{'a': 1}", "[" * 100_000])
def test_what_is_no_json_should_fail(text: str) -> None:
    assert verdict(["json"], text).startswith("json: it is no JSON: ")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"name": "Ada", "age": 36}', ""),
        ('{"age": 36}', 'schema: $ does not keep to required ["name"]'),
        ('{"name": "Ada", "age": -1}', "schema: $.age does not keep to minimum 0"),
        ('["Ada"]', 'schema: $ does not keep to type "object"'),
    ],
)
def test_json_should_keep_to_the_schema_of_the_call(text: str, reason: str) -> None:
    assert verdict(["schema"], text, call=chat(SCHEMA)) == reason


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ({"type": "thing"}, "the schema itself is none: "),
        ({"$ref": "http://127.0.0.1:9/other.json"}, "the schema refers to http://127.0.0.1:9/"),
        ({"$ref": "#/$defs/none"}, "the schema refers to /$defs/none"),
        ({"$ref": "#"}, "it or the schema is nested too deeply"),
    ],
)
def test_a_schema_that_cannot_be_kept_to_should_fail_and_fetch_nothing(
    schema: Mapping[str, Any], reason: str
) -> None:
    assert schema_violation({}, schema).startswith(reason)


def test_calls_of_tools_should_name_tools_that_there_are() -> None:
    call = chat(tools=(Tool(name="find", parameters=SCHEMA), Tool(name="stop")))

    def told(name: str, arguments: str) -> str:
        return verdict(
            ["tools"], call=call, tool_calls=(ToolCall(id="1", name=name, arguments=arguments),)
        )

    assert told("find", '{"name": "Ada"}') == ""
    assert told("stop", "") == ""
    assert told("lose", "{}") == "tools: it calls a tool that there is not"
    assert told("find", "{}") == 'tools: arguments of find: $ does not keep to required ["name"]'
    assert told("find", "name=Ada").startswith("tools: arguments of find: it is no JSON")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("length:3..5", ""),
        ("length:..5", ""),
        ("length:6..", "length: it has 5 characters, and 6 are the fewest"),
        ("length:..4", "length: it has 5 characters, and 4 are the most"),
        ("contains:WEIR", ""),
        ("contains:dam", "contains: it does not say 'dam'"),
        ("lacks:dam", ""),
        ("lacks:weir", "lacks: it says 'weir'"),
    ],
)
def test_lengths_and_words_should_be_those_wanted(name: str, reason: str) -> None:
    assert verdict([name], " weirs\n") == reason


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["jsn"], r"No check is called 'jsn'\. There are: finish, json, .*length:"),
        (["contains"], "No check is called 'contains'"),
        (["json:x"], "No check is called 'json:x'"),
        (["contains: "], "nothing behind its colon"),
        (["length:9..2"], "fewest and the most characters"),
        (["length:.."], "fewest and the most characters"),
        (["schema"], "takes a call with a JSON Schema"),
        (["json"] * 9, "There are 9 checks; give 8 at most"),
    ],
)
def test_a_check_that_is_none_should_be_refused(names: list[str], message: str) -> None:
    with pytest.raises(InvalidInput, match=message) as refused:
        parse_checks(names, chat())
    assert refused.value.field == "checks"


def test_vectors_should_have_no_checks_and_pictures_only_moderation() -> None:
    with pytest.raises(InvalidInput, match="The check json is not for embedding"):
        parse_checks(["json"], EmbedCall(texts=("a",)))
    picture = ImageCall(prompt="a weir")
    judge = Recorded(CheckVerdict(passed=False, reason="it shows harm"))
    output = ImageOutput(images=(b"",))
    found = run_checks(parse_checks(["moderated"], picture), picture, output, {"moderated": judge})
    assert found == CheckVerdict(passed=False, reason="moderated: it shows harm")
    with pytest.raises(InvalidInput, match="The check finish is not for image"):
        parse_checks(["finish"], picture)


def test_judges_should_be_asked_last_and_only_if_all_else_passed() -> None:
    judge = Recorded(PASSED)
    judges = {"moderated": judge}
    assert verdict(["moderated", "json"], "no", judges=judges).startswith("json:")
    assert judge.shown == []
    assert verdict(["moderated", "json"], "{}", judges=judges) == ""
    assert len(judge.shown) == 1
    with pytest.raises(InvalidInput, match="no judge for the check self-check; it has: moderated"):
        verdict(["self-check"], judges=judges)


def test_what_all_judges_cost_should_be_told_whoever_fails_the_answer() -> None:
    line = ReceiptLine(model="words", role="support check")
    judges = {
        "moderated": Recorded(CheckVerdict(True, lines=(line,))),
        "self-check": Recorded(CheckVerdict(False, "no", (line,))),
    }
    found = run_checks(
        parse_checks(["moderated", "self-check"], chat()), chat(), ChatOutput(text="x"), judges
    )
    assert found == CheckVerdict(False, "self-check: no", (line, line))


def test_an_answer_should_be_held_only_to_what_a_call_gives() -> None:
    with pytest.raises(InvalidInput, match="takes a call that gives something to go by"):
        parse_checks(["supported"], chat())
    result = Message(role="user", content=(ToolResult(id="a", text="It is 410 kW."),))
    given = chat().model_copy(update={"messages": (result,)})
    assert [check.kind for check in parse_checks(["supported"], given)] == ["supported"]


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values)
def test_any_json_should_be_read_back(value: Any) -> None:
    text = json.dumps(value)
    assert parse_json(text) == value
    assert parse_json(f"```json\n{text}\n```") == value


@given(st.text())
def test_any_text_should_have_a_verdict(text: str) -> None:
    for name in ("json", "schema", "length:1..9", "contains:x", "lacks:x", "finish"):
        assert isinstance(verdict([name], text, call=chat(SCHEMA)), str)


def test_what_is_told_of_a_schema_should_be_text_whatever_a_model_calls_things() -> None:
    told = schema_violation({"\ud83d": "x"}, {"additionalProperties": {"type": "number"}})
    assert told.encode().startswith(b"$['\\ud83d'] does not keep to type")
