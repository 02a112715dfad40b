"""Jobs of one call on a whole local cloud: few transitions, rests while there is no room."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.bedrock_wire import BedrockWire
from tests.e2e.driving import until
from tests.e2e.tenants import Tenant, make_tenant

URL = "/v1/generations/jobs"
CALL = {"task": "embedding", "texts": ["Pump 7 hums."], "model": "titan-embed-text-v2"}


@pytest.fixture(scope="module")
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, f"job-{secrets.token_hex(3)}")
    yield made
    made.api.close()


def states_of(cloud: CloudProcess, job: dict[str, Any]) -> list[str]:
    """Return the states that the job's last execution entered, in order."""
    machine = cloud.outputs["GenerateMachineArn"]
    execution = machine.replace(":stateMachine:", ":execution:")
    pages = cloud.client("stepfunctions").get_paginator("get_execution_history")
    events = [
        event
        for page in pages.paginate(executionArn=f"{execution}:{job['job_id']}-{job['attempt']}")
        for event in page["events"]
    ]
    return [
        event["stateEnteredEventDetails"]["name"]
        for event in events
        if event["type"].endswith("StateEntered")
    ]


def result_of(job: dict[str, Any]) -> dict[str, Any]:
    (file,) = (one for one in job["results"] if one["name"] == "results.jsonl")
    (line,) = httpx.get(file["url"]).text.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_job_of_one_call_should_take_four_transitions_and_tell_all_that_it_cost(
    cloud: CloudProcess, tenant: Tenant
) -> None:
    job = tenant.ended(tenant.job("POST", URL, CALL))
    assert (job["status"], job["kind"], job["counts"]["done"]) == ("succeeded", "batch", 1), job
    states = states_of(cloud, job)
    assert states == ["AnnounceAccepted", "Generate", "AfterGenerate", "AnnounceCompleted"]
    assert job["receipt"]["transitions"] == len(states)
    line = result_of(job)
    assert line["id"] == "generation"
    spent = Decimal(line["generation"]["receipt"]["dollars"])
    of_models = [one for one in job["receipt"]["lines"] if one["role"] == "embedding"]
    assert sum(Decimal(one["dollars"]) for one in of_models) == spent > 0


@pytest.mark.timeout(180)
def test_a_job_should_rest_while_there_is_no_room_be_paused_and_go_on(
    cloud: CloudProcess, tenant: Tenant, wire: BedrockWire
) -> None:
    wire.fault("busy", error="ThrottlingException")
    job_id = tenant.job("POST", URL, CALL)

    def first_rest() -> bool:
        (running,) = [job for job in _listed(tenant) if job["job_id"] == job_id]
        return bool(running["phase"] == "generating" and running["receipt"]["transitions"] > 2)

    until(first_rest, "it did not rest", 60)
    tenant.job("POST", f"/v1/jobs/{job_id}/pause")
    wire.clear()
    tenant.job("POST", f"/v1/jobs/{job_id}/resume")
    job = tenant.ended(job_id)
    assert (job["status"], job["attempt"]) == ("succeeded", 2), job
    assert result_of(job)["generation"]["output"]["task"] == "embedding"
    assert job["receipt"]["transitions"] > len(states_of(cloud, job))


def _listed(tenant: Tenant) -> list[dict[str, Any]]:
    answer = tenant.api.get("/v1/jobs?kind=batch")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found
