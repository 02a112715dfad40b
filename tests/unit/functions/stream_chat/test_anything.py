"""Whatever is sent is answered or refused; nothing of it is a fault."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.generation.streams import TextDelta
from functions.stream_chat.core import run
from tests.soak import often
from tests.unit.functions.stream_chat.generating import Saying, body_of, event

WORDS = (
    *("type", "text", "role", "user", "assistant", "tool", "system", "content", "image_url"),
    *("url", "input_text", "input_image", "refusal", "function", "function_call", "name"),
    *("arguments", "call_id", "output", "json_schema", "schema", "id", "tool_calls", "required"),
)
KEYS = st.sampled_from(WORDS) | st.text(max_size=5)
LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | KEYS
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    "/v1/chat/completions": ("messages", "tools", "tool_choice", "response_format", "stop", "n"),
    "/v1/responses": ("input", "tools", "tool_choice", "text", "reasoning", "metadata"),
    "/v1/embeddings": ("input", "dimensions", "encoding_format"),
    "/v1/images/generations": ("prompt", "size", "n", "seed"),
}
VALID: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hello"}]},
    "/v1/responses": {"input": "Hello"},
    "/v1/embeddings": {"input": "Hello"},
    "/v1/images/generations": {"prompt": "Hello"},
}


@pytest.mark.parametrize("route", FIELDS)
@settings(max_examples=often(100, 25))
@given(data=st.data())
def test_what_is_sent_should_be_answered_or_refused_by_name(
    route: str, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from([*FIELDS[route], "headrace", "model"]))
    body = {"model": "auto", **VALID[route], name: data.draw(VALUES)}
    answer = run(event(route, **body), Saying(TextDelta("Hi")).deps)
    assert answer.head.status in {200, 400, 502}
    if answer.head.status == 400:
        assert body_of(answer)["error"]["message"]
