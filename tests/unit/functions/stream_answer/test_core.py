from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from chalicelib.contracts.answers import (
    AskClaim,
    AskDone,
    AskEvent,
    AskRequest,
    AskRetrieved,
    Claim,
)
from chalicelib.contracts.operations import Media
from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import HeadraceError, InvalidInput, Throttled, Transient
from functions.stream_answer.core import OPERATION, Deps, run
from functions.stream_answer.handler import ANSWER_SECONDS, counted
from infra.synthesis.sources import read_sources

ROOT = Path(__file__).parents[4]
SAMPLE = json.loads((ROOT / "functions" / "stream_answer" / "event.json").read_text())
RETRIEVED = AskRetrieved(asked_as="Who made the turbine?", passages=3)
CLAIM = AskClaim(claim=Claim(text="Voss Hydro made it.", citations=(1,)))
DONE = AskDone(
    answer_id="a-1", outcome="answered", tier="extractive", language="en", receipt=Receipt()
)


class Answering:
    """Yields what it is told; an error in the middle is raised there."""

    def __init__(self, *told: AskEvent | HeadraceError) -> None:
        self.told = told
        self.asked: list[tuple[AskRequest, str, str, str]] = []
        self.logged: list[HeadraceError] = []
        self.yielded = 0

    def ask(self, body: AskRequest, tenant: str, key: str, request_id: str) -> Iterator[AskEvent]:
        self.asked.append((body, tenant, key, request_id))
        for item in self.told:
            if isinstance(item, HeadraceError):
                raise item
            self.yielded += 1
            yield item

    @property
    def deps(self) -> Deps:
        return Deps(self.ask, self.logged.append)


def _events(pieces: list[bytes]) -> list[tuple[str, Any]]:
    events = []
    for block in b"".join(pieces).decode().split("\n\n")[:-1]:
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


@pytest.mark.parametrize("told", [(RETRIEVED, DONE), (InvalidInput("no"),)])
def test_should_let_the_pages_read_an_answer_that_the_stage_names(
    told: tuple[AskEvent | HeadraceError, ...],
) -> None:
    here = "https://console.example"
    answering = Answering(*told)
    deps = Deps(answering.ask, answering.logged.append, here)
    asked = {**SAMPLE, "headers": {**SAMPLE["headers"], "Origin": here}}
    readable = "Access-Control-Allow-Origin"
    assert run(asked, deps).head.headers[readable] == here
    assert readable not in run(SAMPLE, deps).head.headers
    assert readable not in run(asked, answering.deps).head.headers


def test_should_stream_what_is_true_as_it_comes_true() -> None:
    answering = Answering(RETRIEVED, CLAIM, DONE)
    answer = run(SAMPLE, answering.deps)
    assert (answer.head.status, answering.yielded) == (200, 1)
    assert answer.head.headers["Content-Type"].startswith("text/event-stream")
    events = _events(list(answer.body))
    assert [name for name, _ in events] == ["retrieved", "claim", "done"]
    assert events[1][1]["claim"]["text"] == "Voss Hydro made it."
    body, tenant, key, request_id = answering.asked[0]
    assert (body.question, tenant, key) == ("Who made the turbine?", "acme", "ab12")
    assert request_id == SAMPLE["requestContext"]["requestId"]


def test_should_keep_an_event_on_one_line_whatever_it_holds() -> None:
    claim = AskClaim(claim=Claim(text="one\n\nevent: done\r\ntwo", citations=(1,)))
    events = _events(list(run(SAMPLE, Answering(RETRIEVED, claim).deps).body))
    assert events[1][1]["claim"]["text"] == "one\n\nevent: done\r\ntwo"


def test_should_take_a_body_in_base64() -> None:
    answering = Answering(DONE)
    raw = base64.b64encode(SAMPLE["body"].encode()).decode()
    run(SAMPLE | {"body": raw, "isBase64Encoded": True}, answering.deps)
    assert answering.asked[0][0].question == "Who made the turbine?"


@pytest.mark.parametrize("body", [None, "", "{", '{"question": ""}', '{"colour": "red"}'])
def test_should_refuse_a_wrong_body_before_anything_is_asked(body: str | None) -> None:
    answering = Answering(DONE)
    answer = run(SAMPLE | {"body": body}, answering.deps)
    told = json.loads(b"".join(answer.body))["error"]
    assert (answer.head.status, told["type"]) == (400, "InvalidInput")
    assert answering.asked == []


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (InvalidInput("There is no word in it.", field="question"), 400, None),
        (Throttled("slow down"), 429, "1"),
        (Transient("the index did not answer"), 503, "1"),
    ],
)
def test_should_tell_what_fails_before_the_first_event_by_its_status(
    error: HeadraceError, status: int, retry: str | None
) -> None:
    answering = Answering(error)
    answer = run(SAMPLE, answering.deps)
    assert (answer.head.status, answer.head.headers.get("Retry-After")) == (status, retry)
    assert answering.logged == [error]


def test_should_tell_what_fails_later_as_the_last_event() -> None:
    error = Transient("the function that embeds did not answer")
    answering = Answering(RETRIEVED, error)
    events = _events(list(run(SAMPLE, answering.deps).body))
    assert [name for name, _ in events] == ["retrieved", "error"]
    assert events[1][1]["error"]["type"] == "Transient"
    assert "embeds" not in events[1][1]["error"]["message"]
    assert answering.logged == [error]


def test_should_add_the_receipt_of_the_whole_answer_to_what_is_spent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    told: list[AskEvent] = [RETRIEVED, CLAIM, DONE]
    assert list(counted(iter(told))) == told
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["Dollars"] == [0.0]


def test_should_leave_time_to_find_and_to_check_where_a_model_is_asked_twice() -> None:
    function = read_sources(ROOT)["Resources"]["StreamAnswer"]["Properties"]
    assert function["Timeout"] >= 2 * ANSWER_SECONDS + 30


def test_every_event_should_be_described_under_its_name() -> None:
    kinds = get_args(get_args(AskEvent)[0])
    described = OPERATION.answers[200]
    assert isinstance(described, Media)
    assert {kind.model_fields["event"].default: kind for kind in kinds} == {
        name: kind for name, kind in described.events.items() if name != "error"
    }
