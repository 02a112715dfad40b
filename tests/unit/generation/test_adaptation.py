from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    ChatCall,
    EmbedCall,
    JsonOutput,
    Message,
    Terms,
    TextPart,
    Tool,
)
from chalicelib.generation.adaptation import adapt_call, repair_call
from chalicelib.generation.eligibility import load_for_model
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import EndpointBackend
from chalicelib.generation.requirements import CallRegion, derive_requirements
from chalicelib.generation.tokens import max_load

HELLO = ChatCall(messages=(Message(role="user", content=(TextPart(text="Hello"),)),))
NOVA = served_models().model("nova-micro")
SCHEMA = {"type": "object", "required": ["a"]}


def test_what_a_model_does_not_take_should_be_left_out() -> None:
    call = HELLO.model_copy(update={"seed": 3, "temperature": 0.2, "top_p": 0.5})
    assert adapt_call(call, replace(NOVA, refuses=("seed",))) == call.model_copy(
        update={"seed": None}
    )
    both = replace(NOVA, refuses=("temperature+top_p",))
    assert adapt_call(call, both) == call.model_copy(update={"top_p": None})
    alone = HELLO.model_copy(update={"top_p": 0.5})
    assert adapt_call(alone, both) == alone


@pytest.mark.parametrize(("given", "taken"), [(None, None), (0.0, 0.0), (1.0, 1.0), (1.9, 1.0)])
def test_temperature_should_stay_within_what_converse_takes(
    given: float | None, taken: float | None
) -> None:
    call = HELLO.model_copy(update={"temperature": given})
    found = adapt_call(call, replace(NOVA, refuses=()))
    assert isinstance(found, ChatCall)
    assert found.temperature == taken


def test_json_should_be_asked_for_in_words_where_the_api_does_not_hold_it() -> None:
    call = HELLO.model_copy(
        update={"system": "Be brief.", "json_output": JsonOutput(json_schema=SCHEMA)}
    )
    found = adapt_call(call, replace(NOVA, abilities=frozenset({"json"})))
    assert isinstance(found, ChatCall)
    assert found.json_output is None
    assert found.system.startswith("Be brief.\n\nReply with one JSON object")
    assert '{"type": "object", "required": ["a"]}' in found.system
    able = replace(NOVA, abilities=frozenset({"json", "json_schema"}))
    assert adapt_call(call, able) == adapt_call(call, NOVA)
    closed = {"type": "object", "properties": {"a": {"type": "string"}}}
    narrow = call.model_copy(update={"json_output": JsonOutput(json_schema=closed)})
    assert adapt_call(narrow, able) == narrow
    backend = EndpointBackend("an-endpoint", "openai-chat")
    assert adapt_call(call, replace(able, backend=backend)) == call


@given(st.booleans(), st.booleans(), st.booleans(), st.text(max_size=40), st.booleans())
@example(by_api=False, tooled=False, closed=False, system="0\xa0", has_schema=True)
def test_a_load_should_never_be_less_than_that_of_the_call_as_it_is_asked(
    by_api: bool, tooled: bool, closed: bool, system: str, has_schema: bool
) -> None:
    properties = {"properties": {"a": {"type": "string"}}} if closed else {}
    schema = {"type": "object", **properties} if has_schema else None
    call = HELLO.model_copy(
        update={
            "system": system,
            "json_output": JsonOutput(json_schema=schema),
            "tools": (Tool(name="look"),) if tooled else (),
        }
    )
    able = replace(NOVA, abilities=frozenset({"json", "json_schema"} if by_api else {"json"}))
    load = load_for_model(derive_requirements(call, Terms(), CallRegion("us-east-1")), able)
    alone = max_load(adapt_call(call, able))[0]
    assert load.tokens_in >= alone.tokens_in + (able.limits.tool_tokens if tooled else 0)
    assert load.tokens_out == alone.tokens_out


def test_an_object_of_no_schema_should_be_asked_for_in_words_by_all() -> None:
    call = HELLO.model_copy(update={"json_output": JsonOutput()})
    found = adapt_call(call, replace(NOVA, abilities=frozenset({"json", "json_schema"})))
    assert isinstance(found, ChatCall)
    assert found.json_output is None
    assert "Schema" not in found.system


def test_other_calls_should_stay_as_they_are() -> None:
    call = EmbedCall(texts=("a",))
    assert adapt_call(call, NOVA) is call


def test_a_repair_should_show_the_answer_and_say_what_is_wrong_with_it() -> None:
    mended = repair_call(HELLO, "{", "schema: it is no JSON")
    roles = [message.role for message in mended.messages]
    assert roles == ["user", "assistant", "user"]
    assert mended.messages[1].content == (TextPart(text="{"),)
    (words,) = mended.messages[2].content
    assert isinstance(words, TextPart)
    assert "schema: it is no JSON" in words.text
    assert repair_call(HELLO, "", "x").messages[1].content == (TextPart(text="(nothing)"),)
