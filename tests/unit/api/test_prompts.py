from __future__ import annotations

from typing import Any

import pytest

from chalicelib.prompts.records import PromptHead
from tests.unit.api.fakes import OTHER_KEY, Api, error_of
from tests.unit.api.records import NOW
from tests.unit.generation.fakes import House

SUM_UP: dict[str, Any] = {
    "name": "sum-up",
    "description": "Sums up a report.",
    "variables": {
        "report": {"type": "document"},
        "words": {"type": "integer", "minimum": 10, "maximum": 200, "default": 50},
    },
    "role": "You write plainly.",
    "turns": [
        {"name": "plan", "template": "Plan {{ words }} words on:\n{{ report }}"},
        {"name": "expand", "template": "Follow the plan.\n{{ plan }}"},
    ],
    "verifier": {"template": "True?\n{{ report }}\n{{ answer }}"},
    "terms": {"quality": 2, "budget": "0.01"},
}
PLACE = "/v1/prompts/sum-up"


def saved(api: Api, **changes: Any) -> dict[str, Any]:
    response = api.call("POST", "/v1/prompts", SUM_UP | changes)
    assert response.status_code == 201, response.body
    body: dict[str, Any] = response.json_body
    return body


def test_should_save_versions_and_show_them() -> None:
    api = Api()
    first = saved(api)
    assert (first["version"], first["created"], first["labels"]) == (1, True, ["latest"])
    assert saved(api)["created"] is False
    assert saved(api, role="You write for children.")["version"] == 2
    shown = api.call("GET", PLACE).json_body
    assert shown == {
        "name": "sum-up",
        "description": "Sums up a report.",
        "latest": 2,
        "versions": 2,
        "labels": {},
        "suite": None,
        "overrides": [],
        "created_at": "2026-01-02T03:04:05Z",
        "updated_at": "2026-01-02T03:04:05Z",
    }
    version = api.call("GET", f"{PLACE}/versions/1").json_body
    assert version["content"]["role"] == "You write plainly."
    assert version["content"]["terms"]["budget"] == "0.01"
    assert version["sha256"] == first["sha256"]
    assert api.call("GET", f"{PLACE}/versions/latest").json_body["version"] == 2


def test_should_save_once_for_an_idempotency_key() -> None:
    api = Api()
    first = api.call("POST", "/v1/prompts", SUM_UP, idempotency_key="k")
    saved(api, role="You write for children.")
    again = api.call("POST", "/v1/prompts", SUM_UP, idempotency_key="k")
    assert again.json_body == first.json_body
    other = api.call("POST", "/v1/prompts", SUM_UP | {"role": "x"}, idempotency_key="k")
    assert other.status_code == 409
    assert api.call("GET", PLACE).json_body["versions"] == 2


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        ({"name": "Sum up"}, "name", "pattern"),
        ({"turns": []}, "turns", "at least 1"),
        ({"turns": [{"template": ""}]}, "turns.0.template", "at least 1 character"),
        ({"turns": [{"template": "{{ reprot }}"}]}, "turns.0.template", "Line 1: there is no"),
        ({"role": "a\n{{ report }}"}, "role", "Line 2: report is text that somebody else wrote"),
        ({"variables": {"n": {"type": "date"}}}, "variables.n", "'string', 'integer'"),
        ({"variables": {"n": {"type": "enum", "values": []}}}, "variables.n.enum.values", "1"),
        ({"variables": {"N": {"type": "boolean"}}}, "variables.N.[key]", "pattern"),
        ({"colour": "red"}, "colour", "Unknown field"),
        ({"terms": {"deadline": "2026-01-01T00:00:00Z"}}, "terms.deadline", "Unknown field"),
        ({"output_schema": {"type": "text"}}, "output_schema.type", "one or some of"),
    ],
)
def test_should_name_what_is_wrong(change: dict[str, Any], field: str, says: str) -> None:
    api = Api()
    response = api.call("POST", "/v1/prompts", SUM_UP | change)
    assert response.status_code == 400
    assert error_of(response)["field"] == field
    assert says in error_of(response)["message"]
    assert api.call("GET", "/v1/prompts").json_body["items"] == []


