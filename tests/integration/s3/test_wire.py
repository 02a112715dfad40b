"""What boto3 does not send over plain HTTP: aws-chunked bodies, broken bodies."""

from __future__ import annotations

import base64
import http.client
import zlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.integration.s3.serving import Running

KEYED = {"Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request"}


def put(
    local: Running, headers: dict[str, str], body: bytes | Iterable[bytes], **how: Any
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(urlsplit(local.endpoint).netloc, timeout=10)
    try:
        connection.request("PUT", "/photos/k", body, KEYED | headers, **how)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def chunked(data: bytes, size: int, trailer: str, *, signed: bool = False) -> bytes:
    extension = b";chunk-signature=" + b"0" * 64 if signed else b""
    body = b""
    for start in range(0, len(data), size):
        chunk = data[start : start + size]
        body += f"{len(chunk):x}".encode() + extension + b"\r\n" + chunk + b"\r\n"
    return body + b"0" + extension + b"\r\n" + trailer.encode() + b"\r\n"


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def trailer_headers(length: int) -> dict[str, str]:
    return {
        "Content-Encoding": "aws-chunked,gzip",
        "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "x-amz-decoded-content-length": str(length),
        "x-amz-trailer": "x-amz-checksum-crc32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }


DATA = bytes(range(256)) * 1000


@pytest.mark.parametrize("transfer", ["length", "chunked"])
def test_an_aws_chunked_body_is_decoded_and_its_trailer_verified(
    s3: Any, local: Running, transfer: str
) -> None:
    body = chunked(DATA, 65536, f"x-amz-checksum-crc32:{crc32(DATA)}\r\n")
    headers = trailer_headers(len(DATA))
    if transfer == "length":
        answered = put(local, headers, body)
    else:
        pieces = [body[start : start + 9999] for start in range(0, len(body), 9999)]
        answered = put(
            local, headers | {"Transfer-Encoding": "chunked"}, iter(pieces), encode_chunked=True
        )
    assert answered == (200, "")
    got = s3.get_object(Bucket="photos", Key="k")
    assert got["ContentEncoding"] == "gzip"
    assert got["Body"]._raw_stream.read(decode_content=False) == DATA


def test_signed_chunks_are_decoded(s3: Any, local: Running) -> None:
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(DATA)),
    }
    assert put(local, headers, chunked(DATA, 8192, "", signed=True)) == (200, "")
    assert s3.get_object(Bucket="photos", Key="k")["Body"].read() == DATA


@pytest.mark.parametrize(
    ("trailer", "length", "code"),
    [
        ("x-amz-checksum-crc32:AAAAAA==\r\n", len(DATA), "BadDigest"),
        ("", len(DATA), "MalformedTrailerError"),
        (f"x-amz-checksum-crc32:{crc32(DATA)}\r\n", len(DATA) + 1, "IncompleteBody"),
    ],
)
def test_a_chunked_body_that_is_not_as_declared_is_refused(
    s3: Any, local: Running, trailer: str, length: int, code: str
) -> None:
    status, text = put(local, trailer_headers(length), chunked(DATA, 8192, trailer))
    assert status == 400
    assert f"<Code>{code}</Code>" in text
    assert "Contents" not in s3.list_objects_v2(Bucket="photos")


def test_a_payload_hash_that_does_not_match_is_refused(s3: Any, local: Running) -> None:
    status, text = put(local, {"x-amz-content-sha256": "0" * 64}, b"hello")
    assert (status, "XAmzContentSHA256Mismatch" in text) == (400, True)


def test_a_body_without_a_length_is_refused(s3: Any, local: Running) -> None:
    status, text = put(
        local, {"Transfer-Encoding": "chunked"}, iter([b"hello"]), encode_chunked=True
    )
    assert (status, "MissingContentLength" in text) == (411, True)


def test_a_body_that_breaks_off_leaves_nothing(s3: Any, local: Running, tmp_path: Any) -> None:
    address = urlsplit(local.endpoint)
    connection = http.client.HTTPConnection(address.netloc, timeout=10)
    connection.putrequest("PUT", "/photos/k")
    for name, value in (KEYED | {"Content-Length": "1000"}).items():
        connection.putheader(name, value)
    connection.endheaders(b"only this")
    connection.sock.shutdown(1)
    assert b"IncompleteBody" in connection.getresponse().read()
    connection.close()
    assert "Contents" not in s3.list_objects_v2(Bucket="photos")
    assert not list((tmp_path / "s3" / "incoming").iterdir())
