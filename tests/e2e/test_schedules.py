"""A schedule from its making to its removal: it fires, its runs take turns, nothing stays."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant, make_tenant

REPORT = {"kind": "report"}
SCHEDULED = {
    "version": "0",
    "id": "17793124-05d4-b198-2fde-7ededc63b103",
    "detail-type": "Scheduled Event",
    "source": "aws.events",
    "account": "000000000000",
    "time": "2026-05-04T12:29:59Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {},
}
ENDED = {"succeeded", "partial", "failed", "cancelled"}


class Clockwork:
    """The schedules of a tenant, and what lies of them beside the API."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        self.api, self.cloud = tenant.api, tenant.cloud
        self.scheduler = self.cloud.client("scheduler")

    def create(self, name: str, expression: str, **terms: Any) -> dict[str, Any]:
        body = {"name": name, "expression": expression, "work": REPORT, **terms}
        answer = self.api.post("/v1/schedules", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def change(self, name: str, verb: str) -> dict[str, Any]:
        answer = self.api.post(f"/v1/schedules/{name}/{verb}")
        assert answer.is_success, answer.text
        changed: dict[str, Any] = answer.json()
        return changed

    def runs(self, name: str) -> list[dict[str, Any]]:
        """Return the runs of a schedule, the oldest first."""
        items: list[dict[str, Any]] = self.api.get(f"/v1/schedules/{name}/runs").json()["items"]
        return items[::-1]

    def settled(self, name: str, count: int) -> list[dict[str, Any]]:
        """Return the runs of a schedule once `count` have ended, and none goes on."""

        def look() -> list[dict[str, Any]] | None:
            found = self.runs(name)
            over = [run for run in found if run["status"] in ENDED]
            return over if len(over) == count and len(found) == count else None

        return until(look, f"{name} has not had {count} runs", 60)

    def entries(self) -> set[str]:
        pages = self.scheduler.get_paginator("list_schedules").paginate(GroupName="headrace-local")
        return {each["Name"] for page in pages for each in page["Schedules"]}

    def send(self, schedule: dict[str, Any]) -> None:
        """Send the message of a schedule's time, as Scheduler does at least once."""
        sqs = self.cloud.client("sqs")
        due = {
            "tenant": self.tenant.name,
            "schedule": schedule["name"],
            "schedule_id": schedule["schedule_id"],
            "scheduled_at": datetime.now(UTC).isoformat(),
        }
        url = sqs.get_queue_url(QueueName="headrace-local-schedules")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(due))

    def sweep(self) -> None:
        functions = self.cloud.client("lambda")
        pages = functions.get_paginator("list_functions").paginate()
        (name,) = [
            function["FunctionName"]
            for page in pages
            for function in page["Functions"]
            if function["Handler"] == "app.sweep_jobs"
        ]
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(SCHEDULED))
        assert "FunctionError" not in answer, answer["Payload"].read()


@pytest.fixture
def clockwork(cloud: CloudProcess) -> Iterator[Clockwork]:
    tenant = make_tenant(cloud, "clockwork")
    yield Clockwork(tenant)
    tenant.api.close()


def test_an_entry_should_fire_and_its_time_run_once_though_it_is_told_three_times(
    clockwork: Clockwork,
) -> None:
    assert clockwork.api.get("/v1/schedules").json()["items"] == []
    at = datetime.now(UTC) + timedelta(seconds=15)
    once = clockwork.create("once", f"at({at:%Y-%m-%dT%H:%M:%S})")
    assert clockwork.entries() >= {once["schedule_id"]}
    (run,) = clockwork.settled("once", 1)
    assert (run["status"], run["trigger"]) == ("succeeded", "time"), run
    assert run["scheduled_at"] == f"{at:%Y-%m-%dT%H:%M:%S}Z"
    assert run["job_id"] == run["run_id"]
    assert float(run["receipt"]["dollars"]) > 0
    for _ in range(2):
        clockwork.send(once)
    clockwork.sweep()
    shown = clockwork.api.get("/v1/schedules/once").json()
    assert (shown["status"], shown["next"], shown["running"]) == ("ended", [], "")
    assert shown["last_run"]["run_id"] == run["run_id"]
    assert once["schedule_id"] not in clockwork.entries()
    assert clockwork.settled("once", 1) == [run]
    assert clockwork.api.delete("/v1/schedules/once").status_code == 204


def test_runs_should_take_turns_and_a_removed_schedule_leave_nothing(
    clockwork: Clockwork,
) -> None:
    made = clockwork.create("hourly", "rate(1 hour)", overlap="queue")
    entry = made["schedule_id"]
    assert len(made["next"]) == 5
    assert clockwork.change("hourly", "pause")["status"] == "paused"
    assert entry not in clockwork.entries()
    assert clockwork.change("hourly", "resume")["status"] == "active"
    assert entry in clockwork.entries()
    terms = made["terms"] | {"expression": "rate(2 hours)"}
    replaced = clockwork.api.put("/v1/schedules/hourly", json=terms)
    assert replaced.status_code == 200, replaced.text
    stored = clockwork.scheduler.get_schedule(GroupName="headrace-local", Name=entry)
    assert stored["ScheduleExpression"] == "rate(2 hours)"
    begun = [clockwork.change("hourly", "run") for _ in range(2)]
    assert {run["trigger"] for run in begun} == {"manual"}
    over = clockwork.settled("hourly", 2)
    assert [run["run_id"] for run in over] == sorted(run["run_id"] for run in begun)
    assert [run["status"] for run in over] == ["succeeded"] * 2, over
    assert over[0]["ended_at"] <= over[1]["started_at"]
    kept = {
        "Bucket": clockwork.cloud.outputs["DocumentsBucketName"],
        "Prefix": f"schedules/{clockwork.tenant.name}/{entry}/",
    }
    s3 = clockwork.cloud.client("s3")
    s3.put_object(Bucket=kept["Bucket"], Key=kept["Prefix"] + "RUN/manifest.json", Body=b"{}")
    assert clockwork.api.delete("/v1/schedules/hourly").status_code == 204
    assert entry not in clockwork.entries()
    clockwork.send(made)
    clockwork.sweep()
    assert clockwork.api.get("/v1/schedules/hourly").status_code == 404
    left = [key for key in clockwork.tenant.left() if "JOB#" not in key]
    history = [key for key in left if f"/RUN#{entry}#" in key]
    assert len(history) == 2
    assert [key for key in left if "SCHEDULE#" in key] == []
    assert "Versions" not in s3.list_object_versions(**kept)
