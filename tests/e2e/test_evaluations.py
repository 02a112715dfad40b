"""Evaluations on a whole local cloud: prompts are guarded, asks are graded, money is kept to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree as ET

import httpx
import pytest

from chalicelib.contracts.evaluations.results import EvaluationResult
from tests.cloud import CloudProcess
from tests.e2e.driving import settled, upload
from tests.e2e.tenants import Tenant, make_tenant
from tests.e2e.test_schedule_kinds import Runs

URL = "/v1/evaluations"
PROMPT: dict[str, Any] = {
    "name": "first-word",
    "variables": {"text": {"type": "string"}},
    "turns": [{"template": "Repeat: {{ text }}"}],
    "parameters": {"max_tokens": 24, "temperature": 0, "stop": [" ", "\n", "."]},
    "terms": {"model": "nova-micro", "fallback": False},
}
WORSE = {**PROMPT, "parameters": {"max_tokens": 1, "temperature": 0}}
"""Its answers are cut off."""
FACTS = b"Pump 7 moves 400 litres a second. Its seal was renewed in 2024."


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "judge")
    yield made
    made.api.close()


def suite(version: int, **changes: Any) -> dict[str, Any]:
    return {
        "name": "words",
        "targets": [{"kind": "prompt", "name": "new", "prompt": "first-word", "version": version}],
        "graders": [{"type": "regex", "pattern": "."}],
        "cases": [
            {"id": f"c{n}", "variables": {"text": f"Lake{n} River{n} Weir{n}."}} for n in range(5)
        ],
        **changes,
    }


def evaluated(tenant: Tenant, content: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Run a suite, and return the evaluation once it has ended."""
    begun = tenant.api.post(URL, json={"suite": content, **body})
    assert begun.status_code == 202, begun.text
    evaluation_id = begun.json()["evaluation_id"]
    tenant.ended(evaluation_id)
    view: dict[str, Any] = tenant.api.get(f"{URL}/{evaluation_id}").json()
    return view


def file_of(view: dict[str, Any], name: str) -> bytes:
    (found,) = (each for each in view["results"] if each["name"] == name)
    return httpx.get(found["url"]).content


def test_a_version_should_be_labelled_once_it_passed_its_suite(tenant: Tenant) -> None:
    api = tenant.api
    for content in (PROMPT, WORSE):
        assert api.post("/v1/prompts", json=content).status_code == 201
    guarded = api.put("/v1/prompts/first-word/suite", json={"suite": suite(1)})
    assert guarded.json()["suite"]["labels"] == ["production"], guarded.text
    label = "/v1/prompts/first-word/labels/production"
    refused = api.put(label, json={"version": 1})
    assert (refused.status_code, refused.json()["error"]["type"]) == (409, "Conflict")

    view = evaluated(tenant, suite(1))
    assert (view["status"], view["passed"], view["asked"]) == ("succeeded", True, 5), view
    assert api.put(label, json={"version": 1}).json()["labels"] == {"production": 1}
    again = evaluated(tenant, suite(1))
    assert (again["passed"], again["asked"], again["cached"]) == (True, 0, 5)
    assert ET.fromstring(file_of(again, "junit.xml"))[0].get("failures") == "0"
    assert b"The gate passed" in file_of(again, "report.html")

    worse = evaluated(tenant, suite(2))
    assert worse["passed"] is False
    assert "first-word, version 1" in file_of(worse, "report.html").decode()
    refused = api.put(label, json={"version": 2})
    assert refused.status_code == 409
    assert "Worse: c0 (1.00 to 0.00)" in refused.json()["error"]["message"]
    moved = api.put(label, json={"version": 2, "override": "The office burns."}).json()
    assert moved["labels"] == {"production": 2}
    assert moved["overrides"][0]["reason"] == "The office burns."
    listed = api.get(URL, params={"limit": 2}).json()
    assert [each["evaluation_id"] for each in listed["items"]] == [
        worse["evaluation_id"],
        again["evaluation_id"],
    ]


def test_a_schedule_should_run_a_suite_and_say_what_it_found(tenant: Tenant) -> None:
    runs = Runs(tenant)
    target = {"kind": "model", "name": "m", "model": "nova-micro", "max_tokens": 1}
    content = suite(1, targets=[target])
    cases = [{"id": "a", "variables": {"input": "Say hello."}}]
    where = f"s3://{runs.bucket}/results/{tenant.name}/suites"
    work = {
        "kind": "evaluation",
        "suite": {**content, "cases": cases},
        "results": [{"type": "s3", "uri": where}],
    }
    made = {"name": "weekly", "expression": "rate(7 days)", "work": work}
    assert tenant.api.post("/v1/schedules", json=made).status_code == 201
    assert tenant.api.delete("/v1/schedules/weekly").status_code == 204
    job, place = runs.run(work)
    assert (job["status"], place.notes[0]) == ("partial", "the gate did not pass"), job
    folder = place.results[0].removeprefix(f"s3://{runs.bucket}/")
    assert b"did not pass" in runs.read(folder + "report.html")


def test_an_ask_should_be_graded_and_a_budget_end_in_the_middle(tenant: Tenant) -> None:
    api = tenant.api
    assert settled(api, upload(api, "pump.txt", FACTS, "plant"))["status"] == "ready"
    ask = {"kind": "ask", "name": "documents", "collection": "plant", "rerank": True}
    graders = [
        {"type": "contains"},
        {"type": "citations"},
        {"type": "supported"},
        {"type": "safety"},
        {"type": "similarity", "threshold": 0.2},
    ]
    questions = {"pump": "How many litres a second does pump 7 move?"}
    cases = [
        {"id": name, "variables": {"question": text}, "expected": "400 litres"}
        for name, text in questions.items()
    ]
    content = {"name": "asks", "targets": [ask], "graders": graders, "cases": cases}
    view = evaluated(tenant, content)
    result = EvaluationResult.model_validate_json(file_of(view, "results.json"))
    assert view["passed"], result.model_dump_json(indent=1)

    model = {"kind": "model", "name": "m", "model": "nova-micro", "max_tokens": 400}
    poor = {
        "name": "poor",
        "targets": [model],
        "graders": [{"type": "regex", "pattern": "."}],
        "cases": [{"id": "a", "variables": {"input": "Say hello."}}],
    }
    view = evaluated(tenant, poor, budget="0.000001")
    assert (view["status"], view["passed"], view["counts"]["failed"]) == ("partial", False, 1)
    assert "budget of $0.000001" in view["verdict"]["reasons"][0]
    waiting = evaluated(tenant, poor, confirm=True)
    assert (waiting["status"], waiting["phase"]) == ("paused", "estimated")
    assert waiting["estimate"]["items"] == 1
    cancelled = api.delete(f"{URL}/{waiting['evaluation_id']}")
    assert cancelled.json()["status"] == "cancelled"

    missing = {"suite": poor, "baseline": "01J9ZQ3V5B8X6N2M4K7T0RWFHD"}
    assert api.post(URL, json=missing).status_code == 404
    broken = {**poor, "graders": [{"type": "vibes"}]}
    assert api.post(URL, json={"suite": broken}).status_code == 400
