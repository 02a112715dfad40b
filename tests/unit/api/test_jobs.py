from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.contracts.jobs import JobCounts, JobError
from chalicelib.contracts.receipts import Receipt, ReceiptLine
from chalicelib.contracts.removals import RemovalBound
from chalicelib.contracts.schedule_runs import RunCheckpoint, RunOrder
from chalicelib.errors import Conflict
from chalicelib.jobs.execution_steps import ExecutionEvent, ExecutionRecord
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobUsage, ResultFile
from chalicelib.jobs.steps import StepOutcome
from tests.unit.api.fakes import OTHER_KEY, Api
from tests.unit.api.records import NOW, document
from tests.unit.jobs.examples import given
from tests.unit.jobs.test_jobs import Nothing


def ended(api: Api, job_id: str, **fields: object) -> None:
    """Let the job end well with one file."""
    state = api.job_records.kept["acme", job_id]
    counts = JobCounts(total=1, done=1)
    files = (ResultFile("part-00001.zip", 12), ResultFile("errors/0-00000.jsonl", 3))
    outcome = StepOutcome(Nothing(), counts, "done", end="succeeded", files=files)
    api.job_records.advance(state, outcome, JobUsage(1000, 1_024_000, 1, 2), NOW)


def export(api: Api, **headers: str) -> str:
    answer = api.call("POST", "/v1/exports", {}, **headers)
    assert answer.status_code == 202
    return str(answer.json_body["job_id"])


def test_should_accept_an_export_and_start_it() -> None:
    api = Api()
    job_id = export(api)
    (started,) = api.job_executions.started
    assert (started.job_id, started.kind, started.tenant) == (job_id, "export", "acme")


def test_should_show_what_a_run_of_a_schedule_cost_and_left_out() -> None:
    api = Api()
    order = RunOrder(schedule_id="S", schedule="nightly", scheduled_at=NOW, work={"kind": "batch"})
    asked = given("scheduled_run", run=order)
    JobLauncher(api.job_records, api.job_executions, lambda: NOW).launch(asked)
    path = f"/v1/jobs/{asked.job_id}"
    assert api.call("GET", path).json_body["notes"] == []
    line = ReceiptLine(model="nova-micro", role="chat", tokens_out=7, dollars=Decimal(2))
    place = RunCheckpoint(phase="done", receipt=Receipt.of([line]), notes=("1 is left out.",))
    outcome = StepOutcome(place, JobCounts(total=1, done=1), "done", end="succeeded")
    api.job_records.advance(
        api.job_records.kept["acme", asked.job_id], outcome, JobUsage(1000, 1_024_000, 1, 2), NOW
    )
    shown = api.call("GET", path).json_body
    assert shown["notes"] == ["1 is left out."]
    receipt = shown["receipt"]
    assert [each["role"] for each in receipt["lines"]] == ["chat", "scheduled_run", "orchestration"]
    assert (receipt["tokens_out"], receipt["transitions"]) == (7, 2)
    assert Decimal(receipt["dollars"]) > 2


def test_should_export_one_collection() -> None:
    api = Api()
    api.call("POST", "/v1/exports", {"collection": "station"})
    assert api.job_executions.started[0].collection == "station"
    answer = api.call("POST", "/v1/exports", {"collection": "No"})
    assert (answer.status_code, answer.json_body["error"]["field"]) == (400, "collection")


def test_should_begin_one_job_for_one_idempotency_key() -> None:
    api = Api()
    assert export(api, idempotency_key="k") == export(api, idempotency_key="k")
    assert len(api.job_executions.started) == 1
    assert export(api, idempotency_key="other")
    assert len(api.job_executions.started) == 2


def test_should_begin_the_job_of_a_kept_answer_that_was_never_begun() -> None:
    api = Api()
    api.job_records.refuses = Conflict("the power went")
    assert api.call("POST", "/v1/exports", {}, idempotency_key="k").status_code == 409
    api.job_records.refuses = None
    job_id = export(api, idempotency_key="k")
    assert [given.job_id for given in api.job_executions.started] == [job_id]


def test_should_show_a_job_with_results_to_fetch_and_what_it_cost() -> None:
    api = Api()
    job_id = export(api)
    shown = api.call("GET", f"/v1/jobs/{job_id}").json_body
    assert (shown["status"], shown["results"]) == ("queued", [])
    ended(api, job_id)
    shown = api.call("GET", f"/v1/jobs/{job_id}").json_body
    assert shown["status"] == "succeeded"
    assert [result["name"] for result in shown["results"]] == [
        "part-00001.zip",
        "errors-0-00000.jsonl",
    ]
    where = f"https://bucket/jobs/acme/{job_id}/part-00001.zip?900"
    assert shown["results"][0]["url"] == where
    assert shown["receipt"]["transitions"] == 2
    assert float(shown["receipt"]["dollars"]) > 0


def test_should_list_jobs_newest_first_by_pages_and_filters() -> None:
    api = Api()
    made = sorted((export(api) for _ in range(3)), reverse=True)
    ended(api, made[1])
    first = api.call("GET", "/v1/jobs?limit=2").json_body
    assert [job["job_id"] for job in first["items"]] == made[:2]
    rest = api.call("GET", f"/v1/jobs?limit=2&cursor={first['next_cursor']}").json_body
    assert ([job["job_id"] for job in rest["items"]], rest["next_cursor"]) == (made[2:], None)
    filtered = api.call("GET", "/v1/jobs?status=succeeded&kind=export").json_body["items"]
    assert [job["job_id"] for job in filtered] == [made[1]]


