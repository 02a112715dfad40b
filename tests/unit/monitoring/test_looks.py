"""What looks may spend of a monitor's false alarms."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.contracts.drift import DriftReport
from chalicelib.monitoring.looks import LookRequest, Watcher
from chalicelib.monitoring.watched_calls import GivenCalls
from tests.unit.captures.fakes import FakeCaptures
from tests.unit.monitoring.fakes import TopicEmbedder, steady_calls

START = datetime(2026, 3, 1, tzinfo=UTC)


def test_versions_that_take_turns_should_spend_no_time_twice() -> None:
    captures = FakeCaptures()
    monitor = captures.watch("prompt", "greeting", baseline_calls=100, window_calls=50)
    watcher = Watcher(TopicEmbedder(), captures, lambda seconds: 0)
    calls = [
        *steady_calls(START, 150, seed=1),
        *steady_calls(START + timedelta(hours=1), 150, seed=2, version="2"),
    ]
    before: DriftReport | None = None
    levels = []
    for hour in range(1, 73):
        now = START + timedelta(hours=hour)
        version = str(1 + hour % 2)
        calls += steady_calls(now - timedelta(minutes=10), 50, seed=hour + 2, version=version)
        request = LookRequest(
            tenant="acme",
            monitor=monitor,
            source="captures",
            calls=GivenCalls([each for each in calls if each.created_at <= now]),
            before=before,
            before_of=functools.partial(captures.report, "acme", monitor.name),
            run_id=f"run-{hour}",
            now=now,
            correlation_id="c",
        )
        before = watcher.look(request).report
        captures.put_report("acme", before)
        assert before.version == version
        levels.append(before.level * len(before.features))
    # 72 hours, and an hour more for the first look at each version.
    assert sum(levels) <= 0.05 * 74 / 720 + 1e-9
    assert levels[-1] == pytest.approx(0.05 / 720)
