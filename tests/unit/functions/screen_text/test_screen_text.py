from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from chalicelib.contracts.screening import (
    MAX_TEXTS,
    OriginText,
    ScreenTextRequest,
    ScreenTextResult,
)
from functions.screen_text.core import Deps, run
from tests.unit.functions.afresh import answered_afresh

ROOT = Path(__file__).parents[4]
SAMPLE = ROOT / "functions" / "screen_text" / "event.json"


def deps() -> Deps:
    ticks = iter([1.0, 1.25])
    return Deps(lambda: next(ticks))


def test_it_finds_what_its_sample_has_and_says_how_long_that_took() -> None:
    result = run(ScreenTextRequest.model_validate_json(SAMPLE.read_text()), deps())
    assert [one.rule for one in result.findings] == [
        "personal-data.iban",
        "personal-data.email",
        "injection.override",
    ]
    assert [one.text for one in result.findings] == [0, 0, 1]
    assert result.seconds == 0.25


def test_it_looks_for_no_more_than_is_asked_for() -> None:
    text = OriginText(text="I will kill you, ada@example.org.")
    request = ScreenTextRequest(texts=(text,), categories=("threat",))
    assert [one.category for one in run(request, deps()).findings] == ["threat"]


def test_a_request_beyond_the_limits_names_the_field() -> None:
    with pytest.raises(ValidationError, match="texts"):
        ScreenTextRequest(texts=(OriginText(text="a"),) * (MAX_TEXTS + 1))
    with pytest.raises(ValidationError, match="texts"):
        ScreenTextRequest(texts=())


def test_a_fresh_process_answers_the_sample_without_boto3(tmp_path: Path) -> None:
    answer = answered_afresh("screen_text", tmp_path)
    assert len(ScreenTextResult.model_validate(answer).findings) == 3
