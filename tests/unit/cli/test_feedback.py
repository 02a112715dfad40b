from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace
from tests.unit.cli.test_commands import ANSWER

KEPT = {"feedback_id": "fb_01J", "ranks": True}


def test_should_tell_how_an_answer_and_a_search_are_rated(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    fake.answer = ANSWER | {"answer_id": "ans_01J"}
    assert "rate it: headrace feedback ans_01J up" in headrace("ask", "How fast?").out
    found: dict[str, object] = {"hits": [], "notices": [], "receipt": None}
    fake.answer = found | {"search_id": "srch_01J"}
    assert "rate it: headrace feedback srch_01J up" in headrace("search", "x").out


def test_should_not_tell_how_to_rate_what_cannot_be(headrace: Headrace, fake: FakeHeadrace) -> None:
    fake.answer = ANSWER | {"answer_id": ""}
    assert "rate it" not in headrace("ask", "How fast?").out


def test_should_send_a_rating_once_with_all_that_is_said(
    headrace: Headrace, fake: FakeHeadrace
) -> None:
    fake.answer = KEPT
    fake.failures = [(503, {"Retry-After": "0.01"})]
    said = ("--correction", "9 s.", "--comment", "Old.", "--better", "doc_a:2:5-27")
    ended = headrace("feedback", "ans_01J", "down", *said)
    assert ended.code == 0
    assert ended.out == "fb_01J is kept, and moves what is found for questions like it.\n"
    method, path, body = fake.requests[-1]
    assert (method, path) == ("POST", "/v1/feedback")
    assert body == {
        "answer_id": "ans_01J",
        "rating": "down",
        "better_passage": {"document_id": "doc_a", "page": 2, "start": 5, "end": 27},
        "correction": "9 s.",
        "comment": "Old.",
    }
    assert len(fake.requests) == 2
    assert fake.keys[0] == fake.keys[1] is not None


def test_should_rate_a_search_by_the_look_of_its_id(headrace: Headrace, fake: FakeHeadrace) -> None:
    fake.answer = KEPT | {"ranks": False}
    ended = headrace("feedback", "srch_01J", "up")
    assert fake.requests[-1][2] == {"search_id": "srch_01J", "rating": "up"}
    assert ended.out == "fb_01J is kept, and moves nothing.\n"
    assert headrace("feedback", "srch_01J", "up", "--json").json == fake.answer


@pytest.mark.parametrize(
    "better", ["doc_a", "doc_a:1:5", "doc_a:one:1-2", "doc_a:1:2-1x", ":1:1-2"]
)
def test_should_refuse_a_better_passage_that_says_no_place(
    headrace: Headrace, fake: FakeHeadrace, better: str
) -> None:
    ended = headrace("feedback", "ans_01J", "down", "--better", better)
    assert ended.code == 2
    assert "DOCUMENT:PAGE:START-END" in ended.err
    assert fake.requests == []


def test_should_know_no_other_rating(headrace: Headrace, fake: FakeHeadrace) -> None:
    assert headrace("feedback", "ans_01J", "meh").code == 2
    assert fake.requests == []
