from __future__ import annotations

import hashlib
from pathlib import Path

import httpx
import pytest

from cli.client import ATTEMPTS, Api
from cli.failures import ApiError, CorruptTransferError, UnreachableError

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


TARGET = {"url": "https://b.s3.amazonaws.com/", "fields": {"key": "k"}}
REDIRECT = httpx.Response(
    307,
    headers={"Location": "https://b.s3.eu-central-1.amazonaws.com/k"},
    content=b"<Error><Code>TemporaryRedirect</Code><Message>Re-send &amp; wait.</Message></Error>",
)
MALFORMED = httpx.Response(
    301, content=b"<Error><Code>PermanentRedirect</Code><Message>Use it.</Message></Error>"
)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("redirect", [REDIRECT, MALFORMED])
def test_should_take_no_redirect_for_success(redirect: httpx.Response, tmp_path: Path) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/RESTRedirect.html"""
    sent = tmp_path / "sent"
    sent.write_bytes(b"x")
    with pytest.raises(ApiError, match="Redirect"):
        api(lambda request: redirect, []).upload(TARGET, sent)
    with pytest.raises(ApiError, match="Redirect") as raised:
        api(lambda request: redirect, []).download("https://b.s3.amazonaws.com/k", tmp_path / "k")
    with pytest.raises(ApiError):
        api(lambda request: redirect, []).health()
    assert [each.name for each in tmp_path.iterdir()] == ["sent"]
    if redirect is REDIRECT:
        assert str(raised.value) == (
            "TemporaryRedirect: Re-send & wait. It redirects to "
            "https://b.s3.eu-central-1.amazonaws.com/k, which is not followed."
        )


@pytest.mark.parametrize(
    ("headers", "is_checked"),
    [
        ({"ETag": f'"{md5(b"other")}"'}, True),
        ({"ETag": f'"{md5(b"other")}"', "x-amz-server-side-encryption": "AES256"}, True),
        ({"ETag": f'"{md5(b"other")}"', "x-amz-server-side-encryption": "aws:kms"}, False),
        ({"ETag": f'"{md5(b"other")}-2"'}, False),
        ({"ETag": f'"{md5(b"hello")}"'}, False),
        ({}, False),
    ],
)
def test_should_compare_the_bytes_by_a_digest_where_s3_has_one(
    headers: dict[str, str], is_checked: bool, tmp_path: Path
) -> None:
    """https://docs.aws.amazon.com/AmazonS3/latest/API/RESTCommonResponseHeaders.html"""
    sent, got = tmp_path / "sent", tmp_path / "got"
    sent.write_bytes(b"hello")
    here = api(lambda request: httpx.Response(200, headers=headers, content=b"hello"), [])
    if not is_checked:
        here.upload(TARGET, sent)
        here.download("https://b/k", got, 5)
        assert got.read_bytes() == b"hello"
        return
    with pytest.raises(CorruptTransferError, match=f"is {md5(b'other')}"):
        here.upload(TARGET, sent)
    with pytest.raises(CorruptTransferError, match=f"is {md5(b'other')}"):
        here.download("https://b/k", got)
    assert not list(tmp_path.glob("got*"))


def test_should_keep_no_download_of_another_length(tmp_path: Path) -> None:
    here = api(lambda request: httpx.Response(200, content=b"hell"), [])
    with pytest.raises(CorruptTransferError, match="has 4 bytes, not 5"):
        here.download("https://b/k", tmp_path / "got", 5)
    assert not list(tmp_path.iterdir())
