"""Batches on a whole local cloud: with poison and throttling, through a kill, paused, resumed."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import Any

import httpx
import pytest

from benchmarks import batch_acceptance
from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant, make_tenant
from tests.soak import often

MODEL = "titan-embed-text-v2"
URL = "/v1/generations/batches"
EVERY_NTH_IS_POISON = 33
"""Three in a hundred."""


def lines(count: int) -> list[str]:
    """Return items, of which every 33rd is none."""
    return [
        json.dumps({"id": f"i{n}", "texts": [f"Pump {n} hums."] if is_item(n) else []})
        for n in range(count)
    ]


def is_item(n: int) -> bool:
    return n % EVERY_NTH_IS_POISON != 7


def counting(n: int, max_tokens: int) -> dict[str, Any]:
    """Return a chat of few tokens; without instructions the local model's template has its own."""
    return {"id": f"i{n}", "system": "Count.", "prompt": f"{n}", "max_tokens": max_tokens}


def begun(tenant: Tenant, file: list[str], **options: Any) -> str:
    """Upload a file as a browser would, and begin its batch."""
    body = ("\n".join(file) + "\n").encode()
    announced = tenant.api.post(f"{URL}/uploads", json={"bytes": len(body)})
    assert announced.status_code == 201, announced.text
    form = announced.json()["upload"]
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("input.jsonl", body)})
    assert sent.status_code == 204, sent.text
    batch_id = str(announced.json()["batch_id"])
    return tenant.job("POST", URL, {"batch_id": batch_id, "model": MODEL, **options})


def fetched(job: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = {}
    for result in job["results"]:
        answer = httpx.get(result["url"])
        assert (answer.status_code, len(answer.content)) == (200, result["bytes"])
        if result["name"].endswith(".jsonl"):
            found[result["name"]] = [json.loads(line) for line in answer.text.splitlines()]
    return found


def checked(tenant: Tenant, job: dict[str, Any], count: int) -> None:
    """Every line came back once, in order, and the receipts of the items are the job's."""
    files, counts = fetched(job), job["counts"]
    healthy = [f"i{n}" for n in range(count) if is_item(n)]
    assert [line["id"] for line in files["results.jsonl"]] == healthy
    assert [line["line"] for line in files["errors.jsonl"]] == [
        n + 1 for n in range(count) if not is_item(n)
    ]
    assert (counts["total"], counts["done"]) == (count, len(healthy))
    assert counts["done"] + counts["failed"] == counts["total"]
    items = [line["generation"]["receipt"] for line in files["results.jsonl"]]
    of_models = [line for line in job["receipt"]["lines"] if line["role"] == "embedding"]
    for measure in ("tokens_in", "dollars"):
        total = sum(Decimal(line[measure]) for line in of_models)
        assert total == sum(Decimal(receipt[measure]) for receipt in items) > 0
    assert job["estimate"]["items"] == len(healthy)
    assert Decimal(job["estimate"]["dollars"]) >= sum(Decimal(one["dollars"]) for one in of_models)


@pytest.mark.slow
@pytest.mark.timeout(500)
def test_a_batch_with_poison_and_throttling_should_come_back_whole_and_in_order(
    cloud: CloudProcess, wire: BedrockWire
) -> None:
    count = often(200, 133)
    tenant = make_tenant(cloud, "batches")
    wire.fault("busy", error="ThrottlingException", rate=0.2, seed=3)
    job = tenant.ended(begun(tenant, lines(count)), seconds=400)
    assert job["status"] == "partial", job
    checked(tenant, job, count)
    (shown,) = wire.faults()
    assert shown["counts"]["failed"] > count / 10
    answered = wire.answered()
    assert len(answered) == job["counts"]["done"]
    (line,) = (line for line in job["receipt"]["lines"] if line["role"] == "embedding")
    assert line["tokens_in"] == sum(call["tokens_in"] for call in answered)
    assert all(call["answered_by"] == line["model"] for call in answered)
    tenant.api.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_batch_should_go_on_after_the_whole_cloud_was_killed(own_cloud: CloudProcess) -> None:
    """What `python -m benchmarks batch_acceptance` does with ten thousand items, with hundreds."""
    hundreds = often(3, 2)
    found = batch_acceptance.run(own_cloud, hundreds * 100, latency_ms=500)
    assert found.items == found.done + found.failed == hundreds * 100
    assert found.failed == hundreds * batch_acceptance.POISON_IN_A_HUNDRED
    assert found.throttled > 0
    logging.getLogger(__name__).info("%d calls were answered twice", found.repeated)
    assert 0 <= found.repeated <= batch_acceptance.IN_FLIGHT
    assert found.answered == found.done + found.repeated


@pytest.mark.timeout(240)
def test_a_batch_should_show_its_estimate_pause_and_go_on(cloud: CloudProcess) -> None:
    tenant = make_tenant(cloud, "pausing")
    job_id = begun(tenant, lines(40), confirm=True)
    job = until(lambda: _in(tenant, job_id, "paused"), "no estimate came", 60)
    assert (job["phase"], job["counts"]["done"]) == ("estimated", 0)
    assert Decimal(job["estimate"]["dollars"]) > 0
    assert tenant.job("POST", f"/v1/jobs/{job_id}/resume") == job_id
    tenant.job("POST", f"/v1/jobs/{job_id}/pause")
    paused = until(lambda: _in(tenant, job_id, "paused"), "it was not paused", 60)
    assert paused["attempt"] == 2
    tenant.job("POST", f"/v1/jobs/{job_id}/resume")
    job = tenant.ended(job_id, seconds=120)
    assert (job["status"], job["attempt"]) == ("partial", 3), job
    checked(tenant, job, 40)
    mine = json.dumps({"id": "own", "texts": ["The pump hums."], "model": "minilm-l6-v2"})
    job = tenant.ended(begun(tenant, [mine]), seconds=60)
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 1), job
    cancelled = begun(tenant, lines(40), confirm=True)
    until(lambda: _in(tenant, cancelled, "paused"), "no estimate came", 60)
    assert tenant.api.delete(f"/v1/jobs/{cancelled}").json()["status"] == "cancelled"
    tenant.api.close()


