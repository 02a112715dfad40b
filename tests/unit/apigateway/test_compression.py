"""Responses that are compressed for clients that ask for it, as API Gateway does."""

from __future__ import annotations

import base64
import copy
import gzip
import json
import zlib

import pytest
from werkzeug.test import Client

from localcloud.apigateway import ApiGateway, RestApi
from localcloud.apigateway.compression import compressed, preferred_coding
from localcloud.apigateway.proxy_response import HttpResponse
from tests.unit.apigateway.swagger import SWAGGER

TEXT = "A gate of the weir. " * 100
BINARY = bytes(range(256)) * 8


def _client(body: str, *, is_base64: bool = False, min_bytes: int | None = 1024) -> Client:
    document = copy.deepcopy(SWAGGER)
    document["x-amazon-apigateway-binary-media-types"] = ["image/png"]
    if min_bytes is not None:
        document["x-amazon-apigateway-minimum-compression-size"] = min_bytes
    answer = {"statusCode": 200, "body": body, "isBase64Encoded": is_base64}
    payload = json.dumps(answer).encode()
    return Client(ApiGateway(lambda *_: {"Payload": payload}, RestApi.from_swagger(document)))


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "gzip"),
        ("deflate,gzip;q=1.0,*;q=0.5", "deflate"),
        ("br, gzip", "br"),
        ("gzip;q=0.5, identity", "identity"),
        ("gzip;q=0", ""),
        ("", ""),
    ],
)
def test_should_prefer_the_coding_of_the_highest_weight(accepted: str, coding: str) -> None:
    assert preferred_coding(accepted) == coding


def test_should_compress_a_large_answer_only_for_a_client_that_asks() -> None:
    client = _client(TEXT)
    plain = client.get("/")
    assert ("Content-Encoding" in plain.headers, plain.data) == (False, TEXT.encode())
    zipped = client.get("/", headers={"Accept-Encoding": "gzip, br"})
    assert zipped.headers["Content-Encoding"] == "gzip"
    assert int(zipped.headers["Content-Length"]) == len(zipped.data) < len(TEXT)
    assert gzip.decompress(zipped.data) == TEXT.encode()
    deflated = client.get("/", headers={"Accept-Encoding": "deflate"})
    assert zlib.decompress(deflated.data) == TEXT.encode()
    assert "Content-Encoding" not in client.get("/", headers={"Accept-Encoding": "br"}).headers


@pytest.mark.parametrize(("body", "min_bytes"), [("short", 1024), (TEXT, None)])
def test_should_leave_small_answers_and_apis_without_it(body: str, min_bytes: int | None) -> None:
    client = _client(body, min_bytes=min_bytes)
    answer = client.get("/", headers={"Accept-Encoding": "gzip"})
    assert ("Content-Encoding" in answer.headers, answer.data) == (False, body.encode())


def test_should_compress_binary_bodies_after_they_are_decoded() -> None:
    client = _client(base64.b64encode(BINARY).decode(), is_base64=True)
    answer = client.get("/", headers={"Accept": "image/png", "Accept-Encoding": "gzip"})
    assert gzip.decompress(answer.data) == BINARY


def test_should_not_compress_what_the_function_has_compressed() -> None:
    coded = HttpResponse(200, (("content-encoding", "br"),), TEXT.encode())
    assert compressed(coded, "gzip", 0) is coded
