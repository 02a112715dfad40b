from __future__ import annotations

import json
from datetime import timedelta

import pytest

from chalicelib.api.batches import ONE_DAY
from chalicelib.batches.generation_outcomes import generation_outcome
from chalicelib.batches.items import read_item
from chalicelib.contracts.batches import (
    MAX_DEADLINE_SECONDS,
    MAX_INPUT_BYTES,
    BatchCheckpoint,
    BatchEstimate,
    ChildrenUsed,
)
from chalicelib.contracts.jobs import JobCounts
from chalicelib.jobs.lifecycle import JobUsage
from chalicelib.jobs.steps import StepOutcome
from tests.unit.api.fakes import OTHER_KEY, Api
from tests.unit.api.records import NOW
from tests.unit.batches.examples import generation, item, own

URL = "/v1/generations/batches"


def uploaded(api: Api, body: bytes = b'{"id": "a", "prompt": "Hi"}\n') -> str:
    answer = api.call("POST", f"{URL}/uploads", {"bytes": len(body)})
    assert answer.status_code == 201
    batch_id = str(answer.json_body["batch_id"])
    key = answer.json_body["upload"]["fields"]["key"]
    assert key == f"jobs/acme/{batch_id}/input.jsonl"
    assert api.signed[-1]["max_bytes"] == len(body)
    api.batch_objects.bodies[key] = body
    return batch_id


def begun(api: Api, **fields: object) -> str:
    batch_id = uploaded(api)
    answer = api.call("POST", URL, {"batch_id": batch_id, **fields})
    assert answer.status_code == 202, answer.json_body
    assert answer.json_body["job_id"] == batch_id
    return batch_id


def advance(api: Api, job_id: str, place: BatchCheckpoint, **fields: object) -> None:
    state = api.job_records.kept["acme", job_id]
    counts = JobCounts(total=place.items + place.rejected, failed=place.rejected)
    outcome = StepOutcome(place, counts, place.phase, **fields)  # type: ignore[arg-type]
    api.job_records.advance(state, outcome, JobUsage(1000, 1_024_000, 1, 2), NOW)


def test_should_begin_a_batch_with_what_was_asked_of_it() -> None:
    api = Api()
    begun(api, model="nova-micro", deadline_seconds=60, confirm=True, checks=["finish"])
    (started,) = api.job_executions.started
    assert (started.kind, started.tenant) == ("batch", "acme")
    assert started.order is not None
    assert started.order.deadline == NOW + timedelta(seconds=60)
    assert (started.order.confirm, started.order.checks) == (True, ("finish",))