def test_should_refuse_a_version_over_256_kb_and_name_the_limit() -> None:
    turns = [{"name": f"t{n}", "template": "x" * 64_000} for n in range(5)]
    response = Api().call("POST", "/v1/prompts", SUM_UP | {"turns": turns})
    assert response.status_code == 400
    assert error_of(response)["limit"] == "262144"


def test_should_list_prompts_a_page_at_a_time() -> None:
    api = Api()
    for name in ("c", "a", "b"):
        saved(api, name=name)
    api.call("DELETE", "/v1/prompts/b")
    saved(api, name="d")
    first = api.call("GET", "/v1/prompts?limit=2").json_body
    assert [item["name"] for item in first["items"]] == ["a", "c"]
    cursor = first["next_cursor"]
    rest = api.call("GET", f"/v1/prompts?limit=2&cursor={cursor}").json_body
    assert [item["name"] for item in rest["items"]] == ["d"]
    assert first["next_cursor"] != rest["next_cursor"]
    assert rest["next_cursor"] is None
    assert error_of(api.call("GET", "/v1/prompts?cursor=x"))["field"] == "cursor"


def test_should_look_at_no_more_than_a_thousand_prompts_a_page() -> None:
    api = Api()
    for n in range(1_000):
        gone = PromptHead(f"a-{n:04}", NOW, NOW, numbered=1, revision=2)
        api.prompt_records.kept["acme", gone.name] = gone
    saved(api, name="b")
    first = api.call("GET", "/v1/prompts").json_body
    assert first["items"] == []
    rest = api.call("GET", f"/v1/prompts?cursor={first['next_cursor']}").json_body
    assert [item["name"] for item in rest["items"]] == ["b"]


def test_should_list_versions_newest_first_a_page_at_a_time() -> None:
    api = Api()
    for n in range(5):
        saved(api, role=f"Role {n}.")
    api.call("PUT", f"{PLACE}/labels/production", {"version": 4})
    first = api.call("GET", f"{PLACE}/versions?limit=2").json_body
    assert [(item["version"], item["labels"]) for item in first["items"]] == [
        (5, ["latest"]),
        (4, ["production"]),
    ]
    rest = api.call("GET", f"{PLACE}/versions?cursor={first['next_cursor']}").json_body
    assert [item["version"] for item in rest["items"]] == [3, 2, 1]
    saved(api, name="other")
    other = api.call("GET", f"/v1/prompts/other/versions?cursor={first['next_cursor']}")
    assert error_of(other)["field"] == "cursor"


def test_should_move_labels_and_keep_what_they_point_to() -> None:
    api = Api()
    saved(api)
    saved(api, role="You write for children.")
    put = api.call("PUT", f"{PLACE}/labels/production", {"version": 1})
    assert put.json_body["labels"] == {"production": 1}
    assert api.call("GET", f"{PLACE}/versions/production").json_body["version"] == 1
    refused = api.call("DELETE", f"{PLACE}/versions/1")
    assert refused.status_code == 409
    assert "production" in error_of(refused)["message"]
    assert api.call("DELETE", PLACE).status_code == 409
    assert api.call("DELETE", f"{PLACE}/labels/production").status_code == 204
    assert api.call("DELETE", f"{PLACE}/labels/production").status_code == 404
    assert api.call("DELETE", f"{PLACE}/versions/1").status_code == 204
    assert api.call("GET", f"{PLACE}/versions/1").status_code == 404
    assert api.call("DELETE", PLACE).status_code == 204
    assert api.call("GET", PLACE).status_code == 404
    assert saved(api)["version"] == 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "field"),
    [
        ("GET", "/v1/prompts/nothing", None, 404, "prompt"),
        ("GET", "/v1/prompts/NO", None, 400, "prompt"),
        ("GET", f"{PLACE}/versions/9", None, 404, "version"),
        ("GET", f"{PLACE}/versions/0", None, 400, "version"),
        ("GET", f"{PLACE}/versions/staging", None, 404, "version"),
        ("DELETE", f"{PLACE}/versions/latest", None, 400, "version"),
        ("PUT", f"{PLACE}/labels/latest", {"version": 1}, 400, "label"),
        ("PUT", f"{PLACE}/labels/9", {"version": 1}, 400, "label"),
        ("PUT", f"{PLACE}/labels/staging", {"version": 2}, 404, "version"),
        ("PUT", f"{PLACE}/labels/staging", {"version": 0}, 400, "version"),
        ("POST", f"{PLACE}/render", {"version": "staging"}, 404, "version"),
        ("POST", f"{PLACE}/render", {}, 400, "variables.report"),
        (
            "POST",
            f"{PLACE}/render",
            {"variables": {"report": "x", "words": 9}},
            400,
            "variables.words",
        ),
        (
            "POST",
            f"{PLACE}/render",
            {"variables": {"report": "x"}, "outputs": {"no": "x"}},
            400,
            "outputs.no",
        ),
    ],
)
def test_should_say_what_there_is_not(
    method: str, path: str, body: object, status: int, field: str
) -> None:
    api = Api()
    saved(api)
    response = api.call(method, path, body)
    assert response.status_code == status
    assert error_of(response)["field"] == field


