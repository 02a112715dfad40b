"""Runs of schedules that have calls answered, on the state machine and by a local model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import make_tenant
from tests.e2e.test_schedule_kinds import Runs

PROMPT: dict[str, Any] = {
    "name": "sum-up",
    "variables": {"text": {"type": "document", "max_length": 2_000}},
    "turns": [{"template": "Sum up: {{ text }}"}],
    "parameters": {"max_tokens": 8},
}
TEXTS = {
    "pump.txt": b"Pump 7 moves 400 litres a second. Its seal was renewed in 2024.",
    "in/valve.txt": b"Valve 9 closes within 3 seconds. It was inspected in 2025.",
    "fan.txt": b"Fan 4 turns 900 times a minute. It is cleaned every March.",
}


@pytest.fixture
def runs(cloud: CloudProcess) -> Iterator[Runs]:
    tenant = make_tenant(cloud, "nightly")
    yield Runs(tenant)
    tenant.api.close()


def test_documents_should_be_summed_up_once_each_and_the_answers_be_documents(runs: Runs) -> None:
    api = runs.tenant.api
    assert api.post("/v1/prompts", json=PROMPT).status_code == 201
    ids = {path: upload(api, path, body, "plant") for path, body in TEXTS.items()}
    for document_id in ids.values():
        assert settled(api, document_id)["status"] == "ready"
    where = f"s3://{runs.bucket}/results/{runs.tenant.name}/sums"
    work = {
        "kind": "batch",
        "source": {"type": "documents", "collection": "plant"},
        "prompt": {"name": "sum-up"},
        "model": "nova-micro",
        "keep_truncated": True,
        "results": [{"type": "collection", "collection": "sums"}, {"type": "s3", "uri": where}],
    }
    job, place = runs.run(work)
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 3), job["error"]
    paths = {f"nightly/{path}.md" for path in TEXTS}
    runs.texts("sums", paths)
    listed = api.get("/v1/documents", params={"collection": "sums"}).json()["items"]
    told = {each["path"]: each["metadata"] for each in listed}
    assert told["nightly/pump.txt.md"] == {
        "schedule": "nightly",
        "run": job["job_id"],
        "source_path": "pump.txt",
        "source_document": ids["pump.txt"],
    }

    child = api.get(f"/v1/jobs/{place.child}").json()
    roles = {line["role"] for line in job["receipt"]["lines"]}
    assert {"chat", "scheduled_run", "batch"} <= roles
    assert Decimal(job["receipt"]["dollars"]) > Decimal(child["receipt"]["dollars"]) > 0
    folder = next(each for each in place.results if each.startswith("s3://"))
    folder = folder.removeprefix(f"s3://{runs.bucket}/")
    lines = runs.read(folder + "results.jsonl").splitlines()
    assert {json.loads(line)["id"] for line in lines} == set(ids.values())
    assert json.loads(runs.read(folder + "summary.json"))["counts"] == job["counts"]

    job, place = runs.run(work)
    assert (job["status"], job["counts"]["total"], place.child) == ("succeeded", 0, "")

    search = {"type": "search", "query": "Which valve closes?", "collection": "plant", "limit": 1}
    job, place = runs.run({**work, "source": search, "results": []})
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 1), job["error"]

    api.delete("/v1/prompts/sum-up")
    job, _ = runs.run({**work, "source": {**search, "limit": 2}})
    assert (job["status"], job["error"]["type"]) == ("failed", "NotFound")


def test_new_files_of_calls_should_be_answered_within_the_budget(runs: Runs) -> None:
    source = f"sources/{runs.tenant.name}/calls/"
    work = {
        "kind": "batch",
        "source": {"type": "prefix", "uri": f"s3://{runs.bucket}/{source}"},
        "model": "titan-embed-text-v2",
    }
    for name in ("a", "b"):
        line = {"id": "one", "texts": [f"Pump {name} hums."]}
        runs.put(f"{source}{name}.jsonl", json.dumps(line).encode())
    job, place = runs.run(work, budget=Decimal(0))
    assert (job["status"], job["error"]["type"]) == ("failed", "QuotaExceeded")
    assert runs.tenant.api.get(f"/v1/jobs/{place.child}").json()["status"] == "cancelled"
    job, place = runs.run(work, budget=Decimal(1))
    assert (job["status"], job["counts"]["done"]) == ("succeeded", 2), job["error"]
    job, _ = runs.run(work)
    assert (job["status"], job["counts"]["total"]) == ("succeeded", 0)
