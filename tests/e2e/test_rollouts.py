"""Rollouts on a whole local cloud: promoted by a person, rolled back, killed at each step."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, until
from tests.e2e.tenants import Tenant, make_tenant

URL = "/v1/rollouts"
GOOD: dict[str, Any] = {
    "name": "first-word",
    "variables": {"text": {"type": "string"}},
    "turns": [{"template": "Repeat: {{ text }}"}],
    "parameters": {"max_tokens": 4, "temperature": 0},
    "terms": {"model": "nova-micro", "fallback": False},
}
ALIKE = {**GOOD, "parameters": {"max_tokens": 3, "temperature": 0}}
BAD = {**GOOD, "terms": {**GOOD["terms"], "checks": ["contains:ZZZ"]}}
"""None of its answers passes the check."""
HALF = {"share": 50, "dwell_seconds": 0, "min_calls": 2}
ALL = {"share": 100, "dwell_seconds": 0, "min_calls": 1}
PLAN: dict[str, Any] = {
    "subject": {"kind": "prompt", "name": "first-word", "label": "production"},
    "window_seconds": 1,
    "guards": [{"metric": "errors", "margin": 0.8}],
}
ENDS = ("promoted", "rolled_back")
PATIENCE = 200.0


@pytest.fixture
def tenant(cloud: CloudProcess) -> Iterator[Tenant]:
    made = make_tenant(cloud, "roller")
    yield made
    made.api.close()


class Rolling:
    """A prompt in three versions, calls of it, and rollouts from the first."""

    def __init__(self, api: Any) -> None:
        self.api = api
        self.users = count()
        for content in (GOOD, ALIKE, BAD):
            assert api.post("/v1/prompts", json=content).status_code == 201
        labelled = api.put("/v1/prompts/first-word/labels/production", json={"version": 1})
        assert labelled.status_code == 200, labelled.text

    def begin(self, to: int, *stages: dict[str, Any], **terms: Any) -> str:
        begun = self.api.post(URL, json={**PLAN, "to": str(to), "stages": stages, **terms})
        assert begun.status_code == 202, begun.text
        return str(begun.json()["rollout_id"])

    def show(self, rollout_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = self.api.get(f"{URL}/{rollout_id}").json()
        return shown

    def served(self, rollout_id: str, *statuses: str) -> dict[str, Any]:
        """Call the prompt as one end user after the other until the rollout is at a status."""

        def look() -> dict[str, Any] | None:
            shown = self.show(rollout_id)
            if shown["status"] in statuses:
                return shown
            if shown["status"] != "preparing":
                self.call()
            return None

        return until(look, f"{rollout_id} did not come to {statuses}", PATIENCE)

    def call(self) -> int:
        """Return the version that answered the next end user, 3 if it failed."""
        body = {
            "version": "production",
            "variables": {"text": "Weir"},
            "end_user": f"user-{next(self.users)}",
        }
        answer = self.api.post("/v1/prompts/first-word/runs", json=body)
        return int(answer.json()["version"]) if answer.status_code == 200 else 3

    @property
    def label(self) -> int:
        shown = self.api.get("/v1/prompts/first-word").json()
        return int(shown["labels"]["production"])


@pytest.mark.timeout(600)
def test_a_good_version_should_be_promoted_once_a_person_approves(tenant: Tenant) -> None:
    rolling = Rolling(tenant.api)
    smoke = [{"input": {"variables": {"text": "Weir"}}}]
    rollout_id = rolling.begin(2, {**HALF, "approval": True}, ALL, smoke=smoke)
    again = tenant.api.post(URL, json={**PLAN, "to": "3", "stages": [HALF, ALL]})
    assert (again.status_code, again.json()["error"]["field"]) == (409, "subject")

    waiting = rolling.served(rollout_id, "waiting", *ENDS)
    assert waiting["status"] == "waiting", waiting["reason"]
    assert waiting["reports"][0]["evidence"][0]["verdict"] == "not_worse"
    assert rolling.label == 1
    approved = tenant.api.post(f"{URL}/{rollout_id}/approve", json={"reason": "Shorter."})
    assert approved.status_code == 202, approved.text
    ended = rolling.served(rollout_id, *ENDS)
    assert (ended["status"], rolling.label) == ("promoted", 2)
    assert ended["reports"][0]["note"] == "Shorter."
    assert tenant.ended(rollout_id)["status"] == "succeeded"


@pytest.mark.timeout(600)
def test_a_bad_version_should_lose_its_traffic_once_and_for_all(tenant: Tenant) -> None:
    rolling = Rolling(tenant.api)
    strict = [{"metric": "errors", "margin": 0.3}]
    rollout_id = rolling.begin(3, HALF, ALL, guards=strict)
    ended = rolling.served(rollout_id, *ENDS)
    assert ended["status"] == "rolled_back"
    assert ended["reason"].startswith("errors at 50 %:")
    assert tenant.ended(rollout_id)["status"] == "succeeded"
    assert rolling.label == 1
    until(lambda: {rolling.call() for _ in range(4)} == {1}, "the candidate still answers", 60)

    failed = rolling.begin(3, HALF, ALL, smoke=[{"input": {"variables": {"text": "Weir"}}}])
    assert rolling.served(failed, *ENDS)["reason"].startswith("Smoke request 1:")
    aborted = rolling.begin(2, HALF, ALL)
    answer = tenant.api.post(f"{URL}/{aborted}/abort", json={"reason": "Not today."})
    assert answer.json()["status"] == "rolled_back", answer.text
    assert tenant.ended(aborted)["status"] == "succeeded"


@pytest.mark.timeout(900)
def test_a_cloud_killed_at_each_step_should_end_a_rollout_once(own_cloud: CloudProcess) -> None:
    """The power fails as it begins, while it rolls out, and as it waits for a person."""
    with api_of(own_cloud) as api:
        rolling = Rolling(api)
        asking = {**HALF, "approval": True}
        rollout_id = rolling.begin(2, asking, ALL)
    for statuses in (("preparing", "running"), ("running",), ("waiting",)):
        with api_of(own_cloud) as api:
            rolling.api = api
            rolling.served(rollout_id, *statuses)
        own_cloud.kill()
        own_cloud.start()
    with api_of(own_cloud) as api:
        rolling.api = api
        assert rolling.served(rollout_id, "waiting", *ENDS)["status"] == "waiting"
        assert api.post(f"{URL}/{rollout_id}/approve").status_code == 202
        ended = rolling.served(rollout_id, *ENDS)
        assert (ended["status"], rolling.label) == ("promoted", 2)
        reports = ended["reports"]
        assert [each["stage"] for each in reports] == [0, 1]
        counted = sum(each["candidate_calls"] + each["live_calls"] for each in reports)
        assert 0 < counted <= next(rolling.users), "no call was counted twice"
