"""Messages: what is one, what is refused, and with which code."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.mcp.jsonrpc import (
    INVALID_REQUEST,
    MAX_ID_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_METHOD_CHARACTERS,
    PARSE_ERROR,
    RpcError,
    RpcMessage,
    error_response,
    parse_message,
)

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def refusal(raw: bytes) -> RpcError:
    with pytest.raises(RpcError) as raised:
        parse_message(raw)
    return raised.value


def test_a_request_and_a_notification_should_be_told_apart() -> None:
    request = parse_message(json.dumps({**PING, "params": {"a": "ü"}}).encode())
    assert (request.method, request.request_id, request.params) == ("ping", 1, {"a": "ü"})
    assert not request.is_notification
    assert parse_message(b'{"jsonrpc":"2.0","method":"notifications/x"}').is_notification


@pytest.mark.parametrize(
    ("raw", "code", "told"),
    [
        (b"", PARSE_ERROR, "not JSON"),
        (b"{", PARSE_ERROR, "not JSON"),
        (b"\xff\xfe", PARSE_ERROR, "UTF-8"),
        ("\N{REPLACEMENT CHARACTER}".encode(), PARSE_ERROR, "U+FFFD"),
        (b'{"a": NaN}', PARSE_ERROR, "NaN is no JSON"),
        (rb'{"a": "\ud800"}', PARSE_ERROR, "surrogates"),
        (b'{"a": ' + b"9" * 5_000 + b"}", PARSE_ERROR, "not JSON"),
        (b"[" * 100_000, PARSE_ERROR, "nested too deeply"),
        (b" " * (MAX_MESSAGE_BYTES + 1), PARSE_ERROR, str(MAX_MESSAGE_BYTES)),
        (b"[]", INVALID_REQUEST, "Batches"),
        (json.dumps([PING, PING]).encode(), INVALID_REQUEST, "one message at a time"),
        (b'"ping"', INVALID_REQUEST, "a JSON object"),
        (b"{}", INVALID_REQUEST, "jsonrpc"),
        (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', INVALID_REQUEST, "jsonrpc"),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', INVALID_REQUEST, "takes no responses"),
        (b'{"jsonrpc":"2.0","id":1}', INVALID_REQUEST, "method"),
    ],
)
def test_what_is_no_message_should_be_refused_by_its_code(raw: bytes, code: int, told: str) -> None:
    error = refusal(raw)
    assert error.code == code
    assert told in error.message
    assert len(json.dumps(error_response(error))) < 500


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", None),
        ("id", True),
        ("id", 1.5),
        ("id", []),
        ("id", "x" * (MAX_ID_CHARACTERS + 1)),
        ("method", 7),
        ("method", ""),
        ("method", "x" * (MAX_METHOD_CHARACTERS + 1)),
        ("params", []),
        ("params", None),
        ("params", "a"),
    ],
)
def test_a_wrong_field_should_be_named(field: str, value: Any) -> None:
    error = refusal(json.dumps({**PING, field: value}).encode())
    assert error.code == INVALID_REQUEST
    assert error.data is not None
    assert error.data["field"] == field
    assert error.request_id == (None if field == "id" else 1)


def parsed(raw: bytes) -> RpcMessage | RpcError:
    """The message that is read, or the error that it is refused by."""
    try:
        return parse_message(raw)
    except RpcError as refused:
        return refused


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_whatever_comes_should_be_a_message_or_be_refused(raw: bytes) -> None:
    found = parsed(raw)
    if isinstance(found, RpcError):
        assert found.code in {PARSE_ERROR, INVALID_REQUEST}
        json.dumps(error_response(found), ensure_ascii=False).encode()
    else:
        assert found.method


@given(
    st.fixed_dictionaries(
        {"jsonrpc": st.just("2.0"), "method": st.text(min_size=1, max_size=40)},
        optional={
            "id": st.integers() | st.text(max_size=40),
            "params": st.dictionaries(st.text(), JSON),
        },
    )
)
def test_a_message_should_be_read_as_it_was_written(content: dict[str, Any]) -> None:
    found = parsed(json.dumps(content).encode())
    if isinstance(found, RpcError):
        # Numbers that are none, and halves of surrogate pairs, can be written, but are no JSON.
        assert found.code == PARSE_ERROR
    else:
        assert found.method == content["method"]
        assert found.request_id == content.get("id")
        assert found.params == content.get("params", {})


@pytest.mark.parametrize(
    ("raw", "request_id"),
    [
        (b'{"method": "%s", "id": 7}' % (b"x" * MAX_MESSAGE_BYTES), 7),
        ('{"id": "a", "method": "\ufffd"}'.encode(), "a"),
        (rb'{"id": 7, "method": "\ud800"}', 7),
        (rb'{"id": "\ud800"}', None),
        (b'{"id": [], "method": NaN}', None),
        (b'{"id": 7', None),
        (b"\xff", None),
    ],
)
def test_a_refusal_should_have_the_id_of_its_request_where_it_can_be_read(
    raw: bytes, request_id: str | int | None
) -> None:
    assert refusal(raw).request_id == request_id