def test_should_refuse_what_was_not_uploaded_and_what_another_tenant_uploaded() -> None:
    api = Api()
    batch_id = uploaded(api)
    for key, asked in ((OTHER_KEY, batch_id), (None, "01J9ZQ3V5B8X6N2M4K7T0RWFHD")):
        told = {} if key is None else {"key": key}
        answer = api.call("POST", URL, {"batch_id": asked}, **told)
        assert (answer.status_code, answer.json_body["error"]["field"]) == (404, "batch_id")
    assert not api.job_executions.started


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"batch_id": "x"}, "batch_id"),
        ({"deadline_seconds": MAX_DEADLINE_SECONDS + 1}, "deadline_seconds"),
        ({"quality": 6}, "quality"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_should_name_the_field_that_is_wrong(body: dict[str, object], field: str) -> None:
    api = Api()
    answer = api.call("POST", URL, {"batch_id": uploaded(api), **body})
    assert (answer.status_code, answer.json_body["error"]["field"]) == (400, field)


def test_should_know_the_models_and_the_size_that_a_file_may_have() -> None:
    api = Api()
    answer = api.call("POST", URL, {"batch_id": uploaded(api), "model": "nobody"})
    assert (answer.status_code, answer.json_body["error"]["field"]) == (404, "model")
    answer = api.call("POST", f"{URL}/uploads", {"bytes": MAX_INPUT_BYTES + 1})
    assert answer.json_body["error"]["limit"] == str(MAX_INPUT_BYTES)


def test_should_begin_a_batch_once() -> None:
    api = Api()
    batch_id = uploaded(api)
    body = {"batch_id": batch_id}
    first = api.call("POST", URL, body, idempotency_key="k")
    assert api.call("POST", URL, body, idempotency_key="k").json_body == first.json_body
    assert api.call("POST", URL, body).status_code == 409
    assert len(api.job_executions.started) == 1


def test_should_show_how_far_a_batch_is_by_what_lies_there() -> None:
    api = Api()
    batch_id = begun(api)
    advance(api, batch_id, BatchCheckpoint(phase="generating", items=4, rejected=1))
    prefix = f"jobs/acme/{batch_id}/"
    for key in ("outcomes/00000000.json", "outcomes/00000003.json", "failures/0/00000001.json"):
        api.batch_objects.bodies[prefix + key] = b"{}"
    counts = api.call("GET", f"/v1/jobs/{batch_id}").json_body["counts"]
    assert (counts["total"], counts["done"], counts["failed"]) == (5, 2, 2)
    api.call("DELETE", f"/v1/jobs/{batch_id}")
    shown = api.call("GET", f"/v1/jobs/{batch_id}").json_body
    assert (shown["status"], shown["counts"]["cancelled"]) == ("cancelled", 1)


def test_should_show_the_estimate_and_wait_until_it_is_confirmed() -> None:
    api = Api()
    batch_id = begun(api, confirm=True)
    estimate = BatchEstimate(items=1, tokens_in=9)
    place = BatchCheckpoint(phase="estimated", items=1, estimate=estimate)
    advance(api, batch_id, place, paused=True)
    shown = api.call("GET", f"/v1/jobs/{batch_id}").json_body
    assert (shown["status"], shown["phase"]) == ("paused", "estimated")
    assert shown["estimate"]["tokens_in"] == 9
    resumed = api.call("POST", f"/v1/jobs/{batch_id}/resume")
    assert (resumed.status_code, resumed.json_body["attempt"]) == (202, 2)
    assert api.call("POST", f"/v1/jobs/{batch_id}/resume").status_code == 409
    paused = api.call("POST", f"/v1/jobs/{batch_id}/pause", {})
    assert (paused.status_code, paused.json_body["status"]) == (202, "paused")
    unknown = api.call("POST", f"/v1/jobs/{batch_id}/pause", {"why": "not"})
    assert unknown.json_body["error"]["field"] == "why"


def test_should_show_what_the_models_and_the_children_cost() -> None:
    api = Api()
    batch_id = begun(api)
    used = ChildrenUsed(children=3, seconds=10, gb_seconds=5)
    receipt = generation().receipt
    place = BatchCheckpoint(phase="done", items=1, used=used, receipt=receipt, words=("It cost.",))
    state = api.job_records.kept["acme", batch_id]
    outcome = StepOutcome(place, JobCounts(total=1, done=1), "done", end="succeeded")
    api.job_records.advance(state, outcome, JobUsage(1000, 1_024_000, 1, 2), NOW)
    shown = api.call("GET", f"/v1/jobs/{batch_id}").json_body
    assert shown["notes"] == ["It cost."]
    roles = [line["role"] for line in shown["receipt"]["lines"]]
    assert roles == ["chat", "asking", "children", "batch", "orchestration"]
    assert shown["receipt"]["transitions"] == 3 + 2


def test_should_put_together_what_is_answered_so_far() -> None:
    api = Api()
    batch_id = begun(api)
    advance(api, batch_id, BatchCheckpoint(phase="generating", items=4))
    prefix = f"jobs/acme/{batch_id}/"
    for n in (2, 0):
        found = generation_outcome(n, item(own(f"i{n}")), generation(), keep_truncated=False)
        key = f"{prefix}outcomes/{n:08d}.json"
        api.batch_objects.bodies[key] = found.model_dump_json().encode()
    told = api.call("GET", f"/v1/jobs/{batch_id}/partial").json_body
    body = api.batch_objects.bodies[prefix + "partial.jsonl"]
    assert [json.loads(line)["id"] for line in body.splitlines()] == ["i0", "i2"]
    assert (told["name"], told["bytes"]) == ("partial.jsonl", len(body))
    assert told["url"] == f"https://bucket/{prefix}partial.jsonl?900"
    other = api.call("GET", f"/v1/jobs/{batch_id}/partial", key=OTHER_KEY)
    assert other.status_code == 404
    export = api.call("POST", "/v1/exports", {}).json_body["job_id"]
    assert api.call("GET", f"/v1/jobs/{export}/partial").status_code == 409


def test_should_have_one_generation_made_by_a_job() -> None:
    api = Api()
    body = {"prompt": "Name a river.", "model": "nova-micro", "max_tokens": 9, "quality": 2}
    answer = api.call("POST", "/v1/generations/jobs", {**body, "service_tier": "flex"})
    assert answer.status_code == 202
    (started,) = api.job_executions.started
    assert (started.job_id, started.kind) == (answer.json_body["job_id"], "batch")
    assert started.order is not None
    assert (started.order.service_tier, started.order.deadline) == ("flex", NOW + ONE_DAY)
    key = f"jobs/acme/{started.job_id}/input.jsonl"
    found = read_item(api.batch_objects.bodies[key].removesuffix(b"\n"), started.order)
    assert (found.id, found.terms.model, found.terms.quality) == ("generation", "nova-micro", 2)
    assert found.terms.service_tier == "flex"


def test_should_begin_one_job_for_one_idempotency_key_of_a_generation() -> None:
    api = Api()
    url, body = "/v1/generations/jobs", {"prompt": "Name a river."}
    first = api.call("POST", url, body, idempotency_key="k")
    assert api.call("POST", url, body, idempotency_key="k").json_body == first.json_body
    assert len(api.job_executions.started) == 1


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"prompt": "x", "model": "nobody"}, 404, "model"),
        ({"prompt": "x", "id": "mine"}, 400, "id"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, 400, "messages.0.role"),
    ],
)
def test_should_refuse_a_generation_that_no_job_could_make(
    body: dict[str, object], status: int, field: str
) -> None:
    api = Api()
    answer = api.call("POST", "/v1/generations/jobs", body)
    assert (answer.status_code, answer.json_body["error"]["field"]) == (status, field)
    assert not api.job_executions.started
