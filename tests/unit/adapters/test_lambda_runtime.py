"""The loop of a streaming function, held to the local cloud's Runtime API."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.lambda_runtime import Handler, serve
from chalicelib.contracts.http import Head, Streamed
from chalicelib.errors import Transient
from localcloud.lambdas.runtime_api import (
    HandlerLoaded,
    InvocationResponse,
    RuntimeApi,
    RuntimeInvocation,
)

HEAD = Head(200, {"Content-Type": "text/event-stream"})
PRELUDE = b'{"statusCode": 200, "headers": {"Content-Type": "text/event-stream"}}' + b"\0" * 8


def _served(handler: Handler, *events: object) -> list[tuple[list[bytes], InvocationResponse]]:
    """Serve `events`, one after the other; return what came of each."""
    api = RuntimeApi()
    left = [False] * len(events)
    thread = threading.Thread(
        target=serve, args=(handler, api.address), kwargs={"stop": lambda: not left or left.pop()}
    )
    thread.start()
    results: list[tuple[list[bytes], InvocationResponse]] = []
    for n, event in enumerate(events):
        came: list[bytes] = []
        api.post(
            RuntimeInvocation(
                f"r-{n}", "arn:f", json.dumps(event).encode(), 0, "R", None, came.append
            )
        )
        signal = api.signals.get(timeout=10)
        if isinstance(signal, HandlerLoaded):
            signal = api.signals.get(timeout=10)
        assert isinstance(signal, InvocationResponse)
        results.append((came, signal))
    thread.join(10)
    api.close()
    assert not thread.is_alive()
    return results


def test_should_stream_head_and_pieces() -> None:
    def handler(event: dict[str, Any]) -> Streamed:
        return Streamed(HEAD, (str(n).encode() for n in range(event["count"])))

    first, second = _served(handler, {"count": 2}, {"count": 0})
    assert first == ([PRELUDE, b"0", b"1"], InvocationResponse(b""))
    assert second == ([PRELUDE], InvocationResponse(b""))


def test_should_report_an_error_of_the_handler() -> None:
    def handler(event: dict[str, Any]) -> Streamed:
        raise Transient("not now")

    ((came, answer),) = _served(handler, {})
    assert came == []
    assert answer.is_error
    told = json.loads(answer.payload)
    assert (told["errorType"], told["errorMessage"]) == ("Transient", "not now")


def test_should_end_a_stream_with_the_error_of_its_body_and_go_on() -> None:
    def body() -> Iterator[bytes]:
        yield b"one"
        raise Transient("no more")

    def handler(event: dict[str, Any]) -> Streamed:
        return Streamed(HEAD, body() if event["fails"] else [b"whole"])

    failed, whole = _served(handler, {"fails": True}, {"fails": False})
    assert failed[0] == [PRELUDE, b"one"]
    assert failed[1].is_error
    assert json.loads(failed[1].payload)["errorType"] == "Transient"
    assert whole == ([PRELUDE, b"whole"], InvocationResponse(b""))


def test_should_give_up_when_the_runtime_api_is_gone() -> None:
    api = RuntimeApi()
    api.close()
    with pytest.raises(OSError, match="refused"):
        serve(lambda event: Streamed(HEAD, []), api.address)