@pytest.mark.timeout(240)
def test_lines_that_name_a_prompt_should_be_answered_by_the_version_that_was_pinned(
    cloud: CloudProcess,
) -> None:
    tenant = make_tenant(cloud, "prompted")
    prompt = {
        "name": "count",
        "variables": {"n": {"type": "integer", "maximum": 9}},
        "turns": [{"template": "Count: {{ n }}", "max_tokens": 2}],
    }
    assert tenant.api.post("/v1/prompts", json=prompt).status_code == 201
    named = {"name": "count", "variables": {"n": 1}}
    file = [
        {"id": "a", "prompt": named},
        {"id": "b", "prompt": named | {"variables": {"n": 10}}},
        {"id": "c", "prompt": "Count: 2", "max_tokens": 2},
    ]
    told = {"model": "nova-micro", "keep_truncated": True, "confirm": True}
    job_id = begun(tenant, [json.dumps(line) for line in file], **told)
    until(lambda: _in(tenant, job_id, "paused"), "no estimate came", 60)
    changed = prompt | {"turns": [{"template": "Sing: {{ n }}"}]}
    assert tenant.api.post("/v1/prompts", json=changed).json()["version"] == 2
    tenant.job("POST", f"/v1/jobs/{job_id}/resume")
    job = tenant.ended(job_id, seconds=120)
    assert job["status"] == "partial", job
    assert job["prompts"] == [{"name": "count", "version": 1, "wanted": "latest"}]
    files = fetched(job)
    assert [line["id"] for line in files["results.jsonl"]] == ["a", "c"]
    assert files["results.jsonl"][0]["prompt"] == {"name": "count", "version": 1}
    (failed,) = files["errors.jsonl"]
    assert (failed["id"], failed["error"]["field"]) == ("b", "prompt.variables.n")
    (listed,) = tenant.api.get(f"/v1/jobs/{job_id}/errors").json()["items"]
    assert failed.items() <= {**listed, "error": failed["error"]}.items()
    assert failed["error"].items() <= listed["error"].items()
    tenant.api.close()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_batch_job_of_bedrock_should_answer_at_half_the_price_and_calls_the_rest(
    cloud: CloudProcess, wire: BedrockWire
) -> None:
    count = 110
    tenant = make_tenant(cloud, "queueing")
    wire.fault(
        "broken",
        service="bedrock",
        operation="ModelInvocationJob",
        error="InternalServerException",
        times=3,
    )
    file = [json.dumps(counting(n, max_tokens=2)) for n in range(count)]
    told = {"model": "nova-micro", "service_tier": "batch", "keep_truncated": True}
    job = tenant.ended(begun(tenant, file, **told), seconds=300)
    assert job["status"] == "succeeded", job
    lines = fetched(job)["results.jsonl"]
    assert [line["id"] for line in lines] == [f"i{n}" for n in range(count)]
    answered = wire.answered()
    in_job = [call for call in answered if call["operation"] == "ModelInvocationJob"]
    assert (len(in_job), len(answered)) == (count - 3, count)
    (of_model,) = (line for line in job["receipt"]["lines"] if line["role"] == "chat")
    for measure in ("tokens_in", "tokens_out"):
        assert of_model[measure] == sum(call[measure] for call in answered)
    spent = sum(Decimal(line["generation"]["receipt"]["dollars"]) for line in lines)
    assert Decimal(of_model["dollars"]) == spent
    paths = {
        path["service_tier"]: path["dollars"] for path in job["estimate"]["models"][0]["paths"]
    }
    assert Decimal(paths["batch"]) * 2 == Decimal(paths["standard"])
    tenant.api.close()


