from __future__ import annotations

import json
from typing import Any

import pytest

from chalicelib.errors import InvalidInput
from chalicelib.observability import NAMESPACE, logger, observed


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def metrics(found: list[dict[str, Any]]) -> dict[str, Any]:
    (emitted,) = [line for line in found if "_aws" in line]
    assert emitted["_aws"]["CloudWatchMetrics"][0]["Namespace"] == NAMESPACE
    return emitted


def test_work_is_logged_and_counted_under_its_correlation_id(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with observed("reading", "request-1") as observation:
        observation.log.info("half way")
        observation.count("Pages", 3)
    found = lines(capsys.readouterr().out)
    half, end = (line for line in found if "message" in line)
    assert (half["correlation_id"], end["correlation_id"]) == ("request-1", "request-1")
    emitted = metrics(found)
    assert (emitted["Pages"], emitted["Successes"]) == ([3.0], [1.0])


def test_an_error_of_ours_is_logged_by_name_and_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InvalidInput), observed("refusing", "request-2"):
        raise InvalidInput("The file is empty.")
    found = lines(capsys.readouterr().out)
    assert (found[0]["error"], found[0]["why"]) == ("InvalidInput", "The file is empty.")
    assert metrics(found)["Failures"] == [1.0]


def test_an_error_that_nobody_meant_is_logged_with_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ZeroDivisionError), observed("failing"):
        _ = 1 // 0
    found = lines(capsys.readouterr().out)
    assert "ZeroDivisionError" in found[0]["exception"]
    assert metrics(found)["Failures"] == [1.0]


def test_a_correlation_id_does_not_leak_into_the_next_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with observed("leaking", "request-3"):
        pass
    capsys.readouterr()
    logger("leaking").info("later")
    (line,) = lines(capsys.readouterr().out)
    assert not line.get("correlation_id")
