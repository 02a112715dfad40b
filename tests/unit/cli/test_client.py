from __future__ import annotations

import httpx
import pytest

from cli.client import ATTEMPTS, Api
from cli.failures import ApiError, UnreachableError

UNREACHABLE = httpx.ConnectError("refused")


def api(handler: object, waits: list[float]) -> Api:
    transport = httpx.MockTransport(handler)  # type: ignore[arg-type]
    return Api("http://127.0.0.1:1/", "hr_x", transport=transport, sleep=waits.append)


def test_should_stop_trying_where_nothing_answers() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise UNREACHABLE

    waits: list[float] = []
    with pytest.raises(UnreachableError, match="Cannot reach"):
        api(refuse, waits).health()
    assert len(waits) == ATTEMPTS - 1
    assert waits[0] < waits[-1]


def test_should_wait_as_long_as_the_answer_says_but_not_for_ever() -> None:
    answers = iter(
        [
            httpx.Response(429, headers={"Retry-After": "3"}),
            httpx.Response(503, headers={"Retry-After": "9999"}),
            httpx.Response(200, json={"status": "ok"}),
        ]
    )
    waits: list[float] = []
    assert api(lambda request: next(answers), waits).health() == {"status": "ok"}
    assert waits == [3.0, 20.0]


def test_should_not_try_again_what_cannot_help() -> None:
    error = {"type": "NotFound", "message": "None.", "field": "document_id", "limit": None}
    body = {"error": error | {"request_id": "r"}}
    waits: list[float] = []
    with pytest.raises(ApiError) as raised:
        api(lambda request: httpx.Response(404, json=body), waits).document("doc_x")
    assert str(raised.value) == "NotFound: None. (field document_id, request r)"
    assert waits == []


@pytest.mark.parametrize("content", [b"<html>", b"[]"])
def test_should_say_where_something_else_answers(content: bytes) -> None:
    with pytest.raises(UnreachableError):
        api(lambda request: httpx.Response(200, content=content), []).health()


def test_should_tell_an_error_that_is_not_ours() -> None:
    answer = httpx.Response(403, json={"Message": "User is not authorized"})
    with pytest.raises(ApiError, match="User is not authorized"):
        api(lambda request: answer, []).health()


def test_should_not_let_an_id_change_the_path() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return httpx.Response(200, json={})

    api(answer, []).document("../health?x")
    assert asked == ["/v1/documents/..%2Fhealth%3Fx"]
