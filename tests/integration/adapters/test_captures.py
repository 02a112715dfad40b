"""Captured calls and monitors, against the local cloud."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.captures import CapturedCallTable
from chalicelib.adapters.records.monitors import CachedMonitors, MonitorTable
from chalicelib.adapters.records.writes import tenant_pk
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.contracts.monitors import Monitor
from chalicelib.errors import Conflict
from chalicelib.jobs.ulids import ulid
from tests.integration.adapters.test_stores import name, table

__all__ = ["name", "table"]

NOW = datetime.now(UTC)
SUBJECT = CaptureSubject(kind="model", name="nova/lite:1")


def call(seconds: float, subject: CaptureSubject = SUBJECT) -> CapturedCall:
    at = NOW - timedelta(seconds=seconds)
    return CapturedCall(
        id=ulid(at), subject=subject, version="1", created_at=at, output=f"{seconds:g}"
    )


def test_a_reader_should_go_on_behind_its_cursor_and_leave_what_has_not_settled(
    table: DynamoTable,
) -> None:
    calls, later = CapturedCallTable(table), NOW + timedelta(days=1)
    other = CaptureSubject(kind="model", name="nova/lite:11")
    for each in (call(5), call(40), call(30), call(20), call(35, other)):
        calls.put("acme", each, later)
    calls.put("acme", call(25), NOW - timedelta(seconds=1))  # expired, and not yet removed
    first = list(calls.calls("acme", SUBJECT, now=NOW, limit=2))
    assert [each.output for each in first] == ["40", "30"]
    rest = calls.calls("acme", SUBJECT, now=NOW, after=first[-1].id)
    assert [each.output for each in rest] == ["20"]
    since = calls.calls("acme", SUBJECT, now=NOW, since=NOW - timedelta(seconds=35))
    assert [each.output for each in since] == ["30", "20"]
    newest = list(calls.newest("acme", SUBJECT, 2))
    assert [each.output for each in newest] == ["5", "20"]
    older = calls.newest("acme", SUBJECT, 9, newest[-1].id)
    assert [each.output for each in older] == ["30", "40"]
    assert list(calls.calls("other", SUBJECT, now=NOW)) == []


def test_monitors_should_be_kept_by_name_for_tenants_that_stay(table: DynamoTable) -> None:
    monitors = MonitorTable(table)
    watch = Monitor(name="b", subject=SUBJECT, created_at=NOW, updated_at=NOW)
    with pytest.raises(Conflict):
        monitors.put("gone", watch)
    table.put(Put({"pk": tenant_pk("acme"), "sk": "TENANT"}))
    monitors.put("acme", watch)
    monitors.put("acme", watch.model_copy(update={"name": "a"}))
    assert [each.name for each in monitors.monitors("acme")] == ["a", "b"]
    assert monitors.monitor("acme", "b") == watch
    assert (monitors.remove("acme", "b"), monitors.remove("acme", "b")) == (True, False)


def test_monitors_should_be_read_again_only_after_their_seconds() -> None:
    read: list[str] = []
    clock = [0.0]

    def monitors(tenant: str) -> tuple[Monitor, ...]:
        read.append(tenant)
        return ()

    cached = CachedMonitors(monitors, lambda: clock[0], 10)
    for at, tenant in ((0.0, "a"), (9.0, "a"), (9.0, "b"), (10.0, "a")):
        clock[0] = at
        cached.monitors(tenant)
    assert read == ["a", "b", "a"]
