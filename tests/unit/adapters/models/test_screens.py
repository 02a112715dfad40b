from __future__ import annotations

import base64
from typing import Any

import pytest

from chalicelib.adapters.screening_functions import ScreenImageFunction, ScreenTextFunction
from chalicelib.contracts.screening import MAX_TEXTS, Category, Finding, OriginText
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure, Transient
from tests.unit.adapters.models.test_functions import answering

THREAT: tuple[Category, ...] = ("threat",)
FOUND = {
    "rule": "threat.intent",
    "category": "threat",
    "text": 0,
    "start": 0,
    "end": 4,
    "score": 0.9,
    "words": "a threat",
}


def screened(answer: object, function_error: str | None = None) -> tuple[Finding, ...]:
    request = {
        "texts": [{"text": "text", "origin": "output"}],
        "categories": ["threat"],
        "least": 0.5,
        "correlation_id": "req-1",
    }
    with answering("screen", request, answer, function_error) as client:
        texts = [OriginText(text="text", origin="output")]
        return ScreenTextFunction(client, "screen").screen(texts, THREAT, 0.5, "req-1")


def test_should_return_what_the_function_found() -> None:
    (found,) = screened({"findings": [FOUND], "seconds": 0.1})
    assert (found.rule, found.start, found.end) == ("threat.intent", 0, 4)


@pytest.mark.parametrize("wrong", [{"text": 1}, {"end": 5}])
def test_should_refuse_findings_where_there_is_no_text(wrong: dict[str, Any]) -> None:
    with pytest.raises(ModelFailure, match="where there is no text"):
        screened({"findings": [FOUND | wrong], "seconds": 0.1})


@pytest.mark.parametrize(
    ("answer", "function_error", "kind"),
    [
        ({"findings": "none"}, None, ModelFailure),
        ({"errorType": "InvalidInput", "errorMessage": "too long"}, "Unhandled", InvalidInput),
        ({"errorType": "Sandbox.Timedout", "errorMessage": "late"}, "Unhandled", Transient),
    ],
)
def test_should_tell_failures_as_what_they_are(
    answer: object, function_error: str | None, kind: type[HeadraceError]
) -> None:
    with pytest.raises(kind):
        screened(answer, function_error)


def test_should_not_ask_for_more_texts_than_the_function_takes() -> None:
    texts = [OriginText(text="a")] * (MAX_TEXTS + 1)
    with answering("screen", {}, {}) as client:
        function = ScreenTextFunction(client, "screen")
        with pytest.raises(InvalidInput) as refused:
            function.screen(texts, (), 0.0, "req-1")
    assert refused.value.limit == str(MAX_TEXTS)


def test_should_send_a_picture_as_base64_and_return_its_score() -> None:
    data = bytes(range(256)) * 2
    request = {"data": base64.b64encode(data).decode(), "correlation_id": "req-1"}
    answer = {"score": 0.25, "model": "open-nsfw", "seconds": 0.1}
    with answering("look", request, answer) as client:
        assert ScreenImageFunction(client, "look").look(data, "req-1").score == 0.25
