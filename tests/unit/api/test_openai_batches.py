from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.contracts.batches import BatchCheckpoint
from chalicelib.contracts.jobs import JobCounts, JobError
from chalicelib.jobs.lifecycle import JobState, ResultFile
from chalicelib.openai.batches import batch_id, job_id
from tests.unit.api.fakes import OTHER_KEY, Api
from tests.unit.api.records import NOW
from tests.unit.api.test_openai import LINES, refusal, send

CHAT = "/v1/chat/completions"


def begin(api: Api, **more: Any) -> Any:
    sent = {"endpoint": CHAT, "completion_window": "24h", **more}
    sent.setdefault("input_file_id", send(api).json_body["id"])
    return api.call("POST", "/v1/batches", sent)


def of(api: Api) -> JobState:
    """The one job that was begun."""
    (state,) = api.job_records.states("acme", "")
    return state


def put(api: Api, **change: Any) -> None:
    """Let the one job become something else."""
    state = of(api)
    files = change.pop("files", ())
    api.job_records.kept["acme", state.job.job_id] = replace(
        state, job=state.job.model_copy(update=change), files=files
    )


def test_should_begin_a_job_of_what_was_uploaded() -> None:
    api = Api()
    told = begin(api, metadata={"for": "tests"}, headrace={"quality": 2}).json_body
    state = of(api)
    order = state.input.order
    assert told["id"] == batch_id(state.job.job_id)
    assert (told["object"], told["status"], told["metadata"]) == (
        *("batch", "validating"),
        {"for": "tests"},
    )
    assert told["expires_at"] - told["created_at"] == timedelta(days=1).total_seconds()
    assert told["request_counts"] == {"total": 0, "completed": 0, "failed": 0}
    assert order is not None
    assert (order.service_tier, order.quality, order.keep_truncated) == ("batch", 2, True)
    assert order.key
    assert api.stored.bodies[f"jobs/acme/{state.job.job_id}/input.jsonl"] == LINES
    assert [each.job_id for each in api.job_executions.started] == [state.job.job_id]


def test_should_begin_one_job_for_one_idempotency_key() -> None:
    api = Api()
    file_id = send(api).json_body["id"]
    body = {"input_file_id": file_id, "endpoint": CHAT, "completion_window": "24h"}
    first, again = (api.call("POST", "/v1/batches", body, idempotency_key="once") for _ in range(2))
    assert first.json_body == again.json_body
    assert first.json_body["id"] == batch_id(of(api).job.job_id)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"status": "running", "phase": "preparing"}, "validating"),
        ({"status": "running", "phase": "generating"}, "in_progress"),
        ({"status": "paused", "phase": "estimated"}, "in_progress"),
        ({"status": "running", "phase": "reducing"}, "finalizing"),
        ({"status": "succeeded"}, "completed"),
        ({"status": "partial"}, "completed"),
        ({"status": "failed"}, "failed"),
        ({"status": "cancelled"}, "cancelled"),
        ({"status": "expired"}, "expired"),
    ],
)
def test_should_show_how_far_a_batch_is(change: dict[str, Any], status: str) -> None:
    api = Api()
    path = f"/v1/batches/{begin(api).json_body['id']}"
    put(api, **change, updated_at=NOW + timedelta(minutes=3))
    told = api.call("GET", path).json_body
    assert told["status"] == status
    ends = {name: told[name] for name in told if name.endswith("ed_at") and name != "created_at"}
    ended = {"completed", "failed", "cancelled", "expired"}
    at = int((NOW + timedelta(minutes=3)).timestamp())
    assert {name for name, value in ends.items() if value == at} == (
        {f"{status}_at"} if status in ended else set()
    )


