from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
)
from chalicelib.generation.streams import TextDelta, ToolDelta
from functions.stream_chat.core import run
from functions.stream_chat.handler import Counted
from tests.unit.functions.stream_chat.generating import (
    HELLO,
    REQUEST_ID,
    SAMPLE,
    Saying,
    body_of,
    deps_of,
    event,
    events_of,
)

ROUTE = "/v1/chat/completions"


def asked(**more: Any) -> dict[str, Any]:
    return event(ROUTE, model="auto", messages=[HELLO], **more)


def test_should_answer_whole_from_the_same_route_that_streams() -> None:
    saying = Saying(TextDelta("Good "), TextDelta("day."))
    answer = run(SAMPLE, saying.deps)
    told = body_of(answer)
    assert (answer.head.status, answer.head.headers["Content-Type"]) == (200, "application/json")
    assert told["choices"][0]["message"]["content"] == "Good day."
    assert told["usage"]["total_tokens"] == 7
    assert told["headrace"]["plan"]
    ((_, terms, spender),) = saying.calls
    assert terms.model == "auto"
    assert (spender.tenant, spender.key) == ("acme", "3f9a17c2b4d0")
    assert spender.correlation_id == REQUEST_ID


def test_should_send_each_piece_when_it_is_made() -> None:
    saying = Saying(TextDelta("Good "), TextDelta("day."))
    answer = run(asked(stream=True), saying.deps)
    assert saying.yielded == 1
    body = iter(answer.body)
    assert b'"role":"assistant"' in next(body)
    assert b'"content":"Good "' in next(body)
    assert saying.yielded == 1
    assert b'"content":"day."' in next(body)
    assert saying.yielded == 2
    assert list(body)[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize("include_usage", [True, False])
def test_should_end_a_stream_with_the_reason_and_usage_where_it_is_asked_for(
    include_usage: bool,
) -> None:
    saying = Saying(TextDelta("Hi"), finish="length")
    more = {"stream_options": {"include_usage": include_usage}}
    answer = run(asked(stream=True, **more), saying.deps)
    chunks = [chunk for _, chunk in events_of(answer)]
    ending = next(chunk for chunk in chunks if chunk.get("headrace"))
    assert ending["choices"] == [
        {"index": 0, "delta": {}, "finish_reason": "length", "logprobs": None}
    ]
    assert (ending["model"], ending["headrace"]["answered_by"]) == ("nova-micro", "small")
    assert [chunk["usage"]["total_tokens"] for chunk in chunks if "usage" in chunk] == (
        [7] if include_usage else []
    )
    assert {chunk["id"] for chunk in chunks} == {f"chatcmpl-{REQUEST_ID}"}


def test_should_stream_the_pieces_of_tool_calls() -> None:
    saying = Saying(
        ToolDelta(0, "t1", "weather", ""),
        ToolDelta(0, "", "", '{"town":"Ulm"}'),
        finish="tool_calls",
    )
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}
    chunks = [chunk for _, chunk in events_of(run(asked(stream=True, tools=[tool]), saying.deps))]
    pieces = [
        call for chunk in chunks for call in chunk["choices"][0]["delta"].get("tool_calls", ())
    ]
    assert pieces == [
        {
            "index": 0,
            "id": "t1",
            "type": "function",
            "function": {"name": "weather", "arguments": ""},
        },
        {"index": 0, "function": {"arguments": '{"town":"Ulm"}'}},
    ]
    assert chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"
    assert saying.chat.tools[0].name == "weather"


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("error", "status", "code", "again"),
    [
        (InvalidInput("Too long.", field="messages"), 400, "invalid_value", None),
        (NotFound("There are: a, b.", field="model"), 404, "model_not_found", None),
        (QuotaExceeded("Used up.", retry_after=77), 429, "insufficient_quota", "77"),
        (Throttled("slower"), 429, "rate_limit_exceeded", "1"),
        (Transient("no answer"), 503, "service_unavailable", "1"),
        (ModelFailure("none"), 502, "model_error", None),
        (HeadraceError("secret"), 500, None, None),
    ],
)
def test_should_tell_what_fails_first_by_its_status(
    error: HeadraceError, status: int, code: str | None, again: str | None, stream: bool
) -> None:
    saying = Saying(error)
    answer = run(asked(stream=stream), saying.deps)
    told = body_of(answer)["error"]
    assert (answer.head.status, told["code"], told["param"]) == (status, code, error.field)
    assert answer.head.headers.get("Retry-After") == again
    assert told["request_id"] == REQUEST_ID
    assert saying.logged == [error]
    assert "secret" not in json.dumps(told)


