"""Bodies of InvokeModel, family by family: to Converse and back.

https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters.html
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.bedrock.bodies.llama_mistral import parse_llama_prompt, parse_mistral_prompt
from localcloud.bedrock.chat_request import chat_request
from localcloud.bedrock.invoke import body_format_of, converse_params
from localcloud.errors import AwsError
from tests.soak import often

NOVA, CLAUDE = "amazon.nova-lite-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0"
LLAMA, MISTRAL = "meta.llama3-3-70b-instruct-v1:0", "mistral.mistral-large-3-675b-instruct"
MODELS = (NOVA, CLAUDE, LLAMA, MISTRAL)

USAGE = {"inputTokens": 7, "outputTokens": 2, "totalTokens": 9}
ANSWER = {
    "output": {"message": {"role": "assistant", "content": [{"text": "Hi."}]}},
    "stopReason": "max_tokens",
    "usage": USAGE,
}
EVENTS: list[dict[str, Any]] = [
    {"messageStart": {"role": "assistant"}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "Hi"}}},
    {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"text": "."}}},
    {"contentBlockStop": {"contentBlockIndex": 0}},
    {"messageStop": {"stopReason": "max_tokens"}},
    {"metadata": {"usage": USAGE, "metrics": {"latencyMs": 1}}},
]
TOOL = {"name": "weather", "input_schema": {"type": "object"}}


def claude(**more: Any) -> dict[str, Any]:
    return {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Hi"}],
        **more,
    }


def asked(model: str, body: dict[str, Any]) -> dict[str, Any]:
    return converse_params({**body_format_of(model, body).parse_request(body), "modelId": model})


def test_novas_body_should_be_converses() -> None:
    """https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html"""
    messages = [{"role": "user", "content": [{"text": "Hi"}]}]
    body = {
        "schemaVersion": "messages-v1",
        "system": [{"text": "Be brief."}],
        "messages": messages,
        "inferenceConfig": {"max_new_tokens": 9, "temperature": 0.5, "topK": 3},
    }
    call = asked(NOVA, body)
    assert call["messages"] == messages
    assert call["inferenceConfig"] == {"maxTokens": 9, "temperature": 0.5}
    assert call["additionalModelRequestFields"] == {"top_k": 3}
    family = body_format_of(NOVA, body)
    whole = family.render_response(ANSWER, NOVA)
    assert (whole["output"], whole["stopReason"]) == (ANSWER["output"], "max_tokens")
    chunks = list(family.render_stream(iter(EVENTS), NOVA))
    assert [next(iter(chunk)) for chunk in chunks] == [next(iter(event)) for event in EVENTS]
    assert chunks[-1]["metadata"]["usage"]["inputTokens"] == 7


def test_claudes_turns_tools_and_results_should_be_converses() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-tool-use.html"""
    use = {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Graz"}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "Rain", "is_error": True}
    body = claude(
        system="Be brief.",
        messages=[
            {"role": "user", "content": "Graz?"},
            {"role": "user", "content": [{"type": "text", "text": "Now?"}]},
            {"role": "assistant", "content": [use]},
            {"role": "user", "content": [result]},
        ],
        tools=[TOOL],
        tool_choice={"type": "tool", "name": "weather"},
        stop_sequences=["END"],
    )
    call = asked(CLAUDE, body)
    assert [turn["role"] for turn in call["messages"]] == ["user", "assistant", "user"]
    assert call["messages"][0]["content"] == [{"text": "Graz?"}, {"text": "Now?"}]
    assert call["messages"][2]["content"][0]["toolResult"]["status"] == "error"
    assert call["toolConfig"]["toolChoice"] == {"tool": {"name": "weather"}}
    assert call["inferenceConfig"] == {"maxTokens": 9, "stopSequences": ["END"]}
    assert "toolConfig" not in asked(CLAUDE, claude(tools=[TOOL], tool_choice={"type": "none"}))


def test_claudes_answer_should_be_a_message_with_blocks() -> None:
    use = {"toolUseId": "t1", "name": "weather", "input": {"city": "Graz"}}
    message = {"role": "assistant", "content": [{"text": "So:"}, {"toolUse": use}]}
    family = body_format_of(CLAUDE, {})
    whole = family.render_response(
        {**ANSWER, "output": {"message": message}, "stopReason": "tool_use"}, CLAUDE
    )
    assert whole["content"] == [
        {"type": "text", "text": "So:"},
        {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Graz"}},
    ]
    assert (whole["stop_reason"], whole["model"]) == ("tool_use", "claude-haiku-4-5-20251001")
    assert whole["usage"] == {"input_tokens": 7, "output_tokens": 2}


def test_claudes_stream_should_have_claudes_events() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html"""
    chunks = list(body_format_of(CLAUDE, {}).render_stream(iter(EVENTS), CLAUDE))
    assert [chunk["type"] for chunk in chunks] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert chunks[5]["delta"]["stop_reason"] == "max_tokens"
    started = {"toolUse": {"toolUseId": "t1", "name": "weather"}}
    called = [
        EVENTS[0],
        {"contentBlockStart": {"contentBlockIndex": 0, "start": started}},
        {"contentBlockDelta": {"contentBlockIndex": 0, "delta": {"toolUse": {"input": "{}"}}}},
        *EVENTS[3:],
    ]
    chunks = list(body_format_of(CLAUDE, {}).render_stream(iter(called), CLAUDE))
    assert chunks[1]["content_block"]["type"] == "tool_use"
    assert chunks[2]["delta"] == {"type": "input_json_delta", "partial_json": "{}"}


def test_llamas_prompt_should_be_taken_apart_into_turns() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html"""
    prompt = (
        "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n"
    )
    call = asked(LLAMA, {"prompt": prompt, "max_gen_len": 9})
    assert call["system"] == [{"text": "Be brief."}]
    assert call["messages"] == [{"role": "user", "content": [{"text": "Hi"}]}]
    assert parse_llama_prompt("Hi")["messages"][0]["content"] == [{"text": "Hi"}]
    family = body_format_of(LLAMA, {})
    assert family.render_response(ANSWER, LLAMA) == {
        "generation": "Hi.",
        "prompt_token_count": 7,
        "generation_token_count": 2,
        "stop_reason": "length",
    }
    chunks = list(family.render_stream(iter(EVENTS), LLAMA))
    assert [chunk["generation"] for chunk in chunks] == ["Hi", ".", ""]
    assert (chunks[-1]["prompt_token_count"], chunks[-1]["stop_reason"]) == (7, "length")


def test_mistral_should_take_prompts_and_messages() -> None:
    """https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html"""
    prompt = "<s>[INST] One? [/INST] Two.</s>[INST] Three? [/INST]"
    assert [turn["role"] for turn in parse_mistral_prompt(prompt)["messages"]] == [
        "user",
        "assistant",
        "user",
    ]
    assert body_format_of(MISTRAL, {"prompt": prompt}).render_response(ANSWER, MISTRAL) == {
        "outputs": [{"text": "Hi.", "stop_reason": "length"}]
    }
    chat = {"messages": [{"role": "system", "content": "S"}, {"role": "user", "content": "Hi"}]}
    call = asked(MISTRAL, {**chat, "max_tokens": 9, "top_k": 2, "stop": ["END"]})
    assert call["system"] == [{"text": "S"}]
    assert call["inferenceConfig"] == {"maxTokens": 9, "stopSequences": ["END"]}
    whole = body_format_of(MISTRAL, chat).render_response(ANSWER, MISTRAL)
    assert whole["choices"][0]["message"] == {"role": "assistant", "content": "Hi."}
    texts = [
        chunk["outputs"][0]["text"]
        for chunk in body_format_of(MISTRAL, {}).render_stream(iter(EVENTS), MISTRAL)
    ]
    assert "".join(texts) == "Hi."
    said = list(body_format_of(MISTRAL, chat).render_stream(iter(EVENTS), MISTRAL))
    assert said[-1]["choices"][0]["stop_reason"] == "length"


@pytest.mark.parametrize(
    ("model", "body", "message"),
    [
        (NOVA, {}, r"required key \[messages\]"),
        (NOVA, {"messages": [], "schemaVersion": "v9"}, "schemaVersion must be"),
        (NOVA, {"messages": [], "inferenceConfig": 3}, "must be an object"),
        (CLAUDE, {"max_tokens": 9, "messages": []}, r"required key \[anthropic_version\]"),
        (CLAUDE, claude(anthropic_version="2"), "must be bedrock-2023-05-31"),
        (CLAUDE, claude(thinking={}), r"extraneous key \[thinking\]"),
        (CLAUDE, claude(messages="Hi"), "messages must be a list"),
        (CLAUDE, claude(messages=[{"role": "system", "content": "x"}]), "role user or assistant"),
        (
            CLAUDE,
            claude(messages=[{"role": "user", "content": [{"type": "image", "source": {}}]}]),
            "reads text only, and a block has the type image",
        ),
        (CLAUDE, claude(tools=[{"name": "x"}]), "input_schema"),
        (CLAUDE, claude(tools=[TOOL], tool_choice={"type": "never"}), "tool_choice.type"),
        (LLAMA, {"prompt": 3}, "prompt must be a text"),
        (LLAMA, {"prompt": "x", "images": []}, r"extraneous key \[images\]"),
        (MISTRAL, {"messages": [{"role": "user"}]}, "a text as its content"),
        ("qwen.qwen3-32b-v1:0", {}, "knows no body of InvokeModel"),
    ],
)
def test_what_is_no_body_should_be_refused_by_name(
    model: str, body: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message) as caught:
        asked(model, body)
    assert caught.value.code == "ValidationException"


VALID: dict[str, dict[str, Any]] = {
    NOVA: {
        "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
        "system": [{"text": "S"}],
        "inferenceConfig": {"maxTokens": 9},
        "toolConfig": {
            "tools": [{"toolSpec": {"name": "w", "inputSchema": {"json": {"type": "object"}}}}],
            "toolChoice": {"any": {}},
        },
    },
    CLAUDE: claude(tools=[TOOL], tool_choice={"type": "any"}, system="S", top_k=1),
    LLAMA: {"prompt": "Hi", "max_gen_len": 9, "temperature": 0.5},
    MISTRAL: {"messages": [{"role": "user", "content": "Hi"}], "stop": ["END"]},
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of everything in a body."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        found = list(value.items())
    elif isinstance(value, list):
        found = list(enumerate(value))
    return [path, *(each for key, item in found for each in places(item, (*path, key)))]


@settings(max_examples=often(400, 100))
@given(model=st.sampled_from(MODELS), value=JSON, data=st.data())
def test_a_body_with_anything_in_it_should_be_taken_or_refused(
    model: str, value: Any, data: st.DataObject
) -> None:
    body = deepcopy(VALID[model])
    *way, last = data.draw(st.sampled_from([path for path in places(body) if path]))
    inner: Any = body
    for key in way:
        inner = inner[key]
    inner[last] = value
    allowed = ("ValidationException", "SerializationException")
    outcome = "taken"
    try:
        chat_request(asked(model, body))
    except AwsError as error:
        outcome = error.code
    assert outcome in ("taken", *allowed)