def listed(bedrock: Any) -> list[dict[str, Any]]:
    """Return the batch jobs of the local Bedrock."""
    pages = bedrock.get_paginator("list_model_invocation_jobs").paginate()
    return [job for page in pages for job in page["invocationJobSummaries"]]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_batch_that_is_cancelled_should_stop_its_job_of_bedrock(
    cloud: CloudProcess, wire: BedrockWire
) -> None:
    tenant = make_tenant(cloud, "stopping")
    told = {"service": "bedrock", "operation": "ModelInvocationJob", "latency_ms": 500}
    wire.fault("slow", **told)
    file = [json.dumps(counting(n, max_tokens=1)) for n in range(100)]
    job_id = begun(tenant, file, model="nova-micro", service_tier="batch")
    bedrock = cloud.client("bedrock")
    earlier = {job["jobArn"] for job in listed(bedrock)}

    def jobs_in(*statuses: str) -> list[dict[str, Any]]:
        new = [job for job in listed(bedrock) if job["jobArn"] not in earlier]
        return [each for each in new if each["status"] in statuses]

    until(lambda: jobs_in("InProgress"), "no job of Bedrock began", 90)
    assert tenant.api.delete(f"/v1/jobs/{job_id}").json()["status"] == "cancelled"
    # A record that is being answered ends first; its call is not to fall into another test.
    until(lambda: jobs_in("Stopped"), "the job of Bedrock goes on", 60)
    assert not [call for call in wire.answered() if call["operation"] == "Converse"]
    tenant.api.close()


def _in(tenant: Tenant, job_id: str, status: str) -> dict[str, Any] | None:
    answer = tenant.api.get(f"/v1/jobs/{job_id}")
    job: dict[str, Any] = answer.json() if answer.status_code == 200 else {}
    return job if job.get("status") == status else None
