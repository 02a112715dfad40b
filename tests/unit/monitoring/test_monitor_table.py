"""What is kept of each version of a watched subject, on a DynamoDB in this process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.adapters.dynamodb import DynamoTable, Put
from chalicelib.adapters.records.monitors import MAX_BASELINES, VERSION_STAYS, MonitorTable
from chalicelib.adapters.records.writes import tenant_key, tenant_pk
from chalicelib.contracts.drift import DriftReport, WatchStatus
from chalicelib.contracts.monitors import Monitor
from tests.unit.ingest.conftest import dynamodb, table
from tests.unit.monitoring.fakes import SUBJECT

__all__ = ["dynamodb", "table"]

TENANT = "acme"
NOW = datetime(2026, 11, 30, tzinfo=UTC)
BASELINE = "BASELINE#prompt#greeting#"


@pytest.fixture
def kept(table: DynamoTable) -> MonitorTable:
    pk, sk = tenant_key(TENANT)
    table.put(Put({"pk": pk, "sk": sk}))
    found = MonitorTable(table)
    found.put(TENANT, Monitor(name="m0", subject=SUBJECT, created_at=NOW, updated_at=NOW))
    return found


def report(version: str, last_call: str = "01", status: WatchStatus = "drifted") -> DriftReport:
    return DriftReport(
        monitor="m0",
        subject=SUBJECT,
        run_id="run",
        time=NOW,
        status=status,
        version=version,
        last_call=last_call,
        drifted=("latency",) if status == "drifted" else (),
    )


def expiry(table: DynamoTable, version: str) -> int:
    item = table.get((tenant_pk(TENANT), BASELINE + version))
    assert item is not None
    return int(item["expires_at"])


def test_each_version_should_keep_the_report_of_the_last_look_that_compared_it(
    kept: MonitorTable, table: DynamoTable
) -> None:
    kept.put_report(TENANT, report("1"))
    kept.put_report(TENANT, report("2", status="steady"))
    kept.put_report(TENANT, report("1", "", "too_few"))
    last = kept.report(TENANT, "m0")
    assert last is not None
    assert last.status == "too_few"
    assert kept.report(TENANT, "m0", "1") == report("1")
    assert kept.report(TENANT, "m0", "2") == report("2", status="steady")
    assert kept.remove(TENANT, "m0")
    assert list(table.query(tenant_pk(TENANT), "DRIFT#")) == []


def test_a_baseline_should_stay_for_as_long_as_it_is_used(
    kept: MonitorTable, table: DynamoTable
) -> None:
    kept.put_baseline(TENANT, SUBJECT, "1", b"made", NOW)
    first = expiry(table, "1")
    assert first == (NOW + VERSION_STAYS).timestamp()
    assert kept.baseline(TENANT, SUBJECT, "1", NOW + timedelta(days=1)) == b"made"
    assert expiry(table, "1") == first, "no look pays for a write"
    later = NOW + timedelta(days=100)
    assert kept.baseline(TENANT, SUBJECT, "1", later) == b"made"
    assert expiry(table, "1") == (later + VERSION_STAYS).timestamp()
    assert kept.baseline(TENANT, SUBJECT, "2", later) is None


def test_a_subject_should_have_so_many_baselines_and_the_least_used_go(
    kept: MonitorTable, table: DynamoTable
) -> None:
    for n in range(MAX_BASELINES):
        kept.put_baseline(TENANT, SUBJECT, str(n), b"made", NOW + timedelta(hours=n))
    kept.baseline(TENANT, SUBJECT, "0", NOW + timedelta(days=170))
    later = NOW + timedelta(days=170)
    kept.put_baseline(TENANT, SUBJECT, "new", b"made", later)
    names = [*map(str, range(MAX_BASELINES)), "new"]
    gone = [name for name in names if kept.baseline(TENANT, SUBJECT, name, later) is None]
    assert gone == ["1"]
