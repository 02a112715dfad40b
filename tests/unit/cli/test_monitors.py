from __future__ import annotations

from typing import Any

from tests.unit.cli.conftest import Headrace
from tests.unit.cli.fake_headrace import FakeHeadrace

MONITOR: dict[str, Any] = {
    "name": "docs",
    "subject": {"kind": "retrieval", "name": "station"},
    "sample_rate": 0.25,
    "retention_days": 30,
    "mask": ["personal-data"],
    "baseline_calls": 500,
    "baseline_hours": 24,
    "window_calls": 200,
    "false_alarms": 0.05,
    "min_psi": 0.1,
    "created_at": "2026-01-02T03:04:05Z",
    "updated_at": "2026-01-02T03:04:05Z",
}
TERMS = set(MONITOR) - {"name", "created_at", "updated_at"}


def test_should_set_a_monitor_and_say_what_it_does(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.shown["/v1/monitors/docs"] = MONITOR
    ended = headrace("monitors", "set", "docs", "--sample", "0.5", "--days", "7")
    method, path, body = fake.requests[-1]
    assert (method, path) == ("PUT", "/v1/monitors/docs")
    changed = {"sample_rate": 0.5, "retention_days": 7}
    assert body == {k: v for k, v in MONITOR.items() if k in TERMS} | changed
    assert "50% of calls are captured, with personal-data masked, for 7 days." in ended.out


def test_a_new_subject_should_be_a_new_monitor(fake: FakeHeadrace, headrace: Headrace) -> None:
    headrace("monitors", "set", "docs", "--collection", "station", "--json")
    assert fake.requests[-1][2] == {"subject": {"kind": "retrieval", "name": "station"}}


def test_two_subjects_should_be_refused(headrace: Headrace) -> None:
    assert headrace("monitors", "set", "docs", "--prompt", "a", "--model", "b").code == 2


def test_a_new_monitor_without_a_subject_should_be_told_to_name_one(headrace: Headrace) -> None:
    ended = headrace("monitors", "set", "unheard", "--sample", "0.5")
    assert ended.code == 2
    assert "There is no monitor unheard yet: say what it watches by --prompt" in ended.err


def test_should_list_monitors_and_calls(fake: FakeHeadrace, headrace: Headrace) -> None:
    fake.documents["monitors"] = {"items": [MONITOR]}
    assert "retrieval/station" in headrace("monitors", "ls").out
    call = {
        "created_at": "2026-01-02T03:04:05.123Z",
        "version": "default",
        "outcome": "error",
        "error_type": "Throttled",
        "latency_ms": 12,
        "input": "What is\nthe limit?",
        "output": None,
    }
    fake.documents["calls?limit=10"] = {"items": [call]}
    told = headrace("monitors", "calls", "docs").out
    assert "Throttled" in told
    assert "What is the limit?" in told
    assert "(left out)" in told