@pytest.mark.parametrize("query", ["kind=dance", "status=odd", "cursor=x", "limit=0", "odd=1"])
def test_should_refuse_a_listing_that_makes_no_sense(query: str) -> None:
    answer = Api().call("GET", f"/v1/jobs?{query}")
    assert answer.status_code == 400
    assert answer.json_body["error"]["field"] == query.split("=")[0]


def test_should_hide_another_tenant_s_job() -> None:
    api = Api()
    job_id = export(api)
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry")):
        answer = api.call(method, f"/v1/jobs/{job_id}{path}", key=OTHER_KEY)
        assert answer.status_code == 404
    assert api.call("GET", "/v1/jobs", key=OTHER_KEY).json_body["items"] == []


def test_should_show_the_execution_of_a_job_to_its_tenant_alone() -> None:
    api = Api()
    job_id = export(api)
    path = f"/v1/jobs/{job_id}/execution"
    assert api.call("GET", path).status_code == 404
    machine = {"StartAt": "Work", "States": {"Work": {"Type": "Task", "End": True}}}
    entered = ExecutionEvent("TaskStateEntered", NOW, "Work")
    api.job_executions.records[f"{job_id}-1"] = ExecutionRecord(
        "running", NOW, None, machine, [entered]
    )
    shown = api.call("GET", path).json_body
    assert (shown["machine"], shown["status"], shown["first"]) == ("export", "running", "Work")
    assert [each["status"] for each in shown["steps"]] == ["running"]
    assert api.call("GET", path, key=OTHER_KEY).status_code == 404


def test_should_try_a_failed_job_again() -> None:
    api = Api()
    job_id = export(api)
    path = f"/v1/jobs/{job_id}/retry"
    assert api.call("POST", path).status_code == 409
    state = api.job_records.kept["acme", job_id]
    api.job_records.fail(state, JobError(type="Transient", message="m"), NOW)
    answer = api.call("POST", path)
    assert (answer.status_code, answer.json_body["attempt"]) == (202, 2)
    assert [given.attempt for given in api.job_executions.started] == [1, 2]


def test_should_cancel_a_job() -> None:
    api = Api()
    job_id = export(api)
    answer = api.call("DELETE", f"/v1/jobs/{job_id}")
    assert (answer.status_code, answer.json_body["status"]) == (200, "cancelled")
    assert api.call("DELETE", f"/v1/jobs/{job_id}").status_code == 409


def test_should_remove_a_tenant_only_where_its_name_is_repeated() -> None:
    api = Api()
    for body in ({"tenant": "rival"}, {"tenant": ""}, {}, None):
        answer = api.call("DELETE", "/v1/tenant", body)
        assert answer.status_code == 400
    assert not api.job_executions.started
    answer = api.call("DELETE", "/v1/tenant", {"tenant": "acme"})
    assert (answer.status_code, answer.json_body["kind"]) == (202, "remove_tenant")


def test_should_answer_with_the_removal_that_runs() -> None:
    api = Api()
    job_id = api.call("DELETE", "/v1/tenant", {"tenant": "acme"}).json_body["job_id"]
    api.tenants.removing = job_id
    again = api.call("DELETE", "/v1/tenant", {"tenant": "acme"})
    assert (again.status_code, again.json_body["job_id"]) == (202, job_id)
    assert len(api.job_executions.started) == 1


def test_should_try_a_removal_that_failed_again() -> None:
    api = Api()
    job_id = api.call("DELETE", "/v1/tenant", {"tenant": "acme"}).json_body["job_id"]
    api.tenants.removing = job_id
    kept = api.job_records.kept["acme", job_id]
    failed = kept.job.model_copy(update={"status": "failed"})
    api.job_records.kept["acme", job_id] = replace(kept, job=failed)
    again = api.call("DELETE", "/v1/tenant", {"tenant": "acme"})
    assert (again.status_code, again.json_body["job_id"]) == (202, job_id)
    assert [given.attempt for given in api.job_executions.started] == [1, 2]


def test_should_take_no_upload_while_the_tenant_is_removed() -> None:
    api = Api()
    api.tenants.removing = "01J"
    answer = api.call("POST", "/v1/documents", {"path": "a.md", "bytes": 3})
    assert (answer.status_code, answer.json_body["error"]["type"]) == (409, "Conflict")


def test_should_remove_the_documents_of_a_collection() -> None:
    api = Api()
    answer = api.call("DELETE", "/v1/collections/station/documents")
    assert (answer.status_code, answer.json_body["collection"]) == (202, "station")
    assert api.call("DELETE", "/v1/collections/No/documents").status_code == 400


@pytest.mark.parametrize("size", [{"chunks": 5_001}, {"bytes": 50 * 1024 * 1024 + 1}])
def test_should_remove_a_large_document_by_a_job(size: dict[str, int]) -> None:
    api = Api()
    large = document("big.csv").model_copy(update=size)
    api.records.stored["acme"] = {large.document_id: large}
    answer = api.call("DELETE", f"/v1/documents/{large.document_id}")
    assert (answer.status_code, answer.json_body["kind"]) == (202, "remove_document")
    assert {backup["days"] for backup in answer.json_body["backups"]} >= {0, 35}
    job = api.call("GET", f"/v1/jobs/{answer.json_body['job_id']}").json_body
    assert job["backups"] == answer.json_body["backups"]
    (begun,) = api.job_executions.started
    assert begun.document_id == large.document_id
    assert begun.bound == RemovalBound(order="07", newest=large.document_id)
    assert not api.records.removed
