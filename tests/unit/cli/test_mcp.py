"""The bridge from standard input and output to `POST /mcp`."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chalicelib.mcp.jsonrpc import MAX_MESSAGE_BYTES
from chalicelib.mcp.server import IDEMPOTENCY_KEY
from cli.client import Api
from cli.mcp import StdioBridge
from tests.unit.mcp.messages import legacy, modern

Answer = Callable[[httpx.Request], httpx.Response]


def result(request: httpx.Request, **content: Any) -> httpx.Response:
    asked = json.loads(request.content)
    return httpx.Response(200, json={"jsonrpc": "2.0", "id": asked["id"], "result": content})


def bridged(answer: Answer, *messages: Any) -> list[dict[str, Any]]:
    """Return what a client reads that wrote `messages`, as JSON or as they are."""
    lines = b"".join(
        (each if isinstance(each, bytes) else json.dumps(each).encode()) + b"\n"
        for each in messages
    )
    api = Api(
        "http://127.0.0.1:1",
        "hr_x",
        transport=httpx.MockTransport(answer),
        sleep=lambda seconds: None,
    )
    output = io.BytesIO()
    StdioBridge(api, output).serve(io.BytesIO(lines))
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_a_message_should_be_sent_with_the_headers_that_it_implies() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return result(request, told="ü\n")

    uri = "headrace://documents/dö"
    (told,) = bridged(answer, modern("resources/read", uri=uri)[0])
    assert told["result"] == {"told": "ü\n"}
    (request,) = seen
    assert request.url.path == "/mcp"
    assert request.headers["authorization"] == "Bearer hr_x"
    assert request.headers["mcp-protocol-version"] == "2026-07-28"
    assert request.headers["mcp-method"] == "resources/read"
    assert request.headers["mcp-name"].startswith("=?base64?")


def test_what_initialize_settles_should_be_said_of_the_requests_after_it() -> None:
    versions: list[str | None] = []

    def answer(request: httpx.Request) -> httpx.Response:
        versions.append(request.headers.get("mcp-protocol-version"))
        return result(request, protocolVersion="2025-06-18")

    bridged(answer, legacy("initialize", protocolVersion="2025-06-18")[0], legacy("ping")[0])
    assert versions == [None, "2025-06-18"]


def test_a_call_that_is_sent_again_should_have_the_same_key() -> None:
    keys: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        keys.append(json.loads(request.content)["params"]["_meta"][IDEMPOTENCY_KEY])
        if len(keys) == 1:
            raise httpx.ReadError("lost")
        return result(request)

    assert len(bridged(answer, modern("tools/call", name="ask", arguments={})[0])) == 1
    assert len(keys) == 2
    assert len(set(keys)) == 1
    mine = modern("tools/call", name="ask", arguments={}, meta={IDEMPOTENCY_KEY: "mine"})[0]
    bridged(answer, mine)
    assert keys[-1] == "mine"


@pytest.mark.parametrize(
    ("response", "told"),
    [
        (
            httpx.Response(403, json={"error": {"type": "Forbidden", "message": "was revoked"}}),
            "HTTP 403: was revoked",
        ),
        (httpx.Response(404, text="<html>"), "HTTP 404, which is no JSON."),
        (httpx.Response(401, json=[]), "HTTP 401: []"),
        (httpx.ConnectError("refused"), "Cannot reach http://127.0.0.1:1: refused"),
    ],
)
def test_what_is_no_json_rpc_should_be_told_as_its_error(
    response: httpx.Response | httpx.ConnectError, told: str
) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(response, httpx.ConnectError):
            raise response
        return response

    (read,) = bridged(answer, modern("tools/list")[0])
    assert (read["id"], read["error"]["message"]) == (1, told)


def test_lines_that_are_no_messages_should_be_answered_and_the_next_one_read() -> None:
    long = b'"' + b"x" * (2 * MAX_MESSAGE_BYTES) + b'"'
    told = bridged(result, b"{", b"", long, b"[]", legacy("ping")[0])
    assert [each.get("error", {}).get("code") for each in told] == [-32700, -32700, -32600, None]


def test_a_message_that_is_too_large_should_be_answered_by_its_id() -> None:
    long = json.dumps(modern("tools/call", name="search", arguments={"x": "x" * 5_000_000})[0])
    (told,) = bridged(result, long.encode())
    assert (told["id"], told["error"]["code"]) == (1, -32700)


def test_a_replacement_character_should_reach_the_api_as_an_escape() -> None:
    sent: list[bytes] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request.content)
        return result(request)

    request = modern("tools/call", name="search", arguments={"query": "\ufffd"})[0]
    (told,) = bridged(answer, json.dumps(request, ensure_ascii=False).encode())
    assert "result" in told
    assert json.loads(sent[0])["params"]["arguments"] == {"query": "\ufffd"}
    assert "\ufffd".encode() not in sent[0]


def test_a_notification_should_be_answered_by_nothing() -> None:
    told = bridged(
        lambda request: httpx.Response(202), {"jsonrpc": "2.0", "method": "notifications/x"}
    )
    assert told == []


def test_a_cancelled_request_should_be_told_nothing_more_of() -> None:
    begun = threading.Event()

    def answer(request: httpx.Request) -> httpx.Response:
        begun.wait(5)
        return result(request)

    class Client(io.BytesIO):
        """Writes the cancellation, and lets the request end once it was read."""

        def readline(self, size: int | None = -1) -> bytes:
            line = super().readline(size)
            if not line:
                begun.set()
            return line

    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    lines = b"\n".join(json.dumps(each).encode() for each in (legacy("ping")[0], cancel)) + b"\n"
    api = Api("http://127.0.0.1:1", "hr_x", transport=httpx.MockTransport(answer))
    output = io.BytesIO()
    StdioBridge(api, output).serve(Client(lines))
    assert output.getvalue() == b""


def test_a_cancellation_that_comes_too_late_should_leave_a_later_request_with_its_id() -> None:
    """`initialize` is answered before the next line is read."""
    cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}
    told = bridged(result, legacy("initialize")[0], cancel, legacy("ping")[0])
    assert [each["id"] for each in told] == [1, 1]
