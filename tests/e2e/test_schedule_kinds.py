"""Runs of schedules on the state machine: a prefix into a collection, an export, a report.

The runs are begun as the admission begins them, by their jobs. What the machine and the function's
role do then is real.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zipfile import ZipFile

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.jobs import JobTable
from chalicelib.adapters.stepfunctions import JobMachines
from chalicelib.contracts.jobs import JobInput, Machine
from chalicelib.contracts.schedule_runs import RunCheckpoint, RunOrder, Watermark
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.ulids import ulid
from tests.cloud import CloudProcess
from tests.e2e.driving import until, upload
from tests.e2e.tenants import Tenant, make_tenant

PUMP = b"Pump 7 moves 400 litres a second. Its seal was renewed in 2024."
VALVE = b"Valve 9 closes within 3 seconds. It was inspected in 2025."
FAN = b"Fan 4 turns 900 times a minute. It is cleaned every March."


class Runs:
    """Runs of one schedule of a tenant, each with the watermark of the one before."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant
        outputs = tenant.cloud.outputs
        self.bucket = outputs["DocumentsBucketName"]
        self.s3 = tenant.cloud.client("s3")
        table = DynamoTable(tenant.cloud.client("dynamodb"), outputs["RecordsTableName"])
        self.jobs = JobTable(table)
        machines: dict[Machine, str] = {"schedule": outputs["ScheduleMachineArn"]}
        executions = JobMachines(tenant.cloud.client("stepfunctions"), machines)
        self.launcher = JobLauncher(self.jobs, executions, lambda: datetime.now(UTC))
        self.watermark = Watermark()
        self.schedule_id = ulid(datetime.now(UTC))

    def run(
        self, work: Mapping[str, Any], budget: Decimal | None = None
    ) -> tuple[dict[str, Any], RunCheckpoint]:
        """Do a run to its end; return the job and its checkpoint."""
        now = datetime.now(UTC)
        order = RunOrder(
            schedule_id=self.schedule_id,
            schedule="nightly",
            scheduled_at=now,
            work=work,
            budget=budget,
            watermark=self.watermark,
        )
        given = JobInput(
            tenant=self.tenant.name,
            job_id=ulid(now),
            kind="scheduled_run",
            bucket=self.bucket,
            correlation_id=f"run-{ulid(now)}",
            run=order,
        )
        self.launcher.launch(given)
        job = self.tenant.ended(given.job_id)
        state = self.jobs.state(self.tenant.name, given.job_id)
        assert state is not None
        place = RunCheckpoint.model_validate_json(state.checkpoint or "{}")
        self.watermark = place.watermark or self.watermark
        return job, place

    def put(self, key: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def read(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return body

    def texts(self, collection: str, paths: set[str]) -> None:
        """Wait until the ready documents of a collection are those at `paths`."""

        def found() -> bool:
            listed = self.tenant.api.get("/v1/documents", params={"collection": collection})
            return {
                each["path"] for each in listed.json()["items"] if each["status"] == "ready"
            } == paths

        until(found, f"{collection} has not {paths}")


@pytest.fixture
def runs(cloud: CloudProcess) -> Iterator[Runs]:
    tenant = make_tenant(cloud, "kinds")
    yield Runs(tenant)
    tenant.api.close()


def test_a_collection_should_follow_a_prefix(runs: Runs) -> None:
    source = f"sources/{runs.tenant.name}/in/"
    work = {
        "kind": "sync",
        "uri": f"s3://{runs.bucket}/{source}",
        "collection": "plant",
        "remove": True,
    }
    for name, body in (("pump.txt", PUMP), ("valve.txt", VALVE), ("more/fan.txt", FAN)):
        runs.put(source + name, body)
    job, place = runs.run(work)
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 3), job["error"]
    runs.texts("plant", {"pump.txt", "valve.txt", "more/fan.txt"})

    runs.s3.delete_object(Bucket=runs.bucket, Key=source + "valve.txt")
    runs.put(source + "pump.txt", PUMP + b" It was painted green.")
    job, place = runs.run(work)
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 2), job["error"]
    runs.texts("plant", {"pump.txt", "more/fan.txt"})
    job, place = runs.run(work)
    assert (job["counts"]["total"], place.notes) == (0, ("2 unchanged",))


def test_results_should_reach_their_places_and_go_with_the_tenant(runs: Runs) -> None:
    upload(runs.tenant.api, "pump.txt", PUMP, "plant")
    runs.texts("plant", {"pump.txt"})
    out = {"type": "s3", "uri": f"s3://{runs.bucket}/results/{runs.tenant.name}/out/"}
    job, place = runs.run({"kind": "export", "collection": "plant", "results": [out]})
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 1), job["error"]
    folder = place.results[0].removeprefix(f"s3://{runs.bucket}/")
    with ZipFile(io.BytesIO(runs.read(folder + "part-00001.zip"))) as archive:
        sources = [name for name in archive.namelist() if name.endswith("pump.txt")]
        assert [archive.read(name) for name in sources] == [PUMP]

    schema = {"properties": {"litres": {"type": "number", "title": "Pump 7 moves"}}}
    runs.tenant.api.post("/v1/extractors", json={"name": "pumps", "json_schema": schema})
    read = {"kind": "extraction", "extractor": "pumps", "collection": "plant", "results": [out]}
    job, place = runs.run(read)
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 1), job["error"]
    folder = place.results[0].removeprefix(f"s3://{runs.bucket}/")
    assert json.loads(runs.read(folder + "results.jsonl"))["path"] == "pump.txt"
    assert runs.run(read)[1].notes == ("nothing new to read",)

    reports = [out, {"type": "collection", "collection": "costs"}]
    job, place = runs.run({"kind": "report", "period": "week", "results": reports})
    assert {each["name"] for each in job["results"]} == {"report.json", "report.csv", "report.md"}
    folder = place.results[0].removeprefix(f"s3://{runs.bucket}/")
    assert json.loads(runs.read(folder + "report.json"))["total"]["requests"] == 0
    runs.texts("costs", {place.results[1].removeprefix("costs/")})
    back = {"kind": "sync", "uri": f"s3://{runs.bucket}/{folder}", "collection": "again"}
    assert runs.run(back)[0]["counts"]["done"] == 3

    terms = {"name": "nightly", "expression": "rate(1 day)", "work": {"kind": "report"}}
    made = runs.tenant.api.post("/v1/schedules", json=terms)
    assert made.status_code == 201, made.text
    runs.put(f"sources/{runs.tenant.name}/left.txt", FAN)
    runs.tenant.job("DELETE", "/v1/tenant", {"tenant": runs.tenant.name})
    until(lambda: not runs.tenant.left(), "something of the tenant is left")
    entries = runs.tenant.cloud.client("scheduler").list_schedules(GroupName="headrace-local")
    assert made.json()["schedule_id"] not in {each["Name"] for each in entries["Schedules"]}


def test_a_source_that_the_tenant_may_not_read_should_fail_with_its_remedy(
    runs: Runs,
) -> None:
    other = f"s3://{runs.bucket}/sources/rival/"
    job, _ = runs.run({"kind": "sync", "uri": other, "collection": "plant"})
    assert (job["status"], job["error"]["type"]) == ("failed", "InvalidInput")
    assert "python -m infra.tenants --location" in job["error"]["message"]
