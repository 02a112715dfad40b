"""The container's HTTP, on a socket: SageMaker's contract for hosting.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
"""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from models.serving.handler import Handler, read_json, write_json
from models.serving.server import Options, Server

BUSY = threading.Semaphore(0)
"""Is released for each request that is to end; a test that uses it releases as often."""


def predict(data: Any, model: Any) -> Any:
    if data == "stream":
        return iter(["one", "", "two"])
    if data == "break":
        return broken()
    if data == "fail":
        raise RuntimeError("out of memory")
    if data == "refuse":
        raise ValueError("too long")
    if data == "wait":
        model.append(len(model))
        BUSY.acquire(timeout=20)
    return {"said": data}


def broken() -> Iterator[str]:
    yield "one"
    raise RuntimeError("no more")


@pytest.fixture
def asked() -> list[int]:
    return []


@pytest.fixture
def server(asked: list[int]) -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler(asked, read_json, predict, write_json), 1)
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def call(server: Server, method: str, path: str, body: Any = None, **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    try:
        raw = json.dumps(body).encode() if body is not None else None
        connection.request(method, path, raw, headers)
        response = connection.getresponse()
        return response.status, response.read(), dict(response.getheaders())
    finally:
        connection.close()


def test_ping_should_be_answered_with_200_and_nothing(server: Server) -> None:
    status, body, headers = call(server, "GET", "/ping")
    assert (status, body, headers["Content-Length"]) == (200, b"", "0")


def test_an_invocation_should_be_answered_by_the_handler(server: Server) -> None:
    status, body, headers = call(server, "POST", "/invocations", "x", Accept="application/json")
    assert (status, json.loads(body)) == (200, {"said": "x"})
    assert headers["Content-Type"] == "application/json"


def test_a_stream_should_come_in_chunks_to_its_end(server: Server) -> None:
    status, body, headers = call(server, "POST", "/invocations", "stream")
    assert (status, body) == (200, b"onetwo")
    assert headers["Transfer-Encoding"] == "chunked"


def test_a_stream_that_fails_should_be_cut_short_for_its_reader_to_see(server: Server) -> None:
    with pytest.raises(http.client.IncompleteRead):
        call(server, "POST", "/invocations", "break")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [("refuse", 400, "too long"), ("fail", 500, "RuntimeError: out of memory")],
)
def test_what_the_handler_raises_should_be_told(
    server: Server, body: str, status: int, said: str
) -> None:
    answered, told, _ = call(server, "POST", "/invocations", body)
    assert (answered, json.loads(told)) == (status, {"error": said})


def test_other_types_should_be_refused_with_their_own_statuses(server: Server) -> None:
    sent = {"Content-Type": "text/csv"}
    assert call(server, "POST", "/invocations", "x", **sent)[0] == 415
    assert call(server, "POST", "/invocations", "x", Accept="image/png")[0] == 406
    wanted = {"X-Amzn-SageMaker-Accept": "image/png", "Accept": "application/json"}
    assert call(server, "POST", "/invocations", "x", **wanted)[0] == 406


def test_what_is_not_of_the_contract_should_be_refused(server: Server) -> None:
    assert call(server, "GET", "/")[0] == 404
    assert call(server, "POST", "/ping", "x")[0] == 404
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
    connection.putrequest("POST", "/invocations")
    connection.endheaders()
    assert connection.getresponse().status == 411
    connection.close()


def test_a_model_should_work_on_as_many_requests_at_once_as_it_was_told(
    server: Server, asked: list[int]
) -> None:
    threads = [
        threading.Thread(target=call, args=(server, "POST", "/invocations", "wait"))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for begun in range(1, 4):
        while len(asked) < begun:
            threading.Event().wait(0.01)
        assert len(asked) == begun, "another began before this one ended"
        BUSY.release()
    for thread in threads:
        thread.join()


def test_options_should_come_from_the_environment_as_in_a_container() -> None:
    plain = Options.of({})
    assert (str(plain.model_dir), plain.port, plain.program) == (
        *("/opt/ml/model", 8080),
        "inference.py",
    )
    with pytest.raises(ValueError, match="SAGEMAKER_BIND_TO_PORT is 'x'"):
        Options.of({"SAGEMAKER_BIND_TO_PORT": "x"})
