from __future__ import annotations

import base64
import itertools
import json
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
)
from chalicelib.contracts.openai.chat import ChatCompletionRequest
from chalicelib.errors import HeadraceError, InvalidInput, Unsupported
from chalicelib.generation.bodies import converse
from chalicelib.openai.chat import chat_call, terms
from chalicelib.openai.turns import DEFAULT_MAX_TOKENS

PICTURE = "data:image/png;base64," + base64.b64encode(b"PNG").decode()
HELLO = {"role": "user", "content": "Hello"}
WEATHER = {
    "type": "function",
    "function": {"name": "weather", "description": "of a town", "parameters": {"type": "object"}},
}


def asked(*messages: Any, **more: Any) -> ChatCompletionRequest:
    body = {"model": "auto", "messages": list(messages or (HELLO,)), **more}
    return ChatCompletionRequest.model_validate_json(json.dumps(body))


def test_a_conversation_should_become_turns_with_instructions_apart() -> None:
    call = chat_call(
        asked(
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "What is this?"}]},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": PICTURE}}]},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "a", "type": "function", "function": {"name": "weather"}},
                    {
                        "id": "b",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"town":"Ulm"}'},
                    },
                ],
            },
            {"role": "tool", "tool_call_id": "a", "content": "rain"},
            {"role": "tool", "tool_call_id": "b", "content": "sun"},
            {"role": "developer", "content": "In German."},
            {"role": "user", "content": "And?"},
        )
    )
    assert call.system == "Be brief.\n\nIn German."
    assert [message.role for message in call.messages] == ["user", "assistant", "user"]
    first, second, third = call.messages
    assert first.content == (
        TextPart(text="What is this?"),
        ImagePart(media_type="image/png", data=base64.b64encode(b"PNG")),
    )
    assert second.content == (
        ToolCall(id="a", name="weather", arguments="{}"),
        ToolCall(id="b", name="weather", arguments='{"town":"Ulm"}'),
    )
    assert third.content == (
        ToolResult(id="a", text="rain"),
        ToolResult(id="b", text="sun"),
        TextPart(text="And?"),
    )
    assert converse.build_request(call)["messages"]


def test_parameters_should_be_taken_over() -> None:
    call = chat_call(
        asked(
            max_tokens=7,
            max_completion_tokens=9,
            temperature=0.1,
            top_p=0.5,
            stop="END",
            seed=3,
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "weather"}},
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": {"type": "object"}, "strict": True},
            },
        )
    )
    assert call == ChatCall(
        messages=(Message(role="user", content=(TextPart(text="Hello"),)),),
        max_tokens=9,
        temperature=0.1,
        top_p=0.5,
        stop=("END",),
        seed=3,
        tools=(Tool(name="weather", description="of a town", parameters={"type": "object"}),),
        tool_choice="weather",
        json_output=JsonOutput(name="reply", json_schema={"type": "object"}),
    )


def test_what_is_not_said_should_be_the_house_default() -> None:
    call = chat_call(asked(stream=True, metadata={"a": "b"}, user="u", store=False, n=1))
    assert call.max_tokens == DEFAULT_MAX_TOKENS
    assert call.temperature is None
    assert call.stop == ()
    assert call.json_output is None


@pytest.mark.parametrize(
    ("more", "model", "tier", "checks"),
    [
        ({}, "auto", "standard", ()),
        ({"service_tier": "flex"}, "auto", "flex", ()),
        ({"service_tier": "priority"}, "auto", "standard", ()),
        ({"response_format": {"type": "json_object"}}, "auto", "standard", ()),
        ({"headrace": {"checks": ["length:1..9"]}}, "auto", "standard", ("length:1..9",)),
        ({"model": "nova-micro"}, "nova-micro", "standard", ()),
    ],
)
def test_terms_should_say_who_may_answer(
    more: dict[str, Any], model: str, tier: str, checks: tuple[str, ...]
) -> None:
    found = terms(asked(**more))
    assert (found.model, found.service_tier, found.checks) == (model, tier, checks)


