from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from chalicelib.contracts.receipts import Receipt
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.observability import (
    NAMESPACE,
    OLDEST_JOB,
    log_not_swapped,
    logger,
    observed,
    spent,
)


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
        observation.became("read")
        observation.count("Pages")
        observation.count("Pages")
        observation.age(OLDEST_JOB, 61.5)
    found = lines(capsys.readouterr().out)
    half, end = (line for line in found if "message" in line)
    assert (half["correlation_id"], end["correlation_id"]) == ("request-1", "request-1")
    emitted = metrics(found)
    assert (emitted["Pages"], emitted[OLDEST_JOB]) == ([1.0, 1.0], [61.5])
    assert emitted["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [[]]
    assert (end["outcome"], end["became"]) == ("succeeded", ["read"])


def test_an_error_of_ours_is_logged_by_name_and_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(InvalidInput), observed("refusing", "request-2"):
        raise InvalidInput("The file is empty.")
    found = lines(capsys.readouterr().out)
    assert (found[0]["error"], found[0]["why"]) == ("InvalidInput", "The file is empty.")
    assert found[-1]["outcome"] == "failed"


def test_an_error_that_nobody_meant_is_logged_with_its_trace(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(ZeroDivisionError), observed("failing"):
        _ = 1 // 0
    found = lines(capsys.readouterr().out)
    assert "ZeroDivisionError" in found[0]["exception"]
    assert found[-1]["outcome"] == "failed"


def test_work_that_counts_nothing_writes_no_metric(capsys: pytest.CaptureFixture[str]) -> None:
    with observed("idling"):
        pass
    assert [line["message"] for line in lines(capsys.readouterr().out)] == ["ended"]


def test_what_was_spent_is_written_for_the_stage(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Headrace/test")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "")
    spent(Receipt(tokens_in=7, dollars=Decimal("0.000002500")))
    (emitted,) = lines(capsys.readouterr().out)
    (written,) = emitted["_aws"]["CloudWatchMetrics"]
    assert (written["Namespace"], written["Dimensions"]) == ("Headrace/test", [[]])
    assert [metric["Name"] for metric in written["Metrics"]] == ["Dollars", "InputTokens"]
    assert (emitted["Dollars"], emitted["InputTokens"]) == ([0.0000025], [7.0])


def test_should_log_as_a_failure_that_a_version_cannot_serve(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log_not_swapped(ModelFailure("vae/2 cannot serve, and vae/1 goes on: it is gone"))
    (line,) = lines(capsys.readouterr().out)
    assert (line["level"], line["message"]) == ("ERROR", "not swapped")
    assert "errorType" not in line, "the filter on failures would look at it"
    assert line["why"].startswith("vae/2 cannot serve")


def test_a_correlation_id_does_not_leak_into_the_next_work(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with observed("leaking", "request-3"):
        pass
    capsys.readouterr()
    logger("leaking").info("later")
    (line,) = lines(capsys.readouterr().out)
    assert not line.get("correlation_id")
