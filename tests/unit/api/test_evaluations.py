"""`/v1/evaluations`: what is begun, what is refused before anything is asked, and what is shown."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contracts.evaluations.jobs import EvaluationInput
from tests.unit.api.fakes import OTHER_KEY, Api, error_of

URL = "/v1/evaluations"
PROMPT = {
    "name": "sum-up",
    "variables": {"text": {"type": "string"}},
    "turns": [{"template": "{{ text }}"}],
}
SUITE: dict[str, Any] = {
    "name": "words",
    "targets": [{"kind": "prompt", "name": "now", "prompt": "sum-up"}],
    "graders": [{"type": "contains"}],
    "cases": [{"id": "a", "variables": {"text": "x"}, "expected": "x"}],
}


@pytest.fixture
def api() -> Api:
    made = Api()
    assert made.call("POST", "/v1/prompts", PROMPT).status_code == 201
    return made


def test_a_suite_should_be_begun_as_a_job_with_its_prompts(api: Api) -> None:
    begun = api.call("POST", URL, {"suite": SUITE, "budget": "0.5"}, Idempotency_Key="k")
    assert begun.status_code == 202, begun.body
    evaluation_id = begun.json_body["evaluation_id"]
    (key,) = (
        key for key in api.batch_objects.bodies if key.endswith(f"{evaluation_id}/suite.json")
    )
    given = EvaluationInput.model_validate_json(api.batch_objects.bodies[key])
    assert [(each.prompt, each.version) for each in given.pinned] == [("sum-up", 1)]
    assert api.call("POST", "/v1/prompts", {**PROMPT, "role": "new"}).status_code == 201
    again = api.call("POST", URL, {"suite": SUITE, "budget": "0.5"}, Idempotency_Key="k")
    assert again.json_body["evaluation_id"] == evaluation_id
    kept = EvaluationInput.model_validate_json(api.batch_objects.bodies[key])
    assert kept == given, "a repeated request changes no version that is evaluated"
    (state,) = api.job_records.kept.values()
    assert state.input.machine == "evaluate"
    assert state.input.evaluation is not None
    assert str(state.input.evaluation.budget) == "0.5"

    shown = api.call("GET", f"{URL}/{evaluation_id}").json_body
    assert (shown["status"], shown["suite"], shown["passed"]) == ("queued", "words", None)
    assert api.call("GET", URL).json_body["items"][0]["evaluation_id"] == evaluation_id
    assert api.call("GET", f"{URL}/{evaluation_id}", key=OTHER_KEY).status_code == 404
    assert api.call("GET", f"/v1/jobs/{evaluation_id}").json_body["kind"] == "evaluation"
    cancelled = api.call("DELETE", f"{URL}/{evaluation_id}").json_body
    assert cancelled["status"] == "cancelled"


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"graders": [{"type": "vibes"}]}, 400, "vibes"),
        ({"graders": [{"type": "regex", "pattern": "(?=x)"}]}, 400, "the pattern cannot be used"),
        (
            {"cases": [{"id": "a", "variables": {"txet": "x"}, "expected": "x"}]},
            400,
            "case a, target now: The variable text is not given",
        ),
        (
            {"targets": [{"kind": "prompt", "name": "now", "prompt": "gone"}]},
            404,
            "There is no prompt gone",
        ),
        (
            {
                "targets": [
                    {
                        "kind": "inline",
                        "name": "now",
                        "content": {"turns": [{"template": "{{ text.x }}"}]},
                    }
                ]
            },
            400,
            "target now: ",
        ),
    ],
)
def test_a_suite_that_cannot_be_run_should_begin_nothing(
    api: Api, changes: dict[str, Any], status: int, message: str
) -> None:
    refused = api.call("POST", URL, {"suite": {**SUITE, **changes}})
    assert (refused.status_code, message in error_of(refused)["message"]) == (status, True), (
        refused.body
    )
    assert api.job_records.kept == {}


def test_a_baseline_has_to_be_an_evaluation_that_ended(api: Api) -> None:
    missing = api.call("POST", URL, {"suite": SUITE, "baseline": "01J9ZQ3V5B8X6N2M4K7T0RWFHD"})
    assert missing.status_code == 404
    assert "There is no evaluation 01J9" in error_of(missing)["message"]
    first = api.call("POST", URL, {"suite": SUITE}).json_body["evaluation_id"]
    early = api.call("POST", URL, {"suite": SUITE, "baseline": first})
    assert (early.status_code, "compare with it once it has ended" in str(early.body)) == (
        409,
        True,
    )


def test_a_suite_should_guard_labels_of_its_prompt(api: Api) -> None:
    place = "/v1/prompts/sum-up"
    put = api.call("PUT", f"{place}/suite", {"suite": SUITE, "labels": ["live"]})
    assert put.json_body["suite"]["labels"] == ["live"], put.body
    refused = api.call("PUT", f"{place}/labels/live", {"version": 1})
    assert (refused.status_code, error_of(refused)["type"]) == (409, "Conflict")
    moved = api.call("PUT", f"{place}/labels/live", {"version": 1, "override": "A fire."})
    assert moved.json_body["overrides"][0]["reason"] == "A fire."
    assert api.call("DELETE", f"{place}/suite").status_code == 204
    assert api.call("GET", place).json_body["suite"] is None
