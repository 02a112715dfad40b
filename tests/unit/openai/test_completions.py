from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from chalicelib.contracts.generations import ChatOutput, Generation, ToolCall, Usage
from chalicelib.contracts.receipts import Receipt
from chalicelib.contracts.screening import Finding
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NotFound,
    QuotaExceeded,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.generation.streams import TextDelta, ToolDelta
from chalicelib.openai.completions import CompletionChunks, chat_completion
from chalicelib.openai.errors import error_response


def generated(output: ChatOutput) -> Generation:
    return Generation(
        generation_id="gen_1",
        created_at=datetime(2026, 11, 26, tzinfo=UTC),
        model="nova-micro",
        answered_by="small",
        output=output,
        usage=Usage(tokens_in=5, tokens_out=2),
        attempts=(),
        plan=("nova-micro is the cheapest that suffices.",),
        receipt=Receipt(),
    )


def test_what_the_screen_found_should_be_told_beside_the_receipt() -> None:
    output = ChatOutput(text="Write to [EMAIL].")
    finding = Finding(
        rule="personal-data.email",
        category="personal-data",
        text=0,
        start=9,
        end=24,
        score=0.95,
        words="an e-mail address",
    )
    made = generated(output).model_copy(update={"findings": (finding,)})
    told = json.loads(chat_completion(made, output).model_dump_json())
    assert [one["rule"] for one in told["headrace"]["findings"]] == ["personal-data.email"]


def test_a_completion_should_say_what_was_said_and_what_it_cost() -> None:
    output = ChatOutput(text="Hello", finish="length")
    told = json.loads(chat_completion(generated(output), output).model_dump_json())
    assert told["object"] == "chat.completion"
    assert told["created"] == 1795651200
    assert told["choices"][0]["message"] == {
        "role": "assistant",
        "content": "Hello",
        "refusal": None,
    }
    assert told["choices"][0]["finish_reason"] == "length"
    assert told["usage"] == {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    assert told["headrace"]["answered_by"] == "small"
    assert told["headrace"]["receipt"]["dollars"] == "0"


def test_tool_calls_should_stand_in_place_of_text() -> None:
    output = ChatOutput(
        text="", tool_calls=(ToolCall(id="t", name="w", arguments="{}"),), finish="tool_calls"
    )
    message = chat_completion(generated(output), output).choices[0].message
    assert message.content is None
    assert message.tool_calls is not None
    assert message.tool_calls[0].function.name == "w"


def test_chunks_should_share_an_id_and_say_each_thing_once() -> None:
    output = ChatOutput(text="Hi")
    chunks = CompletionChunks("c", 7, "nova-micro")
    told = [
        chunks.first(),
        chunks.delta(TextDelta("Hi")),
        chunks.delta(ToolDelta(0, "t", "w", "")),
        chunks.delta(ToolDelta(0, "", "", "{}")),
        chunks.last(generated(output), output),
        chunks.usage(generated(output)),
    ]
    assert {(chunk.id, chunk.created, chunk.model) for chunk in told} == {("c", 7, "nova-micro")}
    assert [chunk.choices[0].finish_reason for chunk in told[:-1]] == [None] * 4 + ["stop"]
    first, more = told[2].choices[0].delta.tool_calls, told[3].choices[0].delta.tool_calls
    assert first is not None
    assert more is not None
    assert (first[0].id, first[0].type, first[0].function.name) == ("t", "function", "w")
    assert (more[0].id, more[0].type, more[0].function.arguments) == (None, None, "{}")
    assert told[-1].choices == ()
    assert told[-1].usage is not None
    assert told[-1].usage.total_tokens == 7


@pytest.mark.parametrize(
    ("error", "status", "kind", "code"),
    [
        (InvalidInput("m", field="f"), 400, "invalid_request_error", "invalid_value"),
        (Unsupported("m", field="f"), 400, "invalid_request_error", "unsupported_value"),
        (NotFound("m", field="model"), 404, "invalid_request_error", "model_not_found"),
        (NotFound("m", field="file_id"), 404, "invalid_request_error", "not_found"),
        (Conflict("m"), 409, "invalid_request_error", "conflict"),
        (QuotaExceeded("m"), 429, "insufficient_quota", "insufficient_quota"),
        (Throttled("m"), 429, "rate_limit_error", "rate_limit_exceeded"),
        (Transient("m"), 503, "server_error", "service_unavailable"),
        (ModelFailure("m"), 502, "server_error", "model_error"),
        (HeadraceError("secret"), 500, "server_error", None),
    ],
)
def test_an_error_should_be_one_that_clients_know(
    error: HeadraceError, status: int, kind: str, code: str | None
) -> None:
    found, body = error_response(error, "request-1")
    assert (found, body.error.type, body.error.code) == (status, kind, code)
    assert body.error.param == body.error.field == error.field
    assert body.error.request_id == "request-1"
    assert "secret" not in body.error.message
