"""Rollouts of prompts, models and retrievals on a whole local cloud whose power fails once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any

import httpx
import pytest

from tests.cloud import CloudProcess
from tests.e2e.driving import api_of, until, upload

URL = "/v1/rollouts"
PROMPT: dict[str, Any] = {
    "name": "first-word",
    "variables": {"text": {"type": "string"}},
    "turns": [{"template": "Repeat: {{ text }}"}],
    "parameters": {"max_tokens": 4, "temperature": 0},
    "terms": {"model": "nova-micro", "fallback": False},
}
ALIKE = {**PROMPT, "parameters": {"max_tokens": 3, "temperature": 0}}
BROKEN = {**PROMPT, "terms": {**PROMPT["terms"], "checks": ["contains:ZZZ"]}}
"""None of its answers passes the check."""
GOOD, BAD = "production", "canary"
"""Labels of the prompt."""
HALF = {"share": 50, "dwell_seconds": 0, "min_calls": 2}
ALL = {"share": 100, "dwell_seconds": 0, "min_calls": 1}
ERRORS = {"metric": "errors", "margin": 0.9}
ENDS = ("promoted", "rolled_back")
PATIENCE = 240.0
SHORT = {"prompt": "Weir", "max_tokens": 3, "allow_truncation": True, "fallback": False}
SETTING = "top_k=1"
users = count()


@dataclass
class Caller:
    """End users of one subject. `call` has the next one call it, by the client that is given."""

    subject: dict[str, str]
    to: str
    guards: tuple[dict[str, Any], ...]
    call: Callable[[httpx.Client, str], None]
    stages: tuple[dict[str, Any], ...] = (HALF, ALL)
    smoke: tuple[dict[str, Any], ...] = ()
    rollout_id: str = ""

    def begin(self, api: httpx.Client) -> str:
        body = {
            "subject": self.subject,
            "to": self.to,
            "guards": self.guards,
            "stages": self.stages,
            "smoke": self.smoke,
            "window_seconds": 1,
        }
        begun = api.post(URL, json=body)
        assert begun.status_code == 202, begun.text
        self.rollout_id = str(begun.json()["rollout_id"])
        return self.rollout_id

    def seen(self, api: httpx.Client) -> dict[str, Any]:
        """Return the rollout; have end users call if it looks at their calls."""
        shown: dict[str, Any] = api.get(f"{URL}/{self.rollout_id}").json()
        if shown["status"] == "running":
            self.call(api, f"user-{next(users)}")
        return shown


def run_prompt(label: str) -> Callable[[httpx.Client, str], None]:
    def call(api: httpx.Client, user: str) -> None:
        body = {"version": label, "variables": {"text": "Weir"}, "end_user": user}
        api.post("/v1/prompts/first-word/runs", json=body)

    return call


def generate(model: str) -> Callable[[httpx.Client, str], None]:
    def call(api: httpx.Client, user: str) -> None:
        answer = api.post("/v1/generations", json={**SHORT, "model": model, "end_user": user})
        assert answer.status_code == 200, answer.text

    return call


def ask(api: httpx.Client, user: str) -> None:
    body = {"question": "Which river has a weir?", "collection": "rivers", "end_user": user}
    assert api.post("/v1/ask", json=body).status_code == 200


def search_and_rate(api: httpx.Client, user: str) -> None:
    """Search, and like what the live setting finds; it finds more than the candidate."""
    body = {"query": "mill", "collection": "hills", "end_user": user, "rateable": True}
    found = api.post("/v1/search", json=body).json()
    rating = "up" if len(found["hits"]) > 1 else "down"
    rated = api.post("/v1/feedback", json={"search_id": found["search_id"], "rating": rating})
    assert rated.status_code in (200, 201), rated.text


def prompt(label: str) -> dict[str, str]:
    return {"kind": "prompt", "name": "first-word", "label": label}


def callers() -> tuple[list[Caller], list[Caller]]:
    """Return the callers of subjects whose candidates are good, and of those that are bad."""
    asking, errors = {**HALF, "approval": True}, (ERRORS,)
    ratings = ({"metric": "bad_ratings", "margin": 0.3},)
    good = [
        Caller(
            prompt(GOOD),
            "2",
            errors,
            run_prompt(GOOD),
            (asking, ALL),
            ({"input": {"variables": {"text": "Weir"}}},),
        ),
        Caller({"kind": "model", "name": "nova-lite"}, "nova-micro", errors, generate("nova-lite")),
        Caller(
            {"kind": "retrieval", "name": "rivers"},
            SETTING,
            errors,
            ask,
            smoke=({"input": {"question": "Where?"}},),
        ),
    ]
    cost = ({"metric": "cost", "margin": 0.25},)
    bad = [
        Caller(prompt(BAD), "3", ({"metric": "errors", "margin": 0.1},), run_prompt(BAD)),
        Caller({"kind": "model", "name": "nova-micro"}, "nova-lite", cost, generate("nova-micro")),
        Caller({"kind": "retrieval", "name": "hills"}, SETTING, ratings, search_and_rate),
    ]
    return good, bad


def set_up(api: httpx.Client) -> None:
    """Save three versions of a prompt, and documents of two collections."""
    for content in (PROMPT, ALIKE, BROKEN):
        assert api.post("/v1/prompts", json=content).status_code == 201
    for label in (GOOD, BAD, "staging", "later"):
        body = {"version": 1}
        assert api.put(f"/v1/prompts/first-word/labels/{label}", json=body).status_code == 200
    ids = [
        upload(api, f"{n}.txt", f"Weir {n} of the {word} is {n} m high, by a mill.\n".encode(), at)
        for at, word in (("rivers", "river Ell"), ("hills", "hill Tor"))
        for n in range(2)
    ]
    for each in ids:
        path = f"/v1/documents/{each}"
        until(functools.partial(is_ready, api, path), f"{each} is not ready")


def is_ready(api: httpx.Client, path: str) -> bool:
    return bool(api.get(path).json().get("status") == "ready")


def answered_by(api: httpx.Client, model: str) -> str:
    answer = api.post("/v1/generations", json={**SHORT, "model": model})
    return str(answer.json()["model"])


def found(api: httpx.Client, collection: str) -> int:
    body = {"query": "mill", "collection": collection}
    return len(api.post("/v1/search", json=body).json()["hits"])


@pytest.mark.timeout(600)
def test_rollouts_should_end_as_their_candidates_deserve_across_a_power_cut(
    own_cloud: CloudProcess,
) -> None:
    good, bad = callers()
    open_ones, ended, is_killed = [*good, *bad], dict[str, dict[str, Any]](), False
    with api_of(own_cloud) as api:
        set_up(api)
        for each in open_ones:
            each.begin(api)
        again = api.post(URL, json={"subject": prompt(GOOD), "to": "3"})
        assert (again.status_code, again.json()["error"]["field"]) == (409, "subject")
        smoke = ({"input": {"variables": {"text": "Weir"}}},)
        broken = Caller(prompt("staging"), "3", (ERRORS,), run_prompt("staging"), smoke=smoke)
        broken.begin(api)
        aborted = Caller(prompt("later"), "2", (ERRORS,), run_prompt("later")).begin(api)
        answer = api.post(f"{URL}/{aborted}/abort", json={"reason": "Not today."})
        assert answer.json()["status"] == "rolled_back", answer.text

    def look(api: httpx.Client, pool: ThreadPoolExecutor) -> bool:
        for each, shown in zip(
            [*open_ones], pool.map(lambda each: each.seen(api), open_ones), strict=True
        ):
            if shown["status"] in ENDS:
                open_ones.remove(each)
                ended[each.rollout_id] = shown
            elif shown["status"] == "waiting" and is_killed:
                path = f"{URL}/{each.rollout_id}/approve"
                assert api.post(path, json={"reason": "Shorter."}).status_code == 202
        return not open_ones

    def is_waiting(api: httpx.Client) -> bool:
        shown = api.get(f"{URL}/{good[0].rollout_id}").json()
        return bool(shown["status"] == "waiting")

    with api_of(own_cloud) as api, ThreadPoolExecutor(3) as pool:
        until(lambda: look(api, pool) or is_waiting(api), "no stage has passed", PATIENCE)
    own_cloud.kill()
    own_cloud.start()
    is_killed = True
    with api_of(own_cloud) as api, ThreadPoolExecutor(3) as pool:
        until(lambda: look(api, pool), "rollouts did not end", PATIENCE)
        for each in good:
            shown = ended[each.rollout_id]
            assert shown["status"] == "promoted", shown["reason"]
            assert [report["stage"] for report in shown["reports"]] == [0, 1]
        assert ended[good[0].rollout_id]["reports"][0]["note"] == "Shorter."
        reasons = ("errors at 50 %:", "cost at 50 %:", "bad_ratings at 50 %:")
        for each, reason in zip(bad, reasons, strict=True):
            shown = ended[each.rollout_id]
            assert (shown["status"], shown["stage"]) == ("rolled_back", 0), shown["reason"]
            assert shown["reason"].startswith(reason)
        shown = api.get(f"{URL}/{broken.rollout_id}").json()
        assert shown["status"] == "rolled_back"
        assert shown["reason"].startswith("Smoke request 1:")

        labels = api.get("/v1/prompts/first-word").json()["labels"]
        assert (labels[GOOD], labels[BAD]) == (2, 1)
        until(lambda: answered_by(api, "nova-lite") == "nova-micro", "the model is not promoted")
        # A process may take its traffic from what it read ten seconds ago.
        until(lambda: answered_by(api, "nova-micro") == "nova-micro", "the model is not taken back")
        until(lambda: found(api, "rivers") == 1, "the setting is not promoted")
        until(lambda: found(api, "hills") == 2, "the setting is not taken back")
        counted = sum(
            report["candidate_calls"] + report["live_calls"]
            for shown in ended.values()
            for report in shown["reports"]
        )
        assert 0 < counted <= next(users), "no call was counted twice"
        jobs = [api.get(f"/v1/jobs/{each.rollout_id}").json() for each in (*good, *bad)]
        assert {job["status"] for job in jobs} <= {"succeeded", "running"}
