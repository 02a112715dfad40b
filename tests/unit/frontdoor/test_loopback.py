"""Web pages of other sites, which must not make the local cloud act."""

from __future__ import annotations

from typing import Any

import pytest

from localcloud.frontdoor.loopback import LoopbackOnly, refusal_reason


@pytest.mark.parametrize("host", ["127.0.0.1:4510", "localhost", "[::1]:80"])
@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1"])
def test_this_machines_programs_and_pages_should_come_in(host: str, origin: str | None) -> None:
    assert refusal_reason(host, origin, "/") is None


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.1.evil.example:4510", "[bad"])
def test_another_name_for_this_machine_should_be_refused(host: str) -> None:
    assert "answers to 127.0.0.1 and localhost only" in str(
        refusal_reason(host, None, "/v1/health")
    )


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil"])
def test_a_page_of_another_site_should_reach_the_api_and_nothing_else(origin: str) -> None:
    assert refusal_reason("localhost", origin, "/v1/ask") is None
    assert "takes no requests from pages" in str(refusal_reason("localhost", origin, "/bucket"))
    assert "takes no requests from pages" in str(refusal_reason("localhost", origin, "/"))


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
