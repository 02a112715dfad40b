from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from cli.client import Api
from cli.documents.results import DocumentProgress, DocumentResult
from cli.documents.settlement import AwaitedDocument, DocumentWaiter
from cli.output import Json

READY = {"document_id": "doc_a", "status": "ready", "reason": "", "pages": 5, "chunks": 9}


def working(stage: str, done: int) -> Json:
    return {
        "status": "processing",
        "progress": {"stage": stage, "parts_done": done, "parts_total": 3},
    }


@dataclass
class Slow:
    """Answers one document after another; a minute passes with each look."""

    documents: list[Json]
    now: float = 0.0
    asked: list[str] = field(default_factory=list)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        self.now += 60
        found = self.documents.pop(0) if len(self.documents) > 1 else self.documents[0]
        return httpx.Response(200, json=found)

    def settle(self, seconds: float) -> list[DocumentResult | DocumentProgress]:
        api = Api("http://127.0.0.1:1", "hr_x", transport=httpx.MockTransport(self.answer))
        waiter = DocumentWaiter(api, seconds, lambda pause: None, lambda: self.now)
        is_news: Callable[[Json], bool] = lambda document: True  # noqa: E731
        return list(waiter.settle([AwaitedDocument("big.csv", "doc_a", is_news)]))


def test_should_tell_how_far_a_large_document_is_once_a_step() -> None:
    slow = Slow([working("reading", 1), working("reading", 1), working("embedding", 2), READY])
    told = slow.settle(1000)
    assert told[:2] == [
        DocumentProgress("big.csv", "reading", 1, 3),
        DocumentProgress("big.csv", "embedding", 2, 3),
    ]
    assert [item.state for item in told if isinstance(item, DocumentResult)] == ["ready"]
    assert told[0].text == "big.csv: reading, 1 of 3 parts"  # type: ignore[union-attr]


def test_should_wait_as_long_as_there_is_progress() -> None:
    slow = Slow([*(working("reading", done) for done in range(4)), READY])
    assert [item.state for item in slow.settle(100) if isinstance(item, DocumentResult)] == [
        "ready"
    ]


def test_should_give_up_where_parts_stop_being_done() -> None:
    (_, last) = Slow([working("reading", 1)]).settle(100)
    assert isinstance(last, DocumentResult)
    assert (last.state, last.reason[:20]) == ("failed", "Not settled after 10")
