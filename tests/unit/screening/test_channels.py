"""What a caller instructs and what nobody vouches for never share a channel."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.generations import (
    ChatCall,
    JsonOutput,
    Message,
    Part,
    TextPart,
    ToolCall,
    ToolResult,
)
from chalicelib.contracts.openai.chat import ChatCompletionRequest
from chalicelib.generation.adaptation import adapt_call, repair_call
from chalicelib.generation.bodies import converse
from chalicelib.openai.chat import chat_call
from chalicelib.screening.policies import stage_policy
from chalicelib.screening.screener import PolicySession
from tests.unit.generation import planning
from tests.unit.screening.fakes import screens

OURS = "caller's own words"
THEIRS = "words that nobody vouches for"
MODEL = planning.model("small", tier=1)

FOREIGN: st.SearchStrategy[Part] = st.one_of(
    st.builds(TextPart, text=st.just(THEIRS)),
    st.builds(ToolResult, id=st.just("a"), text=st.just(THEIRS)),
    st.builds(
        ToolCall, id=st.just("a"), name=st.just("f"), arguments=st.just(json.dumps({"q": THEIRS}))
    ),
)
CALLS = st.builds(
    lambda parts, output: ChatCall(
        system=OURS,
        messages=tuple(Message(role="user", content=tuple(each)) for each in parts),
        json_output=output,
    ),
    st.lists(st.lists(FOREIGN, min_size=1, max_size=3), min_size=1, max_size=3),
    st.sampled_from([None, JsonOutput(), JsonOutput(json_schema={"type": "object"})]),
)


def system_of(call: ChatCall) -> str:
    """Return all that a model is told as instructions."""
    body: Any = converse.build_request(call, "standard")
    return json.dumps(body.get("system", []))


@given(CALLS)
def test_a_model_should_be_instructed_by_the_caller_and_by_us_alone(call: ChatCall) -> None:
    ready = adapt_call(call, MODEL)
    assert isinstance(ready, ChatCall)
    assert OURS in system_of(ready)
    assert THEIRS not in system_of(ready)


@given(CALLS)
def test_an_answer_that_is_mended_should_go_back_as_a_message(call: ChatCall) -> None:
    mended = repair_call(call, THEIRS, f"it is no JSON: {THEIRS}")
    assert system_of(mended) == system_of(call)


@given(CALLS)
def test_what_is_screened_should_stay_in_its_channel(call: ChatCall) -> None:
    seen = PolicySession(stage_policy("flag"), screens(), "c").screen_input(call).call
    assert isinstance(seen, ChatCall)
    assert seen == call


def test_what_an_openai_client_sends_as_a_tool_or_a_user_should_never_be_instructions() -> None:
    used = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    body = {
        "model": "auto",
        "messages": [
            {"role": "system", "content": OURS},
            {"role": "user", "content": THEIRS},
            {"role": "assistant", "content": None, "tool_calls": [used]},
            {"role": "tool", "tool_call_id": "a", "content": THEIRS},
        ],
    }
    call = chat_call(ChatCompletionRequest.model_validate_json(json.dumps(body)))
    assert call.system == OURS
    assert THEIRS not in system_of(call)
