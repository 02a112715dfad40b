"""New work is refused while the disk is almost full, before it is accepted and then stuck."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from localcloud.frontdoor.space_check import SpaceCheck
from localcloud.storage_errors import RESERVE_BYTES, FreeSpace

SIGNED = "AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/{}/aws4_request, Signature=x"
FORM = "multipart/form-data; boundary=x"
PRESIGNED = "X-Amz-Credential=k%2F20260101%2Fus-east-1%2Fs3%2Faws4_request"


def _status(
    tmp_path: Path, free: int, method: str, path: str, query: str = "", **headers: str
) -> tuple[str, bytes, int]:
    """Return the status, the body, and how much of the request's body was left unread."""
    seen: list[str] = []

    def application(environ: Any, start_response: Any) -> list[bytes]:
        start_response("200 OK", [])
        return [b""]

    body = io.BytesIO(b"x" * 5000)
    environ = {
        "REQUEST_METHOD": method,
        "REQUEST_URI": f"{path}?{query}",
        "HTTP_HOST": "127.0.0.1:4510",
        "wsgi.input": body,
        **headers,
    }
    check = SpaceCheck(application, FreeSpace(tmp_path, lambda folder: free))
    answer = b"".join(check(environ, lambda status, _: seen.append(status)))
    return seen[0], answer, 5000 - body.tell()


@pytest.mark.parametrize(
    ("method", "path", "query", "kind"),
    [
        ("POST", "/v1/documents", "", "application/json"),
        ("POST", "/documents-bucket", "", FORM),
        ("PUT", "/bucket/key", PRESIGNED, ""),
    ],
)
def test_should_refuse_new_work_by_507_with_the_reason(
    tmp_path: Path, method: str, path: str, query: str, kind: str
) -> None:
    status, body, unread = _status(
        tmp_path, RESERVE_BYTES - 1, method, path, query, CONTENT_TYPE=kind
    )
    assert status.startswith("507 ")
    assert b"disk of the local cloud is full" in body
    assert str(tmp_path).encode() in body
    assert unread == 0
    assert _status(tmp_path, RESERVE_BYTES, method, path, query)[0] == "200 OK"


@pytest.mark.parametrize(
    ("method", "path", "authorization"),
    [
        ("GET", "/v1/documents", ""),
        ("DELETE", "/v1/documents/doc_1", ""),
        ("POST", "/", SIGNED.format("dynamodb")),
        ("PUT", "/bucket/key", SIGNED.format("s3")),
    ],
)
def test_should_let_reads_removals_and_the_functions_through(
    tmp_path: Path, method: str, path: str, authorization: str
) -> None:
    answered = _status(tmp_path, 0, method, path, HTTP_AUTHORIZATION=authorization)
    assert answered[0] == "200 OK"
