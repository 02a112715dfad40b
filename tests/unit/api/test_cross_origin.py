"""Which pages may read an answer: those of the origins that the stage names."""

from __future__ import annotations

import pytest
from chalice.app import Chalice, Response
from chalice.test import Client

from chalicelib.api.http import allow_origins
from chalicelib.contracts.http import cross_origin

HERE = "https://console.example"
NAMED = f"{HERE},http://localhost:3000"


@pytest.mark.parametrize(
    ("allowed", "origin", "told"),
    [
        ("none", HERE, None),
        ("*", HERE, "*"),
        ("*", None, None),
        (NAMED, HERE, HERE),
        (NAMED, "http://localhost:3000", "http://localhost:3000"),
        (NAMED, "https://evil.example", None),
        (NAMED, "https://console.example.evil", None),
        (NAMED, "null", None),
        (NAMED, None, None),
    ],
)
def test_should_name_the_origin_that_may_read(
    allowed: str, origin: str | None, told: str | None
) -> None:
    headers = cross_origin(allowed, origin)
    assert headers.get("Access-Control-Allow-Origin") == told
    assert ("Access-Control-Expose-Headers" in headers) == (told is not None)


def test_should_tell_caches_that_the_answer_depends_on_who_asks() -> None:
    assert cross_origin(NAMED, "https://evil.example") == {"Vary": "Origin"}
    assert cross_origin(NAMED, HERE)["Vary"] == "Origin"
    assert "Vary" not in cross_origin("*", HERE)


@pytest.mark.parametrize("path", ["/fine", "/broken"])
def test_should_be_on_answers_of_every_kind(path: str) -> None:
    app = Chalice(app_name="made")
    app.register_middleware(allow_origins(NAMED), "http")

    @app.route("/fine")
    def fine() -> Response:
        return Response("{}")

    @app.route("/broken")
    def broken() -> Response:
        raise ValueError("broken")

    with Client(app) as client:
        answer = client.http.get(path, headers={"Origin": HERE})
    assert answer.headers["Access-Control-Allow-Origin"] == HERE
