"""A large object passes through in pieces."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from localcloud.s3 import S3Service
from localcloud.service import CloudContext

SIZE = 48 * 1024 * 1024
LIMIT = 4 * 1024 * 1024


class Zeros:
    """A socket with many zeros."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        given = min(size, self._left)
        self._left -= given
        return bytes(given)


def call(service: S3Service, method: str, path: str, body: Zeros, length: int) -> tuple[str, int]:
    """Return the status and the length of the answer, whose pieces are dropped one by one."""
    statuses: list[str] = []

    def start_response(status: str, headers: list[tuple[str, str]], /) -> None:
        statuses.append(status)

    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(length),
        **_signed(method, path),
        "wsgi.input": body,
    }
    answer = service(environ, start_response)
    size = sum(len(chunk) for chunk in answer)
    if hasattr(answer, "close"):
        answer.close()
    return statuses[0], size


def _signed(method: str, path: str) -> dict[str, str]:
    """Return the headers of a signed request whose body is not hashed."""
    unsigned = {"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    request = AWSRequest(method, f"http://127.0.0.1{path}", unsigned)
    SigV4Auth(Credentials("test", "test"), "s3", "us-east-1").add_auth(request)
    headers = {"Host": "127.0.0.1", **dict(request.headers.items())}
    return {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}


def test_an_object_is_never_whole_in_memory(tmp_path: Path) -> None:
    service = S3Service(CloudContext(tmp_path, "http://127.0.0.1"), lambda event: None)
    assert call(service, "PUT", "/photos", Zeros(0), 0)[0] == "200 OK"
    tracemalloc.start()
    try:
        assert call(service, "PUT", "/photos/big", Zeros(SIZE), SIZE) == ("200 OK", 0)
        assert call(service, "GET", "/photos/big", Zeros(0), 0) == ("200 OK", SIZE)
        assert tracemalloc.get_traced_memory()[1] < LIMIT
    finally:
        tracemalloc.stop()
        service.stop()