def test_should_name_the_files_that_it_gave_and_leave_out_those_that_are_empty() -> None:
    api = Api()
    path = f"/v1/batches/{begin(api).json_body['id']}"
    job = of(api).job.job_id
    files = (ResultFile("results.jsonl", 9), ResultFile("errors.jsonl", 0), ResultFile("x", 1))
    put(api, status="partial", counts=JobCounts(total=3, done=2, failed=1), files=files)
    told = api.call("GET", path).json_body
    assert (told["output_file_id"], told["error_file_id"]) == (f"file-{job}-results", None)
    assert told["request_counts"] == {"total": 3, "completed": 2, "failed": 1}


def test_should_say_why_a_batch_failed() -> None:
    api = Api()
    path = f"/v1/batches/{begin(api).json_body['id']}"
    put(api, status="failed", error=JobError(type="InvalidInput", message="No line is a call."))
    (error,) = api.call("GET", path).json_body["errors"]["data"]
    assert (error["code"], error["message"]) == ("InvalidInput", "No line is a call.")


def test_should_say_why_a_batch_is_paused() -> None:
    api = Api()
    path = f"/v1/batches/{begin(api).json_body['id']}"
    words = ("Bedrock's batch job ended as Failed.", "120 items are not answered.")
    checkpoint = BatchCheckpoint(phase="generating", words=words).model_dump_json()
    state = of(api)
    job = state.job.model_copy(update={"status": "paused", "phase": "generating"})
    kept = replace(state, job=job, checkpoint=checkpoint)
    api.job_records.kept["acme", state.job.job_id] = kept
    told = api.call("GET", path).json_body
    (error,) = told["errors"]["data"]
    assert (told["status"], error["code"]) == ("in_progress", "paused")
    assert error["message"] == " ".join(words)


def test_should_cancel_a_batch_once() -> None:
    api = Api()
    path = f"/v1/batches/{begin(api).json_body['id']}/cancel"
    assert api.call("POST", path).json_body["status"] == "cancelled"
    assert refusal(api.call("POST", path))["code"] == "conflict"


def test_should_list_what_was_asked_for_here_a_page_at_a_time() -> None:
    api = Api()
    ids = [begin(api).json_body["id"] for _ in range(3)]
    api.call("POST", "/v1/exports")
    newest = sorted(ids, reverse=True)
    page = api.call("GET", "/v1/batches?limit=2").json_body
    assert [each["id"] for each in page["data"]] == newest[:2]
    assert (page["has_more"], page["last_id"]) == (True, newest[1])
    rest = api.call("GET", f"/v1/batches?after={newest[1]}").json_body
    assert [each["id"] for each in rest["data"]] == newest[2:]
    assert rest["has_more"] is False


def test_should_show_no_tenant_the_batch_of_another_nor_a_job_that_is_none() -> None:
    api = Api()
    path = f"/v1/batches/{begin(api).json_body['id']}"
    assert api.call("GET", path, key=OTHER_KEY).status_code == 404
    assert api.call("GET", "/v1/batches", key=OTHER_KEY).json_body["data"] == []
    export = api.call("POST", "/v1/exports").json_body["job_id"]
    for wrong in (batch_id(export), export, "batch_", "x"):
        assert refusal(api.call("GET", f"/v1/batches/{wrong}"))["param"] == "batch_id"


@pytest.mark.parametrize(
    ("more", "status", "param"),
    [
        ({"input_file_id": "file-none"}, 404, "input_file_id"),
        ({"endpoint": "/v1/completions"}, 400, "endpoint"),
        ({"completion_window": "1h"}, 400, "completion_window"),
        ({"headrace": {"budget": "1"}}, 400, "headrace.budget"),
        ({"headrace": {"colour": 1}}, 400, "headrace.colour"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
    ],
)
def test_should_refuse_a_batch_that_cannot_be(
    more: dict[str, Any], status: int, param: str
) -> None:
    api = Api()
    answer = begin(api, **more)
    assert (answer.status_code, refusal(answer)["param"]) == (status, param)
    assert api.job_executions.started == []


@given(st.text(max_size=40))
def test_a_batch_should_be_the_job_that_it_is_called_after(name: str) -> None:
    assert job_id(batch_id(name)) == name
    assert job_id(name) in {"", name.removeprefix("batch_")}
