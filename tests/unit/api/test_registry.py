"""`/v1/registry`: who may see and decide on versions, and of which stage they are."""

from __future__ import annotations

import pytest

from tests.unit.api.fakes import KEY, OPERATOR_KEY, Api
from tests.unit.api.packages import PREFIX

WAITING = "PendingManualApproval"
VAE = "/v1/registry/versions/headrace-test-vae/1"


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/registry/versions", None),
        ("GET", VAE, None),
        ("PUT", f"{VAE}/verdict", {"state": "approved"}),
    ],
)
def test_should_refuse_a_key_that_is_no_operators(
    api: Api, method: str, path: str, body: dict[str, str] | None
) -> None:
    answer = api.call(method, path, body, key=KEY)
    assert answer.status_code == 403
    error = answer.json_body["error"]
    assert (error["type"], error["field"]) == ("NotPermitted", "Authorization")
    assert api.packages.packages[f"{PREFIX}/headrace-test-vae/1"]["ModelApprovalStatus"] == WAITING


def test_should_list_versions_of_the_stage_alone(api: Api) -> None:
    listed = api.call("GET", "/v1/registry/versions", key=OPERATOR_KEY).json_body
    names = {(each["group"], each["number"]) for each in listed["items"]}
    assert names == {
        ("headrace-test-vae", 1),
        ("headrace-test-vae", 2),
        ("headrace-test-gan", 1),
    }


def test_should_list_a_group_a_page_at_a_time(api: Api) -> None:
    path = "/v1/registry/versions?group=headrace-test-vae&limit=1"
    first = api.call("GET", path, key=OPERATOR_KEY).json_body
    rest = api.call("GET", f"{path}&cursor={first['next_cursor']}", key=OPERATOR_KEY).json_body
    assert [page["items"][0]["number"] for page in (first, rest)] == [1, 2]
    assert rest["next_cursor"] is None


def test_should_approve_with_a_reason_and_show_what_gates_measured(api: Api) -> None:
    verdict = {"state": "approved", "comment": "better on all gates"}
    api.call("PUT", f"{VAE}/verdict", verdict, key=OPERATOR_KEY)
    shown = api.call("GET", VAE, key=OPERATOR_KEY).json_body
    assert shown["state"] == "approved"
    assert shown["comment"] == "better on all gates"
    assert (shown["numbers"], shown["training"]) == ({"loss": 0.25}, "job-1")


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/registry/versions/headrace-test-vae/9", "number"),
        ("/v1/registry/versions/headrace-other-vae/1", "group"),
        ("/v1/registry/versions?group=theirs", "group"),
        ("/v1/registry/versions?group=headrace-test-none", "group"),
    ],
)
def test_should_not_find_versions_that_are_not_there_or_of_another_stage(
    api: Api, path: str, field: str
) -> None:
    answer = api.call("GET", path, key=OPERATOR_KEY)
    assert (answer.status_code, answer.json_body["error"]["field"]) == (404, field)


@pytest.mark.parametrize("number", ["0", "x", "1" * 30])
def test_should_refuse_what_is_no_number(api: Api, number: str) -> None:
    path = f"/v1/registry/versions/headrace-test-vae/{number}"
    answer = api.call("GET", path, key=OPERATOR_KEY)
    assert (answer.status_code, answer.json_body["error"]["field"]) == (400, "number")
