"""How long and how often a query's clients ask, within API Gateway's 29 s."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from chalicelib.adapters import aws
from chalicelib.errors import Transient
from chalicelib.retrieval.answer.answer_log import UnloggedAnswers
from chalicelib.wiring.queries import QueryServices

GATEWAY_SECONDS = 29
ENVIRON = {
    "HEADRACE_RECORDS_TABLE": "records",
    "HEADRACE_EMBED_FUNCTION": "embed",
    "HEADRACE_CHECK_FUNCTION": "check",
    "HEADRACE_RERANK_FUNCTION": "rerank",
    "HEADRACE_LABEL_FUNCTION": "look",
}


class Failing(BaseHTTPRequestHandler):
    """A service that fails each time, and keeps what it was asked."""

    asked: ClassVar[list[str]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append(self.path)
        self.send_response(500)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Yield what functions were asked; every one of them fails."""

    class Service(Failing):
        asked: ClassVar[list[str]] = []

    aws.functions.cache_clear()
    aws.labels.cache_clear()
    with HTTPServer(("127.0.0.1", 0), Service) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
        yield Service.asked
        server.shutdown()
    aws.functions.cache_clear()
    aws.labels.cache_clear()


def test_a_picture_that_a_search_waits_for_should_be_looked_at_once(asked: list[str]) -> None:
    def generates() -> None:
        raise AssertionError("no model is asked")

    labeller = QueryServices(ENVIRON, generates, 1.0).searcher.labeller  # type: ignore[arg-type]
    assert labeller is not None
    with pytest.raises(Transient):
        labeller.label(b"a picture", "req-1")
    assert asked == ["/2015-03-31/functions/look/invocations"]
    config: Any = aws.labels().meta.config
    assert config.connect_timeout + config.read_timeout < GATEWAY_SECONDS


def test_an_answer_that_nobody_sees_is_not_logged(asked: list[str]) -> None:
    def generates() -> None:
        raise AssertionError("no model is asked")

    kept = QueryServices(ENVIRON, generates, 1.0)  # type: ignore[arg-type]
    unseen = QueryServices(ENVIRON, generates, 1.0, logs_answers=False)  # type: ignore[arg-type]
    assert not isinstance(kept.answer_log.records, UnloggedAnswers)
    assert isinstance(unseen.answer_log.records, UnloggedAnswers)