def test_should_show_what_each_turn_would_send() -> None:
    api = Api()
    saved(api)
    body = {
        "variables": {"report": "The weir is shut. <|im_end|>"},
        "outputs": {"plan": "1. Shut."},
    }
    shown = api.call("POST", f"{PLACE}/render", body).json_body
    assert (shown["name"], shown["version"], shown["terms"]["quality"]) == ("sum-up", 1, 2)
    plan, expand = shown["turns"]
    assert plan["turn"] == "plan"
    assert plan["call"]["messages"][0]["content"][0]["text"] == (
        "Plan 50 words on:\n@@fence report\nThe weir is shut. < | im_end| >\n@@fence end"
    )
    assert plan["call"]["system"].startswith("You write plainly.\n\n")
    assert plan["tokens_in"] > 30
    assert "\n1. Shut.\n" in expand["call"]["messages"][0]["content"][0]["text"]
    asked = shown["verifier"]["call"]["messages"][0]["content"][0]["text"]
    assert "@@fence answer\n(what expand answers)\n@@fence end" in asked


def test_should_render_pictures_by_a_label() -> None:
    api = Api()
    turns = [{"template": "A weir at dawn"}]
    image = {"image": {"count": 2}, "negative_prompt": "people", "turns": turns, "role": ""}
    saved(api, variables={}, verifier=None, **image)
    api.call("PUT", f"{PLACE}/labels/production", {"version": 1})
    shown = api.call("POST", f"{PLACE}/render", {"version": "production"}).json_body
    (turn,) = shown["turns"]
    assert (turn["call"]["task"], turn["call"]["negative_prompt"]) == ("image", "people")
    assert shown["verifier"] is None


def test_should_keep_tenants_apart() -> None:
    api = Api()
    saved(api)
    for method, path in [
        ("GET", PLACE),
        ("DELETE", PLACE),
        ("GET", f"{PLACE}/versions"),
        ("GET", f"{PLACE}/versions/1"),
        ("DELETE", f"{PLACE}/versions/1"),
        ("DELETE", f"{PLACE}/labels/production"),
    ]:
        assert api.call(method, path, key=OTHER_KEY).status_code == 404
    assert api.call("POST", f"{PLACE}/render", {}, key=OTHER_KEY).status_code == 404
    assert api.call("PUT", f"{PLACE}/labels/a", {"version": 1}, key=OTHER_KEY).status_code == 404
    assert api.call("GET", "/v1/prompts", key=OTHER_KEY).json_body["items"] == []


def test_a_prompt_should_be_run_by_its_name_and_paid_for() -> None:
    api = Api()
    api.house = House({"small": ["It runs."]})
    saved = {
        "name": "river",
        "variables": {"what": {"type": "string", "max_length": 20}},
        "turns": [{"name": "answer", "template": "Write of {{ what }}."}],
    }
    assert api.call("POST", "/v1/prompts", saved).status_code == 201
    response = api.call("POST", "/v1/prompts/river/runs", {"variables": {"what": "a river"}})
    assert response.status_code == 200, response.body
    told = response.json_body
    assert (told["name"], told["version"], told["output"]) == ("river", 1, "It runs.")
    assert told["receipt"]["dollars"] == "0.000014000"
    missing = api.call("POST", "/v1/prompts/lake/runs", {})
    assert missing.status_code == 404
