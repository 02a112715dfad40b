"""Answers as streams of events, through the gateway, as a client reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, settled, upload

TEXT = b"The spare key of the boat house hangs in the blue cabinet behind the door."


def _events(response: httpx.Response) -> Iterator[tuple[str, Any]]:
    name = ""
    for line in response.iter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        elif line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


@pytest.fixture(scope="module")
def api(cloud: CloudProcess) -> Iterator[httpx.Client]:
    with api_of(cloud) as client:
        assert settled(client, upload(client, "keys.txt", TEXT, "streams"))["status"] == "ready"
        yield client


def _asked(api: httpx.Client, question: str) -> list[tuple[str, Any]]:
    body = {"question": question, "collection": "streams", "tier": "extractive"}
    with api.stream("POST", "/v1/ask/stream", json=body) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in response.headers
        assert response.headers["transfer-encoding"] == "chunked"
        return list(_events(response))


def test_should_stream_the_same_answer_as_is_given_whole(api: httpx.Client) -> None:
    question = "Where does the spare key of the boat house hang?"
    events = _asked(api, question)
    assert [name for name, _ in events] == ["retrieved", "citation", "claim", "done"]
    body = {"question": question, "collection": "streams", "tier": "extractive"}
    whole = api.post("/v1/ask", json=body).json()
    told = dict(events)
    assert told["claim"]["claim"] == whole["claims"][0]
    assert told["citation"]["citation"] == whole["citations"][0]
    assert told["done"]["receipt"]["lines"]


def test_should_stream_a_refusal(api: httpx.Client) -> None:
    events = _asked(api, "What does a ticket to the opera cost?")
    assert [name for name, _ in events] == ["retrieved", "refused", "done"]


def test_should_refuse_before_it_streams(cloud: CloudProcess, api: httpx.Client) -> None:
    wrong = api.post("/v1/ask/stream", json={"question": ""})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "question")
    stranger = httpx.post(f"{cloud.endpoint_url}/v1/ask/stream", json={"question": "Who?"})
    assert stranger.status_code == 401