def test_a_seed_should_be_honoured_by_the_model_or_refused() -> None:
    assert terms(asked(seed=0)).required_parameters == ("seed",)
    assert terms(asked(temperature=0)).required_parameters == ()


def test_one_tool_call_at_most_should_be_taken_over() -> None:
    assert chat_call(asked(tools=[WEATHER])).parallel_tool_calls
    assert chat_call(asked(tools=[WEATHER], parallel_tool_calls=True)).parallel_tool_calls
    assert not chat_call(asked(tools=[WEATHER], parallel_tool_calls=False)).parallel_tool_calls


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"frequency_penalty": 0.5}, "frequency_penalty"),
        ({"presence_penalty": -1}, "presence_penalty"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"functions": []}, "functions"),
        ({"function_call": "auto"}, "function_call"),
        ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0.type"),
    ],
)
def test_what_is_not_done_should_be_refused_by_name(more: dict[str, Any], field: str) -> None:
    with pytest.raises(Unsupported) as refused:
        chat_call(asked(**more))
    assert refused.value.field == field


@pytest.mark.parametrize(
    "more", [{"logprobs": False}, {"frequency_penalty": 0}, {"modalities": ["text"]}]
)
def test_defaults_that_clients_send_should_be_taken(more: dict[str, Any]) -> None:
    assert chat_call(asked(**more)).messages


@pytest.mark.parametrize(
    ("messages", "more", "field"),
    [
        ([{"role": "system", "content": "Be brief."}], {}, "messages"),
        ([{"role": "user", "content": ""}], {}, "messages.0"),
        (
            [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}],
            {},
            "messages.0.content.0.type",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}],
                }
            ],
            {},
            "messages.0.content.0.image_url.url",
        ),
        (
            [
                {
                    "role": "user",
                    "content": [
                        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAA"}}
                    ],
                }
            ],
            {},
            "messages.0.content.0.image_url.url",
        ),
        (
            [
                {
                    "role": "system",
                    "content": [{"type": "image_url", "image_url": {"url": PICTURE}}],
                },
                HELLO,
            ],
            {},
            "messages.0.content",
        ),
        ([HELLO], {"stop": ["a"] * 5}, "stop"),
        ([HELLO], {"stop": [""]}, "stop"),
        ([HELLO], {"tool_choice": "required"}, "tools"),
        (
            [HELLO],
            {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice",
        ),
        (
            [HELLO],
            {"tools": [{"type": "function", "function": {"name": "a b"}}]},
            "tools.0.function.name",
        ),
        ([HELLO], {"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_a_mistake_should_be_told_with_its_place(
    messages: list[Any], more: dict[str, Any], field: str
) -> None:
    with pytest.raises(HeadraceError) as refused:
        chat_call(asked(*messages, **more))
    assert isinstance(refused.value, InvalidInput | Unsupported)
    assert refused.value.field == field


ROLES = st.sampled_from(["system", "developer", "user", "assistant", "tool"])


@given(st.lists(st.tuples(ROLES, st.text(min_size=1, max_size=8)), min_size=1, max_size=12))
def test_turns_should_alternate_and_lose_no_text(said: list[tuple[str, str]]) -> None:
    messages = [
        {"role": role, "content": text, **({"tool_call_id": "t"} if role == "tool" else {})}
        for role, text in said
    ]
    if all(role in {"system", "developer"} for role, _ in said):
        with pytest.raises(InvalidInput, match="not an instruction"):
            chat_call(asked(*messages))
        return
    call = chat_call(asked(*messages))
    roles = [message.role for message in call.messages]
    assert all(one != other for one, other in itertools.pairwise(roles))
    kept = [part.text for message in call.messages for part in message.content]  # type: ignore[union-attr]
    assert kept == [text for role, text in said if role not in {"system", "developer"}]
    instructed = [text for role, text in said if role in {"system", "developer"}]
    assert call.system == "\n\n".join(instructed)
