from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contracts.schedules import Schedule
from chalicelib.errors import Transient
from chalicelib.schedules.library import MAX_SCHEDULES
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.test_prompts import saved

NIGHTLY: dict[str, Any] = {
    "name": "nightly",
    "expression": "cron(0 2 * * ? *)",
    "time_zone": "Europe/Berlin",
    "work": {"kind": "report"},
}
PLACE = "/v1/schedules/nightly"
BATCH: dict[str, Any] = {
    "kind": "batch",
    "source": {
        "type": "documents",
        "collection": "station",
        "filter": {"metadata": {"team": {"in": ["a", "b"]}}},
    },
    "prompt": {"name": "sum-up"},
}

ONE_CALL: dict[str, Any] = {
    "turns": [{"template": "In {{ words }} words:\n{{ report }}"}],
    "verifier": None,
}


def created(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.call("POST", "/v1/schedules", NIGHTLY | changes)
    assert response.status_code == 201, response.body
    body: dict[str, Any] = response.json_body
    return body


def test_should_create_a_schedule_with_its_entry_and_show_the_next_five_times() -> None:
    api = Api()
    shown = created(api)
    assert (shown["name"], shown["status"], shown["running"]) == ("nightly", "active", "")
    assert shown["next"][:2] == ["2027-03-02T01:00:00Z", "2027-03-03T01:00:00Z"]
    assert len(shown["next"]) == 5
    (entry,) = api.room.entries.kept.values()
    assert (entry.expression, entry.time_zone) == ("cron(0 2 * * ? *)", "Europe/Berlin")
    assert entry.schedule_id == shown["schedule_id"]
    assert api.call("GET", PLACE).json_body == shown
    assert api.call("GET", "/v1/schedules").json_body == {"items": [shown], "next_cursor": None}
    assert api.call("GET", PLACE, key=OTHER_KEY).status_code == 404


def test_should_preview_the_next_times_of_terms_and_store_nothing() -> None:
    api = Api()
    timing = {"expression": "cron(0 2 * * ? *)", "time_zone": "Europe/Berlin"}
    shown = api.call("POST", "/v1/schedule-times", timing | {"end": "2026-01-04T12:00:00Z"})
    assert shown.json_body == {"next": ["2026-01-03T01:00:00Z", "2026-01-04T01:00:00Z"]}
    assert api.call("GET", "/v1/schedules").json_body["items"] == []
    for change, field in (
        ({"expression": "cron(0 2 * * *)"}, "expression"),
        ({"expression": "cron(0 2 30 2 ? *)"}, "expression"),
        ({"time_zone": "Europe/Berln"}, "time_zone"),
        ({"end": "2026-01-01T00:00:00Z"}, "end"),
    ):
        answer = api.call("POST", "/v1/schedule-times", timing | change)
        assert (answer.status_code, error_of(answer)["field"]) == (400, field)


def test_what_is_shown_should_be_what_a_client_may_send_again() -> None:
    api = Api()
    saved(api, **ONE_CALL)
    shown = created(api, work=BATCH, budget="1.50")
    assert Schedule.model_validate(shown).terms.work.kind == "batch"
    assert shown["terms"]["work"]["source"]["filter"] == BATCH["source"]["filter"]
    again = api.call("PUT", PLACE, shown["terms"] | {"expression": "rate(2 days)"})
    assert again.status_code == 200, again.body
    assert again.json_body["terms"]["expression"] == "rate(2 days)"
    (entry,) = api.room.entries.kept.values()
    assert entry.expression == "rate(2 days)"
    assert entry.start is not None


def test_should_create_once_for_an_idempotency_key() -> None:
    api = Api()
    first = api.call("POST", "/v1/schedules", NIGHTLY, idempotency_key="k")
    again = api.call("POST", "/v1/schedules", NIGHTLY, idempotency_key="k")
    assert again.json_body == first.json_body
    other = api.call("POST", "/v1/schedules", NIGHTLY)
    assert (other.status_code, error_of(other)["field"]) == (409, "name")


@pytest.mark.parametrize(
    ("change", "status", "field", "says"),
    [
        ({"expression": "0 2 * * *"}, 400, "expression", "cron(0 2 * * ? *)"),
        ({"expression": "at(2020-01-01T00:00:00)"}, 400, "expression", "passed"),
        ({"time_zone": "Europe/Berln"}, 400, "time_zone", "Europe/Berlin"),
        (
            {"start": "2027-05-01T00:00:00Z", "end": "2027-04-01T00:00:00Z"},
            400,
            "end",
            "not after the start",
        ),
        ({"end": "2027-03-01T13:00:00Z"}, 400, "end", "after its end"),
        ({"name": "Nightly"}, 400, "name", "pattern"),
        ({"work": {"kind": "evaluate"}}, 400, "work", "'batch', 'sync'"),
        ({"work": BATCH}, 404, "prompt", "There is no prompt sum-up"),
        ({"work": BATCH | {"model": "nobody"}}, 404, "model", "No model is served"),
        (
            {"work": {"kind": "sync", "uri": "s3://documents/sources/rival/x", "collection": "c"}},
            400,
            "uri",
            "sources/acme/",
        ),
        (
            {"work": {"kind": "report", "results": [{"type": "webhook", "webhook_id": "wh_x"}]}},
            404,
            "webhook_id",
            "There is no webhook wh_x",
        ),
        ({"description": "x" * 257}, 400, "description", "256"),
    ],
)
def test_should_name_what_is_wrong(
    change: dict[str, Any], status: int, field: str, says: str
) -> None:
    api = Api()
    response = api.call("POST", "/v1/schedules", NIGHTLY | change)
    assert response.status_code == status, response.body
    assert error_of(response)["field"] == field
    assert says in error_of(response)["message"]
    assert api.room.records.states == {}
    assert api.room.entries.kept == {}


def test_should_name_a_version_and_a_variable_that_a_prompt_does_not_have() -> None:
    api = Api()
    saved(api, **ONE_CALL)
    for prompt, status, field in (
        ({"version": 9}, 404, "version"),
        ({"version": "best"}, 404, "version"),
        ({"document": "words"}, 400, "work.prompt.document"),
        ({"variables": {"tone": "dry"}}, 400, "work.prompt.variables.tone"),
    ):
        work = BATCH | {"prompt": {"name": "sum-up", **prompt}}
        response = api.call("POST", "/v1/schedules", NIGHTLY | {"work": work})
        assert (response.status_code, error_of(response)["field"]) == (status, field)


def test_should_refuse_a_prompt_that_takes_more_than_one_call_as_its_runs_would() -> None:
    api = Api()
    saved(api)
    response = api.call("POST", "/v1/schedules", NIGHTLY | {"work": BATCH})
    assert (response.status_code, error_of(response)["field"]) == (422, "work.prompt.name")
    assert api.room.records.states == {}


def test_a_schedule_whose_entry_failed_should_not_be_kept() -> None:
    api = Api()
    api.room.entries.fails = Transient("Scheduler is away.")
    assert api.call("POST", "/v1/schedules", NIGHTLY).status_code == 503
    assert api.call("GET", PLACE).status_code == 404
    api.room.entries.fails = None
    created(api)
    api.room.sweep()
    assert len(api.room.entries.kept) == 1


def test_a_change_whose_entry_failed_should_be_made_good_by_a_repeat_or_the_sweep() -> None:
    api = Api()
    created(api)
    api.call("POST", PLACE + "/pause")
    assert api.room.entries.kept == {}
    api.room.entries.fails = Transient("Scheduler is away.")
    assert api.call("POST", PLACE + "/resume").status_code == 503
    api.room.entries.fails = None
    assert api.call("POST", PLACE + "/resume").json_body["status"] == "active"
    assert len(api.room.entries.kept) == 1


def test_should_pause_run_by_hand_resume_and_remove() -> None:
    api = Api()
    created(api)
    paused = api.call("POST", PLACE + "/pause", {}).json_body
    assert (paused["status"], paused["next"]) == ("paused", [])
    begun = api.call("POST", PLACE + "/run", idempotency_key="k")
    assert (begun.status_code, begun.json_body["status"]) == (202, "running")
    run_id = begun.json_body["run_id"]
    again = api.call("POST", PLACE + "/run", idempotency_key="k")
    assert again.json_body["run_id"] == run_id
    refused = api.call("POST", PLACE + "/run")
    assert (refused.status_code, error_of(refused)["field"]) == (409, "name")
    shown = api.call("GET", f"{PLACE}/runs/{run_id}").json_body
    assert (shown["trigger"], shown["job_id"]) == ("manual", run_id)
    assert api.call("POST", PLACE + "/resume").json_body["status"] == "active"
    assert api.call("DELETE", PLACE).status_code == 204
    assert api.room.entries.kept == {}
    assert api.room.jobs.kept["acme", run_id].job.status == "cancelled"
    api.room.end(run_id)
    assert api.room.records.seats() == []
    for method, path in (("GET", PLACE), ("DELETE", PLACE), ("POST", PLACE + "/run")):
        assert api.call(method, path).status_code == 404


def test_should_list_runs_newest_first_a_page_at_a_time() -> None:
    api = Api()
    created(api, expression="rate(1 hour)", overlap="queue")
    for _ in range(3):
        api.room.later(hours=1)
        api.room.trigger(api.room.state("nightly"))
    page = api.call("GET", PLACE + "/runs?limit=2").json_body
    times = [item["scheduled_at"] for item in page["items"]]
    assert times == ["2027-03-01T15:00:00Z", "2027-03-01T14:00:00Z"]
    rest = api.call("GET", f"{PLACE}/runs?cursor={page['next_cursor']}").json_body
    assert [item["status"] for item in rest["items"]] == ["running"]
    assert rest["next_cursor"] is None


def test_should_list_schedules_by_name_and_bound_their_number() -> None:
    api = Api()
    for n in range(MAX_SCHEDULES):
        created(api, name=f"s{n:03d}")
    page = api.call("GET", "/v1/schedules?limit=50").json_body
    assert [item["name"] for item in page["items"]] == [f"s{n:03d}" for n in range(50)]
    after = f"/v1/schedules?cursor={page['next_cursor']}"
    page = api.call("GET", f"{after}&limit=49").json_body
    rest = api.call("GET", f"/v1/schedules?cursor={page['next_cursor']}").json_body
    assert [item["name"] for item in rest["items"]] == ["s099"]
    assert api.call("GET", "/v1/schedules?limit=51").status_code == 400
    refused = api.call("POST", "/v1/schedules", NIGHTLY)
    assert (refused.status_code, error_of(refused)["limit"]) == (429, "100")


def test_a_run_should_be_retried_by_its_schedule_alone() -> None:
    api = Api()
    created(api)
    run_id = api.call("POST", PLACE + "/run").json_body["run_id"]
    api.job_records.kept["acme", run_id] = api.room.jobs.kept["acme", run_id]
    refused = api.call("POST", f"/v1/jobs/{run_id}/retry")
    assert refused.status_code == 409
    assert "run the schedule again" in error_of(refused)["message"]
