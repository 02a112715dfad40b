"""Which version a request speaks, and the headers that must say what its body says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mcp.jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNSUPPORTED_VERSION,
    RpcError,
    RpcMessage,
)
from chalicelib.mcp.versions import (
    CAPABILITIES_KEY,
    TASKS_EXTENSION,
    VERSION_KEY,
    decode_header,
    encode_header,
    read_envelope,
)

MODERN = "2026-07-28"
META: dict[str, Any] = {VERSION_KEY: MODERN, CAPABILITIES_KEY: {}}
HEADERS = {"mcp-protocol-version": MODERN, "mcp-method": "tools/call", "mcp-name": "ask"}


def message(method: str = "tools/call", meta: Any = META, **params: Any) -> RpcMessage:
    given_params = {"name": "ask", **params} if method == "tools/call" else params
    return RpcMessage(method, given_params if meta is None else {**given_params, "_meta": meta}, 7)


def refusal(asked: RpcMessage, headers: dict[str, str] | None) -> RpcError:
    with pytest.raises(RpcError) as raised:
        read_envelope(asked, headers)
    assert raised.value.request_id == 7
    return raised.value


def test_a_request_should_say_its_version_and_capabilities_itself() -> None:
    meta = {**META, CAPABILITIES_KEY: {"extensions": {TASKS_EXTENSION: {}}}}
    envelope = read_envelope(message(meta=meta), HEADERS)
    assert envelope.is_modern
    assert envelope.has_tasks
    assert not read_envelope(message(), HEADERS).has_tasks
    assert read_envelope(message(), None) == read_envelope(message(), HEADERS)


@pytest.mark.parametrize(
    ("header", "version"),
    [("2025-11-25", "2025-11-25"), ("2025-06-18", "2025-06-18"), (None, "2025-06-18")],
)
def test_a_request_of_before_should_speak_what_its_header_says(
    header: str | None, version: str
) -> None:
    headers = {"mcp-protocol-version": header} if header else {}
    envelope = read_envelope(message("tools/list", None), headers)
    assert (envelope.version, envelope.is_modern) == (version, False)


@pytest.mark.parametrize(
    ("wanted", "settled"),
    [("2025-11-25",) * 2, ("2025-06-18",) * 2, ("2024-11-05", "2025-11-25"), (None, "2025-11-25")],
)
def test_initialize_should_settle_a_version_that_both_know(wanted: Any, settled: str) -> None:
    assert read_envelope(message("initialize", None, protocolVersion=wanted), {}).version == settled


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"mcp-protocol-version": "2025-11-25"}, "MCP-Protocol-Version"),
        ({"mcp-protocol-version": None}, "MCP-Protocol-Version"),
        ({"mcp-method": "prompts/list"}, "Mcp-Method"),
        ({"mcp-method": "TOOLS/CALL"}, "Mcp-Method"),
        ({"mcp-method": None}, "Mcp-Method"),
        ({"mcp-name": "search"}, "Mcp-Name"),
        ({"mcp-name": "=?base64?YXN!?="}, "Mcp-Name"),
        ({"mcp-name": None}, "Mcp-Name"),
    ],
)
def test_a_header_that_says_something_else_should_be_named(
    changed: dict[str, str | None], named: str
) -> None:
    headers = {name: value for name, value in {**HEADERS, **changed}.items() if value is not None}
    error = refusal(message(), headers)
    assert (error.code, error.data) == (HEADER_MISMATCH, {"field": named})


def test_headers_should_be_taken_with_white_space_and_in_base64() -> None:
    for name in ("  ask ", "=?base64?YXNr?="):
        assert read_envelope(message(), {**HEADERS, "mcp-name": name}).is_modern


@pytest.mark.parametrize(
    "meta", [None, {}, [], {VERSION_KEY: MODERN}, {**META, CAPABILITIES_KEY: 1}]
)
def test_a_request_that_lacks_what_each_must_say_should_be_invalid(meta: object) -> None:
    assert refusal(message(meta=meta), HEADERS).code == INVALID_PARAMS


def test_a_version_that_is_not_served_should_be_refused_with_those_that_are() -> None:
    unknown = "v999.0.0"
    for asked, headers in (
        (
            message(meta={**META, VERSION_KEY: unknown}),
            {**HEADERS, "mcp-protocol-version": unknown},
        ),
        (message(meta=None), {"mcp-protocol-version": unknown}),
    ):
        error = refusal(asked, headers)
        assert error.code == UNSUPPORTED_VERSION
        assert error.data == {"supported": [MODERN], "requested": unknown}


@given(st.text(max_size=60))
def test_a_header_should_be_decoded_as_what_was_encoded(text: str) -> None:
    header = encode_header(text)
    assert header.isascii()
    assert "\n" not in header
    assert decode_header(header) == text


@given(st.text(max_size=60))
def test_any_header_should_be_decoded_or_refused(value: str) -> None:
    decode_header(value)
    decode_header(f"=?base64?{value}?=")
