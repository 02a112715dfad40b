"""Prompts through the gateway, the API's own worker and the table of the local cloud."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.integration.api.conftest import Tenant

PROMPT: dict[str, Any] = {
    "name": "sum-up",
    "variables": {"report": {"type": "document"}},
    "turns": [{"template": "Sum up:\n{{ report }}"}],
    "verifier": {"template": "True?\n{{ answer }}"},
}


@pytest.fixture
def api(tenant: Tenant) -> httpx.Client:
    headers = {"Authorization": f"Bearer {tenant.key}"}
    return httpx.Client(base_url=tenant.cloud.endpoint_url, headers=headers, timeout=30)


def test_should_save_label_render_and_remove(api: httpx.Client) -> None:
    with api:
        saved = api.post("/v1/prompts", json=PROMPT, headers={"Idempotency-Key": "one"})
        assert (saved.status_code, saved.json()["version"]) == (201, 1), saved.text
        again = api.post("/v1/prompts", json=PROMPT, headers={"Idempotency-Key": "one"})
        assert again.json() == saved.json()
        put = api.put("/v1/prompts/sum-up/labels/production", json={"version": 1})
        assert put.json()["labels"] == {"production": 1}
        body = {"version": "production", "variables": {"report": "The weir is shut."}}
        shown = api.post("/v1/prompts/sum-up/render", json=body)
        assert shown.status_code == 200, shown.text
        text = shown.json()["turns"][0]["call"]["messages"][0]["content"][0]["text"]
        first, fence, *rest = text.split("\n")
        assert (first, rest) == ("Sum up:", ["The weir is shut.", f"{fence.split()[0]} end"])
        assert api.delete("/v1/prompts/sum-up/versions/1").status_code == 409
        assert api.delete("/v1/prompts/sum-up/labels/production").status_code == 204
        assert api.delete("/v1/prompts/sum-up").status_code == 204
        assert api.get("/v1/prompts").json()["items"] == []


def test_should_give_all_who_save_at_once_versions_of_their_own(api: httpx.Client) -> None:
    def save(n: int) -> int:
        answer = api.post("/v1/prompts", json=PROMPT | {"description": f"Edit {n}."})
        assert answer.status_code == 201, answer.text
        return int(answer.json()["version"])

    with api, ThreadPoolExecutor(6) as pool:
        versions = list(pool.map(save, range(12)))
        assert sorted(versions) == [*range(1, 13)]
        for n, version in enumerate(versions):
            found = api.get(f"/v1/prompts/sum-up/versions/{version}").json()
            assert found["content"]["description"] == f"Edit {n}."


def test_should_refuse_a_hostile_template_and_answer_the_next_request(api: httpx.Client) -> None:
    loops = "".join(f"{{% for v{n} in range(9999) %}}" for n in range(4))
    bomb = {"name": "bomb", "turns": [{"template": f"{loops}x{'{% endfor %}' * 4}"}]}
    with api:
        assert api.post("/v1/prompts", json=bomb).status_code == 201, "it is no bomb by its looks"
        refused = api.post("/v1/prompts/bomb/render", json={})
        error = refused.json()["error"]
        assert (refused.status_code, error["limit"]) == (400, "20000")
        assert error["field"] == "turns.0.template"
        escape = {"name": "bomb", "turns": [{"template": "{{ ''.__class__.__mro__ }}"}]}
        refused = api.post("/v1/prompts", json=escape)
        assert "Line 1: there is no attribute" in json.dumps(refused.json())
        assert api.get("/v1/prompts/bomb").json()["latest"] == 1
