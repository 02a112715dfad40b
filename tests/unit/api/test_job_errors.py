from __future__ import annotations

from typing import Any

from chalicelib.api.cursors import write_cursor
from chalicelib.batches import storage
from chalicelib.batches.outcomes import dump_line, error_outcome
from chalicelib.contracts.batches import BatchCheckpoint, ItemError, RejectedLine
from chalicelib.contracts.extraction_orders import DocumentOutcome, DocumentValues
from chalicelib.contracts.extraction_orders import ExtractionCheckpoint as Place
from chalicelib.contracts.jobs import JobCounts
from chalicelib.contracts.jsonl import dump_lines
from chalicelib.errors import InvalidInput, ModelFailure
from chalicelib.jobs.launcher import JobLauncher
from chalicelib.jobs.lifecycle import JobUsage, ResultFile
from chalicelib.jobs.steps import StepOutcome
from tests.unit.api.fakes import OTHER_KEY, Api
from tests.unit.api.records import NOW
from tests.unit.api.test_batches import advance, begun
from tests.unit.batches.examples import item, openai, own
from tests.unit.jobs.examples import given

REFUSED = InvalidInput("model is a text.", field="model", limit="100")
SILENT = ModelFailure("No model answered.")


def errors(api: Api, job_id: str, limit: int = 100, cursor: str = "") -> dict[str, Any]:
    query = f"limit={limit}" + (f"&cursor={cursor}" if cursor else "")
    answer = api.call("GET", f"/v1/jobs/{job_id}/errors?{query}")
    assert answer.status_code == 200, answer.json_body
    body: dict[str, Any] = answer.json_body
    return body


def all_errors(api: Api, job_id: str, limit: int) -> list[dict[str, Any]]:
    page = errors(api, job_id, limit)
    items = [*page["items"]]
    while page["next_cursor"]:
        page = errors(api, job_id, limit, page["next_cursor"])
        assert 0 < len(page["items"]) <= limit
        items += page["items"]
    return items


def test_should_list_what_failed_while_a_batch_goes_on_and_once_it_has_ended() -> None:
    api = Api()
    job_id = begun(api)
    prefix, kept = f"jobs/acme/{job_id}/", api.batch_objects.bodies
    refused = error_outcome(1, item(own("b")), REFUSED).line
    silent = {n: error_outcome(n, item(own(f"i{n}")), SILENT) for n in (0, 4, 2)}
    assert errors(api, job_id) == {"items": [], "next_cursor": None}
    place = BatchCheckpoint(phase="generating", items=5, rejected=1, epoch=1)
    advance(api, job_id, place)
    kept[prefix + storage.REJECTED] = dump_lines([RejectedLine(n=1, line=refused)])
    for n, outcome in silent.items():
        key = prefix + storage.failures_prefix(1) + storage.item_file(n)
        kept[key] = outcome.model_dump_json().encode()
    kept[f"{prefix}failures/0/00000003.json"] = b"an earlier try"
    for limit in (1, 2, 3, 100):
        assert [each["line"] for each in all_errors(api, job_id, limit)] == [2, 1, 3, 5]
    live = errors(api, job_id, 1)["next_cursor"]

    lines = [silent[0].line, refused, silent[2].line, silent[4].line]
    kept[prefix + storage.ERRORS] = body = b"".join(map(dump_line, lines))
    state = api.job_records.kept["acme", job_id]
    files = (ResultFile(storage.ERRORS, len(body)),)
    counts = JobCounts(total=6, done=2, failed=4)
    ended = StepOutcome(place, counts, "done", end="partial", files=files)
    api.job_records.advance(state, ended, JobUsage(1000, 1_024_000, 1, 2), NOW)
    for limit in (1, 3, 4):
        listed = all_errors(api, job_id, limit)
        assert [each["line"] for each in listed] == [1, 2, 3, 5]
    told = {"type": "InvalidInput", "message": "model is a text.", "field": "model", "limit": "100"}
    assert (listed[1]["id"], listed[1]["error"]) == ("b", told)

    nowhere = [write_cursor(f"e{at}", {"job_id": job_id}) for at in (1, 10**9)]
    for cursor in (live, *nowhere):
        late = api.call("GET", f"/v1/jobs/{job_id}/errors?cursor={cursor}")
        assert (late.status_code, late.json_body["error"]["field"]) == (400, "cursor")
    del kept[prefix + storage.ERRORS]
    assert api.call("GET", f"/v1/jobs/{job_id}/errors").status_code == 404


def test_should_tell_errors_of_openai_s_form_as_ours() -> None:
    api = Api()
    job_id = begun(api)
    advance(api, job_id, BatchCheckpoint(phase="generating", form="openai", items=1))
    outcome = error_outcome(6, item(openai("mine")), REFUSED)
    key = f"jobs/acme/{job_id}/failures/0/{storage.item_file(6)}"
    api.batch_objects.bodies[key] = outcome.model_dump_json().encode()
    (listed,) = errors(api, job_id)["items"]
    assert (listed["id"], listed["line"]) == ("mine", 7)
    told = {"message": "model is a text.", "field": "model", "limit": "100"}
    assert listed["error"] == {"type": "invalid_value", **told}


def test_should_list_documents_that_an_extraction_could_not_read() -> None:
    api = Api()
    asked = given("extraction")
    JobLauncher(api.job_records, api.job_executions, lambda: NOW).launch(asked)
    state = api.job_records.kept["acme", asked.job_id]
    outcome = StepOutcome(Place(items=2), JobCounts(total=2), "extracting")
    api.job_records.advance(state, outcome, JobUsage(1000, 1_024_000, 1, 2), NOW)
    error = ItemError(type="Unsupported", message="It has no pages.")
    prefix = f"jobs/acme/{asked.job_id}/"
    failed = DocumentOutcome(n=1, document_id="doc_b", error=error)
    api.batch_objects.bodies[f"{prefix}failures/0/00000001.json"] = (
        failed.model_dump_json().encode()
    )
    assert [each["id"] for each in errors(api, asked.job_id)["items"]] == ["doc_b"]
    line = DocumentValues(document_id="doc_b", path="b.txt", error=error)
    api.batch_objects.bodies[prefix + storage.ERRORS] = body = dump_lines([line])
    files = (ResultFile(storage.ERRORS, len(body)),)
    ended = StepOutcome(
        Place(items=2, phase="done"),
        JobCounts(total=2, done=1, failed=1),
        "done",
        end="partial",
        files=files,
    )
    state = api.job_records.kept["acme", asked.job_id]
    api.job_records.advance(state, ended, JobUsage(1000, 1_024_000, 1, 2), NOW)
    (listed,) = errors(api, asked.job_id)["items"]
    assert (listed["document_id"], listed["path"]) == ("doc_b", "b.txt")
    assert listed["error"]["message"] == "It has no pages."


def test_should_refuse_jobs_without_items_and_those_of_others() -> None:
    api = Api()
    job_id = api.call("POST", "/v1/exports", {}).json_body["job_id"]
    assert api.call("GET", f"/v1/jobs/{job_id}/errors").status_code == 409
    batch = begun(api)
    assert api.call("GET", f"/v1/jobs/{batch}/errors", key=OTHER_KEY).status_code == 404