def test_should_tell_what_fails_later_as_the_last_event_and_not_be_done() -> None:
    error = Transient("the model hung up")
    saying = Saying(TextDelta("Good "), error)
    answer = run(asked(stream=True), saying.deps)
    told = b"".join(answer.body)
    assert answer.head.status == 200
    last = json.loads(told.decode().strip().split("\n\n")[-1].removeprefix("data: "))
    assert last["error"]["code"] == "service_unavailable"
    assert b"hung up" not in told
    assert b"[DONE]" not in told
    assert saying.logged == [error]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("", "body"),
        ("{", "body"),
        ('{"messages": [{"role": "user", "content": "Hello"}]}', "model"),
        ('{"model": "auto", "messages": []}', "messages"),
        ('{"model": "auto", "messages": [{"role": "user", "content": "a"}], "n": 2}', "n"),
        ('{"model": "auto", "messages": [{"role": "user", "content": "a"}], "top_p": 2}', "top_p"),
        (
            '{"model": "a", "messages": [{"role": "user", "content": [{"type": {}}]}]}',
            "messages.0.content",
        ),
        ('{"model": "a", "messages": [{"role": "user", "content": {}}]}', "messages.0.content"),
        ('{"model": "a", "messages": [{"role": "user"}]}', "messages.0.content"),
        ('{"model": "a", "messages": [{"role": "owner"}]}', "messages.0"),
        (
            '{"model": "a", "messages": [{"role": "user", "content": "a"}], "headrace": {"b": 2}}',
            "headrace.b",
        ),
    ],
)
def test_should_refuse_a_wrong_body_as_openai_does_before_anything_is_asked(
    body: str, param: str
) -> None:
    saying = Saying(TextDelta("Hi"))
    answer = run({**SAMPLE, "body": body}, saying.deps)
    told = body_of(answer)["error"]
    assert (answer.head.status, told["type"]) == (400, "invalid_request_error")
    assert told["param"] == param
    assert saying.calls == []


def test_should_take_a_body_in_base64_and_our_own_terms() -> None:
    saying = Saying(TextDelta("Hi"))
    more = {"headrace": {"quality": 3, "budget": "0.01", "checks": ["length:1..9"]}}
    body = base64.b64encode(asked(**more)["body"].encode()).decode()
    assert run({**SAMPLE, "body": body, "isBase64Encoded": True}, saying.deps).head.status == 200
    ((_, terms, _),) = saying.calls
    assert (terms.quality, str(terms.budget), terms.checks) == (3, "0.01", ("length:1..9",))


def test_should_let_the_pages_read_an_answer_that_the_stage_names() -> None:
    here = "https://console.example"
    saying = Saying(TextDelta("Hi"))
    readable = "Access-Control-Allow-Origin"
    for body in (SAMPLE["body"], "{"):
        given = {**SAMPLE, "body": body, "headers": {"Origin": here}}
        allowing = deps_of(saying, saying.logged.append, here)
        assert run(given, allowing).head.headers[readable] == here
        assert readable not in run(given, saying.deps).head.headers


@pytest.mark.parametrize("stream", [True, False])
def test_should_add_the_receipt_to_what_is_spent_once(
    stream: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    saying = Saying(TextDelta("Hi"))
    deps = deps_of(Counted(saying), saying.logged.append)
    assert list(run(asked(stream=stream), deps).body)
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["Dollars"] == [0.0]
