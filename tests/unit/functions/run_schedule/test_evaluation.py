"""Evaluations by schedules: the suite is written with its prompts, and the gate's verdict told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from chalicelib.contracts.evaluations.jobs import EvaluationCheckpoint, EvaluationInput
from chalicelib.contracts.evaluations.results import GateVerdict
from chalicelib.contracts.prompts import PromptContent, PromptVersion
from chalicelib.contracts.schedules import WORK as WORK_CONTRACT
from chalicelib.errors import HeadraceError, NotFound
from chalicelib.jobs.lifecycle import JobState, ResultFile
from tests.unit.functions.run_schedule.buckets import Buckets, Runs, place_of
from tests.unit.jobs.examples import BUCKET

RESULTS = f"s3://{BUCKET}/results/acme/"
SUITE: dict[str, Any] = {
    "name": "words",
    "targets": [{"kind": "prompt", "name": "now", "prompt": "sum-up"}],
    "graders": [{"type": "contains"}],
    "cases": [{"id": "a", "variables": {"text": "x"}, "expected": "x"}],
    "budget": "0.5",
}
WORK: dict[str, Any] = {
    "kind": "evaluation",
    "suite": SUITE,
    "results": [{"type": "s3", "uri": RESULTS}],
}
VERSION = PromptVersion(
    name="sum-up",
    version=4,
    sha256="a" * 64,
    bytes=1,
    created_at=datetime(2026, 5, 1, tzinfo=UTC),
    content=PromptContent.model_validate(
        {"variables": {"text": {"type": "string"}}, "turns": [{"template": "{{ text }}"}]}
    ),
)


class EvaluationRunsOf(Runs):
    """Runs whose evaluations end with `verdict`."""

    def __init__(self) -> None:
        super().__init__(Buckets())
        self.verdict = GateVerdict(passed=True)
        self.found: PromptVersion | None = VERSION
        self.deps = replace(self.deps, look_up=self._version, cost=lambda unit, quantity: 7)

    def _version(self, tenant: str, name: str, wanted: str | int) -> PromptVersion:
        if self.found is None:
            raise NotFound(f"There is no prompt {name}.", field="prompt")
        return self.found

    def child_ends(self, state: JobState) -> JobState:
        self.buckets.put(BUCKET, state.prefix + "report.html", b"<html>")
        place = EvaluationCheckpoint(phase="done", verdict=self.verdict)
        return replace(
            state,
            job=state.job.model_copy(update={"status": "succeeded"}),
            files=(ResultFile("report.html", 6),),
            checkpoint=place.model_dump_json(),
        )


@pytest.fixture
def runs() -> EvaluationRunsOf:
    return EvaluationRunsOf()


def test_a_suite_should_be_run_with_the_prompts_of_the_day(runs: EvaluationRunsOf) -> None:
    state = runs.finish(runs.begin(WORK))
    (child,) = (each for each in runs.jobs.kept.values() if each.job.kind == "evaluation")
    given = EvaluationInput.model_validate_json(
        runs.buckets.read(BUCKET, child.prefix + "suite.json")
    )
    assert [(each.target, each.version) for each in given.pinned] == [("now", 4)]
    assert child.input.evaluation is not None
    assert str(child.input.evaluation.budget) == "0.5"
    assert (state.job.status, place_of(state).notes) == ("succeeded", ("the gate passed",))
    assert place_of(state).receipt is not None
    assert place_of(state).results[0].startswith(RESULTS + "nightly/")


def test_a_gate_that_did_not_pass_should_be_said_and_pause_nothing(runs: EvaluationRunsOf) -> None:
    runs.verdict = GateVerdict(passed=False, reasons=("now: its score fell by 0.4.",))
    state = runs.finish(runs.begin({**WORK, "results": []}))
    assert state.job.status == "partial"
    assert place_of(state).notes[1:] == ("the gate did not pass", "now: its score fell by 0.4.")


def test_a_prompt_that_is_gone_should_fail_the_run(runs: EvaluationRunsOf) -> None:
    runs.found = None
    with pytest.raises(HeadraceError, match="There is no prompt sum-up"):
        runs.step(runs.begin(WORK))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"suite": {**SUITE, "description": "x" * 999, "graders": []}}, "has no graders"),
        ({"results": [{"type": "collection", "collection": "a"}]}, "no collection"),
        (
            {
                "suite": {
                    **SUITE,
                    "cases": [
                        {"id": f"c{n}", "variables": {"text": "x" * 200}, "expected": "x"}
                        for n in range(500)
                    ],
                }
            },
            "102400 bytes as JSON at most",
        ),
    ],
)
def test_what_no_schedule_can_hold_should_be_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        WORK_CONTRACT.validate_python({**WORK, **changes})
