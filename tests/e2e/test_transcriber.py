"""Recordings of a collection whose transcriber is Amazon Transcribe, on a whole local cloud."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.dynamodb import DynamoTable
from chalicelib.adapters.records.budgets import BudgetRecords
from chalicelib.budgets.limits import TENANT_SCOPE
from infra.budgets import set_limits
from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import settled, until, upload
from tests.e2e.tenants import Tenant, make_tenant
from tests.unit.inference.speech.recordings import FILE, FIRST, SECOND

MODEL = "amazon-transcribe"
COLLECTION = "talks"
PRICE = "0.006000000"
"""The least that a job is billed: 15 s at $0.0004."""


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"heard-{secrets.token_hex(3)}")
    answer = made.api.put(f"/v1/collections/{COLLECTION}", json={"transcriber": MODEL})
    assert answer.json()["transcriber"] == MODEL, answer.text
    yield made
    made.api.close()


def used(tenant: Tenant) -> dict[str, Any]:
    """Return what the tenant used of the transcriber: its requests and dollars."""
    rows = tenant.api.get("/v1/usage", params={"by": "model"}).json()["items"]
    return next(
        ({"requests": 0, "dollars": "0", **row} for row in rows if row["name"] == MODEL), {}
    )


def test_a_budget_a_failed_look_and_a_retry_pay_once_for_what_is_said(
    cloud: CloudProcess, tenant: Tenant, wire: BedrockWire
) -> None:
    records = BudgetRecords(
        DynamoTable(cloud.client("dynamodb"), cloud.outputs["RecordsTableName"])
    )
    set_limits(records, tenant.name, TENANT_SCOPE, {"dollars_a_day": "0.005"})
    document = upload(tenant.api, "talk.wav", FILE.read_bytes(), collection=COLLECTION)
    refused = settled(tenant.api, document)
    assert (refused["status"], "$0.005" in refused["reason"]) == ("failed", True), refused
    assert used(tenant) == {}

    set_limits(records, tenant.name, TENANT_SCOPE, {"dollars_a_day": "1"})
    wire.fault(
        "look",
        service="transcribe",
        operation="GetTranscriptionJob",
        error="BadRequestException",
        message="It cannot be looked at.",
        times=1,
    )
    tenant.api.post(f"/v1/documents/{document}/retry").raise_for_status()
    until(lambda: again(tenant, document, "It cannot be looked at."), "it did not fail", 90)

    tenant.api.post(f"/v1/documents/{document}/retry").raise_for_status()
    shown = until(lambda: ready(tenant, document), "it is not ready", 120)
    lines = {line["role"]: line for line in shown["receipt"]["lines"]}
    assert (lines["transcribing"]["model"], lines["transcribing"]["dollars"]) == (MODEL, PRICE)
    assert (used(tenant)["requests"], used(tenant)["dollars"]) == (1, PRICE)

    captions = tenant.api.get(f"/v1/documents/{document}/captions", params={"format": "txt"})
    assert captions.status_code in (200, 302), captions.text
    hits = tenant.api.post("/v1/search", json={"query": SECOND, "collection": COLLECTION}).json()
    timeline = hits["hits"][0]["timeline"]
    assert [point["speaker"] for point in timeline] == [1, 2]
    assert FIRST in hits["hits"][0]["text"]
    assert abs(hits["hits"][0]["start_ms"] - 450) < 200

    jobs = cloud.client("transcribe").list_transcription_jobs()["TranscriptionJobSummaries"]
    assert not [job for job in jobs if shown["version"] in job["TranscriptionJobName"]]
    assert not [key for key in tenant.left() if "/parts/" in key]

    budgets = tenant.api.get("/v1/budgets").json()["dollars"]
    assert [float(each["reserved"]) for each in budgets] == [0.0]


def again(tenant: Tenant, document: str, reason: str) -> bool:
    found = tenant.api.get(f"/v1/documents/{document}").json()
    return found["status"] == "failed" and reason in found["reason"]


def ready(tenant: Tenant, document: str) -> dict[str, Any] | None:
    found: dict[str, Any] = tenant.api.get(f"/v1/documents/{document}").json()
    assert found["status"] in ("processing", "ready") or "looked at" in found["reason"], found
    return found if found["status"] == "ready" else None


def test_a_job_that_cannot_be_started_fails_the_document_and_gives_its_budget_back(
    tenant: Tenant, wire: BedrockWire
) -> None:
    wire.fault(
        "start",
        service="transcribe",
        operation="StartTranscriptionJob",
        error="BadRequestException",
        message="You cannot start it.",
        times=1,
    )
    document = upload(tenant.api, "other.wav", FILE.read_bytes(), collection=COLLECTION)
    shown = settled(tenant.api, document)
    assert (shown["status"], "You cannot start it." in shown["reason"]) == ("failed", True)
    budgets = tenant.api.get("/v1/budgets").json()["dollars"]
    assert all(float(each["reserved"]) == 0 for each in budgets)
    tenant.api.delete(f"/v1/documents/{document}").raise_for_status()


def test_a_call_is_told_that_jobs_are_for_documents(tenant: Tenant) -> None:
    form = {"file": ("a.wav", FILE.read_bytes(), "audio/wav")}
    answer = tenant.api.post("/v1/audio/transcriptions", data={"model": MODEL}, files=form)
    assert answer.status_code == 400, answer.text
    assert "name it as the transcriber of a collection" in answer.json()["error"]["message"]
    wrong = tenant.api.put("/v1/collections/none", json={"transcriber": "nova-micro"})
    assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "transcriber")
