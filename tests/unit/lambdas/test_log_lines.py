from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from localcloud.lambdas import log_lines
from localcloud.lambdas.log_lines import InvocationMetrics
from localcloud.lambdas.spec import FunctionSpec

_MEASURES = InvocationMetrics(12.3456, 128, 31 * 1024 * 1024, 100.2)


def spec(folder: Path, log_format: str) -> FunctionSpec:
    return FunctionSpec(name="read", handler="app.h", code_path=folder, log_format=log_format)


def only(lines: list[str]) -> dict[str, Any]:
    (line,) = lines
    event: dict[str, Any] = json.loads(line)
    assert event["time"].endswith("Z")
    return event


def test_text_should_be_as_it_always_was(tmp_path: Path) -> None:
    text = spec(tmp_path, "Text")
    assert log_lines.start_lines(text, "r-1") == ["START RequestId: r-1 Version: $LATEST"]
    end, report = log_lines.end_lines(text, "r-1", _MEASURES, None)
    assert end == "END RequestId: r-1"
    assert report.startswith("REPORT RequestId: r-1\tDuration: 12.35 ms")
    (failed,) = log_lines.init_failed_lines(text, 5.0)
    assert failed == "INIT_REPORT Init Duration: 5.00 ms\tPhase: init\tStatus: error"


def test_json_should_hold_the_events_of_the_telemetry_schema(tmp_path: Path) -> None:
    as_json = spec(tmp_path, "JSON")
    start = only(log_lines.start_lines(as_json, "r-1"))
    assert start["type"] == "platform.start"
    assert start["record"] == {"requestId": "r-1", "version": "$LATEST"}
    report = only(log_lines.end_lines(as_json, "r-1", _MEASURES, None))
    assert report["type"] == "platform.report"
    assert report["record"] == {
        "requestId": "r-1",
        "metrics": {
            "durationMs": 12.346,
            "billedDurationMs": 113,
            "memorySizeMB": 128,
            "maxMemoryUsedMB": 31,
            "initDurationMs": 100.2,
        },
        "status": "success",
    }
    assert only(log_lines.init_failed_lines(as_json, 5.0))["type"] == "platform.initReport"


@pytest.mark.parametrize(
    ("error_type", "status"),
    [("Sandbox.Timedout", "timeout"), ("Runtime.ExitError", "error"), ("KeyError", "error")],
)
def test_json_should_tell_how_an_invocation_failed(
    tmp_path: Path, error_type: str, status: str
) -> None:
    report = only(
        log_lines.end_lines(spec(tmp_path, "JSON"), "r-1", InvocationMetrics(1, 128, 1), error_type)
    )
    assert report["record"]["status"] == status
    assert report["record"]["errorType"] == error_type
    assert "initDurationMs" not in report["record"]["metrics"]
