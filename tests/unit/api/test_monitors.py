from __future__ import annotations

import json

import pytest

from chalicelib.contracts.monitors import MAX_MONITORS
from tests.unit.api.fakes import Api, error_of
from tests.unit.generation.fakes import House

PLACE = "/v1/monitors/greeting"
TERMS = {"subject": {"kind": "model", "name": "small"}, "sample_rate": 1.0}


@pytest.fixture
def api() -> Api:
    made = Api()
    made.house = House({"small": ["Hi", "I'm sorry, no."]})
    return made


def test_a_monitor_should_capture_from_when_it_is_set_until_it_is_removed(api: Api) -> None:
    api.call("POST", "/v1/generations", {"prompt": "Hello", "model": "small"})
    assert api.captured.calls == []
    assert api.call("PUT", PLACE, TERMS).status_code == 200
    api.call("POST", "/v1/generations", {"prompt": "Write to ada@example.com", "model": "small"})
    (shown,) = api.call("GET", PLACE + "/calls").json_body["items"]
    assert (shown["outcome"], shown["output"], shown["language"]) == (
        "refused",
        "I'm sorry, no.",
        "en",
    )
    assert json.loads(shown["input"])["call"]["messages"][0]["content"][0]["text"] == (
        "Write to [EMAIL]"
    )
    assert shown["nanodollars"] > 0
    assert shown["answer_id"] == "gen-1"
    assert [one["name"] for one in api.call("GET", "/v1/monitors").json_body["items"]] == [
        "greeting"
    ]
    assert api.call("DELETE", PLACE).status_code == 204
    assert api.call("GET", PLACE).status_code == 404
    assert api.call("DELETE", PLACE).status_code == 404


def test_a_failure_of_models_should_be_captured_and_a_mistake_of_the_caller_not(api: Api) -> None:
    api.call("PUT", PLACE, TERMS)
    api.house = House({"small": []})
    assert (
        api.call("POST", "/v1/generations", {"prompt": "?", "model": "nobody"}).status_code == 404
    )
    assert api.captured.calls == []


def test_captured_calls_should_come_in_pages(api: Api) -> None:
    api.call("PUT", PLACE, TERMS)
    api.house = House({"small": ["1", "2", "3"]})
    for _ in range(3):
        api.call("POST", "/v1/generations", {"prompt": "Count", "model": "small"})
    first = api.call("GET", PLACE + "/calls?limit=2").json_body
    assert [one["output"] for one in first["items"]] == ["3", "2"]
    last = api.call("GET", f"{PLACE}/calls?limit=2&cursor={first['next_cursor']}").json_body
    assert [one["output"] for one in last["items"]] == ["1"]
    assert last["next_cursor"] is None


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"sample_rate": 1.5}, "sample_rate"),
        ({"retention_days": 91}, "retention_days"),
        ({"mask": ["hate"]}, "mask.0"),
        ({"subject": {"kind": "cat", "name": "x"}}, "subject.kind"),
        ({"subject": {"kind": "model", "name": "a#b"}}, "subject.name"),
        ({"sampel_rate": 1}, "sampel_rate"),
    ],
)
def test_wrong_terms_should_be_refused_by_field(
    api: Api, terms: dict[str, object], field: str
) -> None:
    refused = error_of(api.call("PUT", PLACE, TERMS | terms))
    assert (refused["type"], refused["field"]) == ("InvalidInput", field)


def test_a_monitor_should_keep_its_subject_and_be_one_of_fifty(api: Api) -> None:
    api.call("PUT", PLACE, TERMS)
    other = {"subject": {"kind": "prompt", "name": "small"}}
    assert api.call("PUT", PLACE, other).status_code == 409
    assert api.call("PUT", "/v1/monitors/Upper", TERMS).status_code == 400
    for n in range(MAX_MONITORS - 1):
        api.call("PUT", f"/v1/monitors/m{n}", TERMS)
    assert api.call("PUT", "/v1/monitors/over", TERMS).status_code == 429
    assert api.call("PUT", PLACE, TERMS).status_code == 200
