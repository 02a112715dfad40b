"""Web pages of other sites, which must not make the local cloud act."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.frontdoor.loopback import LoopbackOnly, RequestSource, refusal_reason

PRESIGNED = "/bucket/key?X-Amz-Credential=test/20260101/us-east-1/s3/aws4_request"

FOR_IAM = PRESIGNED.replace("s3", "iam")


def reason(
    host: str, origin: str | None, target: str, site: str | None = None, method: str = "GET"
) -> str | None:
    return refusal_reason(RequestSource(method, target, host, origin, site))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1:4510",
        "localhost",
        "[::1]:80",
        "sync-127.0.0.1:4510",
        "sync-localhost:4510",
        "bucket.localhost:4510",
        "s3.amazonaws.com",
        "bucket.s3.eu-central-1.amazonaws.com",
    ],
)
@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1"])
def test_this_machines_programs_and_pages_should_come_in(host: str, origin: str | None) -> None:
    assert reason(host, origin, "/") is None
    assert reason(host, origin, "/", "none" if origin is None else "cross-site") is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "",
        "127.0.0.1.evil.example:4510",
        "[bad",
        "bucket.s3.amazonaws.com.evil",
        "elb.amazonaws.com",
    ],
)
def test_another_name_for_this_machine_should_be_refused(host: str) -> None:
    for target in ("/v1/health", "/", f"http://{host}/"):
        assert "answers to 127.0.0.1 and localhost only" in str(reason(host, None, target))


def test_the_name_in_the_request_line_should_count_as_that_in_the_header() -> None:
    assert reason("127.0.0.1", None, "http://127.0.0.1:4510/") is None
    for target in ("http://evil.example/", "evil.example:80", "http://127.0.0.1@evil.example/"):
        assert "answers to 127.0.0.1" in str(reason("127.0.0.1", None, target))


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil"])
def test_a_page_of_another_site_should_reach_the_api_and_nothing_else(origin: str) -> None:
    assert reason("localhost", origin, "/v1/ask") is None
    for target in ("/bucket", "/", "/v1", "/v1x", "/%761/ask", PRESIGNED):
        for site in (None, "cross-site", "none"):
            told = reason("localhost", origin, target, site, "POST")
            assert "takes no requests from pages" in str(told)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_a_request_without_an_origin_that_a_page_caused_should_be_refused(site: str) -> None:
    """An image's address, a link, a script: browsers send no Origin with them."""
    for target in ("/?Action=CreateUser", "/", "/bucket/key", "/_headrace/faults", FOR_IAM):
        assert "a page of another site caused" in str(reason("localhost", None, target, site))
    assert reason("localhost", None, PRESIGNED, site) is None
    assert reason("localhost", None, PRESIGNED, site, "POST") is not None
    assert reason("localhost", None, "/v1/health", site) is None


def test_a_refused_request_should_not_reach_what_is_guarded() -> None:
    reached: list[Any] = []
    said: list[str] = []

    def inner(environ: Any, start_response: Any) -> list[bytes]:
        reached.append(environ)
        return [b"in"]

    def start(status: str, headers: Any) -> None:
        said.append(status)

    door = LoopbackOnly(inner)
    refused = door({"HTTP_HOST": "evil.example", "PATH_INFO": "/"}, start)
    assert said == ["403 Forbidden"]
    assert b"AccessDeniedException" in b"".join(refused)
    assert reached == []
    assert list(door({"HTTP_HOST": "localhost", "PATH_INFO": "/"}, start)) == [b"in"]
