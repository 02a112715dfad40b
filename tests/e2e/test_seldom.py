"""What seldom happens and needs permissions of its own: models that word answers, executions that
are stopped, events that nobody heard of.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.data.formats.make_texts import zipped
from tests.e2e.driving import Audit, settled, until, upload
from tests.e2e.tenants import Tenant, make_tenant
from tests.integration.webhooks.receiver import receiving

FACT = b"The turbine of the lower mill was made by Voss Hydro in the year 1931."
QUESTION = "Who made the turbine of the lower mill?"
MANY = b"".join(b"Pump %d moves %d litres a second.\n\n" % (n, n) for n in range(8_000))
"""A document that is worked on for some seconds."""

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
"""Longer than the sweeps leave an execution to its own event, which is a minute."""


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "seldom")
    yield made
    made.api.close()


def ready(tenant: Tenant, path: str, body: bytes, collection: str = "a") -> str:
    document_id = upload(tenant.api, path, body, collection)
    assert settled(tenant.api, document_id)["status"] == "ready"
    return document_id


def asked(tenant: Tenant, path: str) -> httpx.Response:
    answer = tenant.api.post(path, json={"question": QUESTION, "tier": "llm"})
    assert answer.status_code == 200, answer.text
    return answer


@pytest.mark.timeout(180)
def test_a_language_model_should_word_answers_whole_and_as_a_stream(tenant: Tenant) -> None:
    ready(tenant, "turbine.txt", FACT)
    whole = asked(tenant, "/v1/ask").json()
    assert whole["claims"]
    assert whole["answered"] == (not any(claim["unsupported"] for claim in whole["claims"]))
    rated = {"answer_id": whole["answer_id"], "rating": "up"}
    assert tenant.api.post("/v1/feedback", json=rated).status_code == 201
    streamed = asked(tenant, "/v1/ask/stream").text
    assert "event: done" in streamed
    roles = [line["role"] for line in whole["receipt"]["lines"]]
    assert "answer" in roles
    assert '"role":"answer"' in streamed.replace(" ", "")
    counted = tenant.api.get("/v1/usage", params={"by": "collection"}).json()["total"]
    assert counted["requests"] >= 2
    assert Decimal(counted["dollars"]) >= _worded(whole) > 0


def _worded(answer: dict[str, Any]) -> Decimal:
    lines = answer["receipt"]["lines"]
    return sum((Decimal(line["dollars"]) for line in lines if line["role"] == "answer"), Decimal(0))


@pytest.mark.timeout(180)
def test_an_archive_and_what_was_said_of_it_should_go_with_its_collection(
    tenant: Tenant,
) -> None:
    container = ready(tenant, "box.zip", zipped({"turbine.txt": FACT}), "gone")
    until(lambda: len(listed(tenant)) == 2, "the member did not come")
    member = next(each for each in listed(tenant) if each != container)
    assert settled(tenant.api, member)["status"] == "ready"
    found = tenant.api.post("/v1/search", json={"query": QUESTION, "rateable": True}).json()
    hit = {name: found["hits"][0][name] for name in ("document_id", "page", "start", "end")}
    rated = {"search_id": found["search_id"], "rating": "down", "better_passage": hit}
    assert tenant.api.post("/v1/feedback", json=rated).status_code == 201
    job = tenant.ended(tenant.job("DELETE", "/v1/collections/gone/documents"))
    assert job["status"] == "succeeded"
    until(lambda: not listed(tenant), "documents stayed")


def listed(tenant: Tenant) -> list[str]:
    documents = tenant.api.get("/v1/documents").json()["items"]
    return [each["document_id"] for each in documents]


def test_a_receiver_should_be_sent_an_event_to_try_it(tenant: Tenant) -> None:
    with receiving() as receiver:
        wanted = {"url": f"http://127.0.0.1:{receiver.port}/hook", "events": ["document.ready"]}
        made = tenant.api.post("/v1/webhooks", json=wanted).json()
        place = f"/v1/webhooks/{made['webhook_id']}"
        assert tenant.api.post(f"{place}/test").status_code == 202
        until(lambda: receiver.got, "nothing came")
        assert tenant.api.delete(place).status_code in (200, 204)


def test_an_ingest_that_was_stopped_should_fail_and_leave_no_vectors(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    document_id = upload(tenant.api, "many.txt", MANY, "a")
    states = cloud.client("stepfunctions")
    execution = until(lambda: running(cloud, "IngestMachineArn", document_id), "it never ran")
    states.stop_execution(executionArn=execution, error="Stopped", cause="by a test")
    document = settled(tenant.api, document_id)
    assert (document["status"], document["version"]) == ("failed", "")
    audit = Audit(cloud)
    until(lambda: audit.places_taken() == 0, "its place is still taken")
    assert [key for keys in tenant.indexes().values() for key in keys] == []


def test_a_document_that_is_deleted_while_it_is_read_should_leave_nothing(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    document_id = upload(tenant.api, "many.txt", MANY, "a")
    until(lambda: running(cloud, "IngestMachineArn", document_id), "it never ran")
    assert tenant.api.delete(f"/v1/documents/{document_id}").status_code in (200, 202)
    until(lambda: not held(cloud, tenant), "its place is still taken")
    left = [each for each in tenant.left() if document_id in each]
    assert left == []
    assert [key for keys in tenant.indexes().values() for key in keys] == []


def running(cloud: CloudProcess, machine: str, wanted: str) -> str:
    """Return the running execution whose input names `wanted`, "" for none."""
    states = cloud.client("stepfunctions")
    listed = states.list_executions(stateMachineArn=cloud.outputs[machine], statusFilter="RUNNING")[
        "executions"
    ]
    for each in listed:
        with contextlib.suppress(states.exceptions.ExecutionDoesNotExist):
            told = states.describe_execution(executionArn=each["executionArn"])
            if wanted in told["input"]:
                return str(each["executionArn"])
    return ""


def test_a_job_that_was_stopped_should_be_told_as_failed(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    for n in range(3):
        ready(tenant, f"{n}.txt", FACT + b" %d" % n)
    states = cloud.client("stepfunctions")
    for _ in range(10):
        job_id = tenant.job("POST", "/v1/exports", {})
        execution = until(lambda each=job_id: running(cloud, "ExportMachineArn", each) or "-", "")  # type: ignore[misc]
        if execution != "-":
            states.stop_execution(executionArn=execution, error="Stopped", cause="by a test")
        job = tenant.ended(job_id)
        if job["status"] == "failed":
            break
    assert job["error"]["type"] == "Stopped"


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_what_no_event_told_of_should_be_settled_by_the_sweeps(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    first = ready(tenant, "kept.txt", FACT)
    with deaf(cloud):
        body = b"The turbine of the lower mill was made by nobody at all."
        upload(tenant.api, "kept.txt", body, "a")
        until(lambda: not running(cloud, "IngestMachineArn", first), "it still runs")
        until(lambda: held(cloud, tenant), "it holds no place")
        lost = upload(tenant.api, "lost.txt", MANY, "a")
        execution = until(lambda: running(cloud, "IngestMachineArn", lost), "it never ran")
        cloud.client("stepfunctions").stop_execution(executionArn=execution)
        job_id = tenant.job("POST", "/v1/exports", {})
        until(lambda: not running(cloud, "ExportMachineArn", job_id), "it still runs")
        until(lambda: not running(cloud, "IngestMachineArn", lost), "it was not stopped")
        assert aged(cloud, tenant) >= 3
        for name in ("-sweep-", "sweepjobs"):
            sweep(cloud, name)
    until(lambda: not held(cloud, tenant), "places are still held")
    assert settled(tenant.api, lost)["status"] == "failed"
    versions = {key.split("/")[1] for keys in tenant.indexes().values() for key in keys}
    assert len(versions) == 1


def held(cloud: CloudProcess, tenant: Tenant) -> list[dict[str, Any]]:
    """Return the places and jobs of the tenant that nobody has settled yet."""
    audit = Audit(cloud)
    return [
        item
        for item in (*audit.partition("ADMISSION"), *audit.partition("JOBS"))
        if item["sk"]["S"].startswith("RUNNING") and tenant.name in json.dumps(item)
    ]


def aged(cloud: CloudProcess, tenant: Tenant) -> int:
    """Let what is held have been begun long ago; return how much is."""
    items = held(cloud, tenant)
    for item in items:
        cloud.client("dynamodb").update_item(
            TableName=cloud.outputs["RecordsTableName"],
            Key={name: item[name] for name in ("pk", "sk")},
            UpdateExpression="SET started_at = :then",
            ConditionExpression="attribute_exists(started_at)",
            ExpressionAttributeValues={":then": {"S": LONG_AGO.isoformat()}},
        )
    return len(items)


@contextlib.contextmanager
def deaf(cloud: CloudProcess) -> Iterator[None]:
    """Let nobody hear that executions end."""
    events = cloud.client("events")
    names = [
        rule["Name"]
        for rule in events.list_rules()["Rules"]
        if "ended" in rule["Name"] and "aws.states" in rule.get("EventPattern", "")
    ]
    assert len(names) == 2
    for name in names:
        events.disable_rule(Name=name)
    try:
        yield
    finally:
        for name in names:
            events.enable_rule(Name=name)


def sweep(cloud: CloudProcess, part: str) -> None:
    """Do what the schedule does every quarter of an hour."""
    functions = cloud.client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    (name,) = (each for each in names if part in each)
    event: dict[str, Any] = {
        "version": "0",
        "id": "sweep",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "us-east-1",
        "resources": [],
        "detail": {},
    }
    answer = functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_a_document_that_is_deleted_before_its_upload_came_should_never_appear(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    wanted = {"path": "late.txt", "bytes": len(FACT), "collection": "late"}
    made = tenant.api.post("/v1/documents", json=wanted).json()
    place = f"/v1/documents/{made['document_id']}"
    assert tenant.api.delete(place).status_code == 200
    form = made["upload"]
    sent = httpx.post(form["url"], data=form["fields"], files={"file": FACT})
    assert sent.status_code in (200, 201, 204)
    bucket, key = cloud.outputs["DocumentsBucketName"], form["fields"]["key"]

    def is_gone() -> bool:
        found = cloud.client("s3").list_object_versions(Bucket=bucket, Prefix=key)
        return not found.get("Versions")

    until(is_gone, "the upload stayed")
    assert tenant.api.get(place).status_code == 404
    again = ready(tenant, "late.txt", FACT, "late")
    assert again == made["document_id"]
