"""A monitor from its first captured call to the alarm: asks are captured, a schedule looks, drift
is told to a webhook, written as a metric and a page with plots, and nothing of it outlives the
tenant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.captures import CapturedCallTable
from chalicelib.contracts.captures import CapturedCall, CaptureSubject
from chalicelib.jobs.ulids import ulid
from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant, make_tenant
from tests.integration.watching.test_watching import written
from tests.integration.webhooks.receiver import receiving

NOW = datetime.now(UTC)
MONITOR = {
    "subject": {"kind": "retrieval", "name": "*"},
    "sample_rate": 1.0,
    "baseline_calls": 100,
    "baseline_hours": 0,
    "window_calls": 50,
}
SUBJECT = CaptureSubject(kind="retrieval", name="*")


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "watcher")
    with made.api:
        yield made


def ask(tenant: Tenant, question: str) -> None:
    answer = tenant.api.post("/v1/ask", json={"question": question})
    assert answer.status_code == 200, answer.text


def put_calls(tenant: Tenant, start: datetime, count: int, latency_ms: int) -> None:
    """Write calls as the recorder does, a second apart: a hundred asks take longer than a test."""
    cloud = tenant.cloud
    table = DynamoTable(cloud.client("dynamodb"), cloud.outputs["RecordsTableName"])
    archive = CapturedCallTable(table)
    for n in range(count):
        at = start + timedelta(seconds=n)
        call = CapturedCall(
            id=ulid(at),
            subject=SUBJECT,
            version="default",
            created_at=at,
            latency_ms=latency_ms + n % 40,
            language="en",
            cited=True,
            input=json.dumps({"question": f"What does pump {n % 9} move?"}),
            output=f"Pump {n % 9} moves water.",
        )
        archive.put(tenant.name, call, NOW + timedelta(days=1))


def run(tenant: Tenant) -> dict[str, Any]:
    """Run the schedule now, and return its run once it has ended."""
    begun = tenant.api.post("/v1/schedules/watch-asks/run")
    assert begun.status_code == 202, begun.text
    place = f"/v1/schedules/watch-asks/runs/{begun.json()['run_id']}"

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = tenant.api.get(place).json()
        return found if found["status"] not in ("waiting", "running") else None

    return until(look, "the run did not end")


def test_drift_should_raise_the_alarm_once_and_be_gone_with_its_tenant(tenant: Tenant) -> None:
    api = tenant.api
    ask(tenant, "Is nothing captured yet?")
    assert api.put("/v1/monitors/asks", json=MONITOR).status_code == 200

    def captured() -> list[dict[str, Any]] | None:
        ask(tenant, "Who is ada@example.com?")
        items: list[dict[str, Any]] = api.get("/v1/monitors/asks/calls").json()["items"]
        return items or None

    (call, *_) = until(captured, "no ask was captured")
    assert json.loads(call["input"]) == {"question": "Who is [EMAIL]?"}
    assert (call["outcome"], call["sampled"], call["version"]) == ("refused", True, "default")

    put_calls(tenant, NOW - timedelta(hours=2), 100, latency_ms=200)
    put_calls(tenant, NOW - timedelta(hours=1), 60, latency_ms=200)
    bucket = tenant.cloud.outputs["DocumentsBucketName"]
    results = [{"type": "s3", "uri": f"s3://{bucket}/results/{tenant.name}/drift"}]
    graders = [{"type": "contains", "all": ["moves water"]}]
    judge = {"graders": graders, "calls": 5, "budget": "0.01"}
    work = {"kind": "watch", "monitor": "asks", "results": results, "data_capture": True}
    work |= {"judge": judge}
    schedule = {"name": "watch-asks", "expression": "rate(1 day)", "work": work}
    gone = api.post("/v1/schedules", json=schedule | {"work": work | {"monitor": "gone"}})
    assert (gone.status_code, gone.json()["error"]["field"]) == (404, "work.monitor")
    assert api.post("/v1/schedules", json=schedule).status_code == 201
    assert api.get("/v1/monitors/asks/report").status_code == 404

    first = run(tenant)
    assert first["status"] == "succeeded"
    assert first["notes"][-1] == "5 of 5 graded answers passed"
    report = api.get("/v1/monitors/asks/report").json()
    assert (report["status"], report["baseline_calls"]) == ("steady", 100)
    assert {"input PC1", "output distance"} <= {each["name"] for each in report["features"]}

    put_calls(tenant, NOW - timedelta(minutes=30), 60, latency_ms=5_000)
    with receiving() as receiver:
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "events": ["drift.detected"]}
        assert api.post("/v1/webhooks", json=hook).status_code == 201
        ended = run(tenant)
        until(lambda: receiver.got, "no webhook was told")
        assert run(tenant)["status"] == "partial"
        (told,) = [json.loads(body) for _, _, body in receiver.got]
    assert ended["status"] == "partial"
    assert ended["notes"][0].startswith("latency has drifted")
    assert (told["type"], told["data"]["news"]) == ("drift.detected", ["latency"])
    until(lambda: "DriftedFeatures" in written(tenant.cloud), "no metric was written")
    left_files(tenant, ended)
    tenant.job("DELETE", "/v1/tenant", {"tenant": tenant.name})
    until(lambda: not tenant.left(), "something is left of the tenant")


def left_files(tenant: Tenant, ended: dict[str, Any]) -> None:
    """Look whether the report, its plots and the captured calls lie where the results go."""
    s3, bucket = tenant.cloud.client("s3"), tenant.cloud.outputs["DocumentsBucketName"]
    (folder,) = ended["results"]
    prefix = folder.removeprefix(f"s3://{bucket}/")
    keys = [one["Key"] for one in s3.list_objects_v2(Bucket=bucket, Prefix=prefix)["Contents"]]
    names = {key.removeprefix(prefix) for key in keys}
    assert {"drift.html", "drift.png", "drift.json"} <= names
    assert any(name.startswith("data-capture/retrieval/default/") for name in names)
    page: bytes = s3.get_object(Bucket=bucket, Key=prefix + "drift.html")["Body"].read()
    assert b"These have drifted: latency" in page
