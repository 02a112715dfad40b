"""Evaluations run as their machine runs them, with crashes, empty budgets and baselines."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.contracts.evaluations.jobs import PinnedTarget
from chalicelib.contracts.evaluations.suites import SuiteCase, Target
from chalicelib.contracts.evaluations.verdicts import SuiteVerdict
from chalicelib.contracts.prompts import PromptContent
from chalicelib.errors import HeadraceError, InvalidInput, NotFound, QuotaExceeded, Throttled
from chalicelib.evaluation.suites import suite_digest
from tests.unit.evaluation.fakes import Targets, right, suite
from tests.unit.functions.evaluations.world import JOB, PREFIX, World
from tests.unit.jobs.examples import NOW

OTHER = "01J9ZQ3V5B8X6N2M4K7T0RWFHE"
PROMPT = [{"kind": "prompt", "name": "now", "prompt": "sum-up", "version": 2}]
CONTENT = PromptContent.model_validate(
    {"variables": {"input": {"type": "string"}}, "turns": [{"template": "{{ input }}"}]}
)
PINNED = PinnedTarget(target="now", prompt="sum-up", version=2, sha256="a" * 64, content=CONTENT)


def test_a_suite_should_be_run_graded_and_reported() -> None:
    world = World()
    world.begin(suite(repeats=2))
    result = world.run()
    assert (result.status, result.counts.done, result.counts.total) == ("succeeded", 12, 12)
    assert world.place.verdict is not None
    assert world.place.verdict.passed
    assert world.place.targets[0].score.mean == 1
    assert world.result.asked == world.targets.asked == 12
    names = {file.name for file in world.state.files}
    assert names == {"results.json", "junit.xml", "report.html", "summary.json"}
    assert b"The gate passed" in world.objects.bodies[PREFIX + "report.html"]


def test_a_second_evaluation_should_ask_nothing() -> None:
    first = World()
    first.begin(suite())
    first.run()
    second = World(targets=first.targets)
    second.objects.bodies |= {
        key: body for key, body in first.objects.bodies.items() if "evaluation-cache" in key
    }
    second.begin(suite())
    second.run()
    assert first.targets.asked == 6
    assert (second.result.asked, second.result.cached) == (0, 6)
    assert not second.result.receipt.lines


def test_with_confirm_nothing_should_be_asked_before_it_is_resumed() -> None:
    world = World()
    world.begin(suite(), confirm=True)
    assert world.run().status == "paused"
    assert world.place.estimate is not None
    assert world.targets.asked == 0
    world.launcher.resume(world.state)
    assert world.run().status == "succeeded"
    assert world.targets.asked == 6


def test_a_budget_that_ends_should_keep_what_was_paid_and_a_retry_ask_for_the_rest() -> None:
    left = 4

    def paid(target: Target, case: SuiteCase, repeat: int) -> str:
        nonlocal left
        if not left:
            raise QuotaExceeded("The evaluation's budget of $0.01 is used up.")
        left -= 1
        return right(target, case, repeat)

    world = World(targets=Targets(paid))
    world.begin(suite())
    result = world.run()
    assert (result.status, result.counts.done, result.counts.failed) == ("partial", 4, 2)
    assert world.place.verdict is not None
    assert "2 of 6 answers were not run: The evaluation's budget" in world.place.verdict.reasons[0]
    left, asked = 10, world.targets.asked
    world.launcher.retry(world.state)
    assert world.run().status == "succeeded"
    assert world.targets.asked == asked + 2
    assert world.result.gate.passed


def reserved_meanwhile() -> QuotaExceeded:
    error = QuotaExceeded("The budget has no room while other calls are made.")
    error.reserved = True
    return error


@pytest.mark.parametrize("error", [Throttled("slow down"), reserved_meanwhile()])
def test_what_had_no_room_for_now_should_have_another_round(error: HeadraceError) -> None:
    refused = 3

    def busy(target: Target, case: SuiteCase, repeat: int) -> str:
        nonlocal refused
        if refused:
            refused -= 1
            raise error
        return right(target, case, repeat)

    world = World(targets=Targets(busy))
    world.begin(suite())
    assert world.run().status == "succeeded"
    assert world.waits == [0, 5]
    assert world.targets.asked == 9


def test_a_case_whose_swap_was_not_run_should_be_left_over() -> None:
    def poor(target: Target, case: SuiteCase, repeat: int) -> str:
        if case.variables["input"] == "He asks.":
            raise QuotaExceeded("The budget is used up.")
        return "yes"

    world = World(targets=Targets(poor))
    cases = [{"id": "a", "variables": {"input": "She asks."}, "expected": "yes"}]
    world.begin(suite(cases=cases, swaps=[{"name": "gender", "words": "gender"}]))
    assert (world.run().counts.failed, world.result.gate.passed) == (1, False)
    assert "1 of 2 answers were not run: The budget is used up." in world.result.gate.reasons[0]


def test_a_model_that_never_has_room_should_end_the_rounds() -> None:
    def busy(target: Target, case: SuiteCase, repeat: int) -> str:
        raise Throttled("slow down")

    world = World(targets=Targets(busy))
    world.begin(suite())
    result = world.run()
    assert (result.status, result.counts.failed) == ("partial", 6)
    assert len(world.waits) == 5
    assert "slow down" in world.result.gate.reasons[0]


def test_cases_without_time_should_be_run_by_another_round() -> None:
    world = World(seconds_a_look=40.0)
    world.begin(suite())
    assert world.run().status == "succeeded"
    assert len(world.waits) > 1
    assert world.targets.asked == 6


def test_children_that_fail_for_good_should_fail_the_job() -> None:
    world = World(child_fails={"type": "KeyError", "message": "a bug"})
    world.begin(suite())
    with pytest.raises(HeadraceError, match="Cases could not be run: KeyError: a bug"):
        world.run()


def test_a_cancelled_evaluation_should_ask_no_more() -> None:
    world = World()
    world.begin(suite())

    def cancel(state: str) -> None:
        if state == "Prepare":
            world.launcher.cancel(world.state)

    world.after = cancel
    assert world.run().status == "cancelled"
    assert world.targets.asked == 0


def earlier_results(scores: list[float], **changes: Any) -> World:
    """Return a world with the results of an earlier evaluation of these scores."""

    def reply(target: Target, case: SuiteCase, repeat: int) -> str:
        return right(target, case, repeat) if scores[int(case.id[1:])] else "wrong"

    before = World(targets=Targets(reply))
    before.begin(suite(gate={"min_score": 0}, **changes))
    before.run()
    world = World()
    body = before.objects.bodies[PREFIX + "results.json"].replace(JOB.encode(), OTHER.encode())
    world.objects.bodies[f"jobs/acme/{OTHER}/results.json"] = body
    return world


def test_a_run_that_is_worse_than_its_baseline_should_not_pass() -> None:
    world = earlier_results([1.0] * 6)
    world.targets = Targets(lambda target, case, repeat: "wrong")
    world.begin(suite(), baseline=OTHER)
    world.run()
    gate = world.result.gate
    assert (gate.passed, gate.baseline) == (False, OTHER)
    assert [change.case for change in gate.worse] == [f"c{n}" for n in range(6)]


def test_a_run_as_good_as_its_baseline_should_pass_whatever_fails() -> None:
    world = earlier_results([1.0] * 5 + [0.0])
    world.targets = Targets(
        lambda target, case, repeat: "wrong" if case.id == "c5" else right(target, case, repeat)
    )
    world.begin(suite(), baseline=OTHER)
    world.run()
    assert world.result.gate.passed


def test_a_baseline_that_is_not_there_should_fail_before_anything_is_asked() -> None:
    world = World()
    world.begin(suite(), baseline=OTHER)
    with pytest.raises(NotFound, match="has no results: it has not ended, or ended more than"):
        world.run()
    assert world.targets.asked == 0
    world = earlier_results([1.0] * 6, name="lakes")
    world.begin(suite(), baseline=OTHER)
    with pytest.raises(InvalidInput, match="of the suite lakes, not of rivers"):
        world.run()


def test_the_verdict_on_a_version_should_be_kept_and_held_against_the_labelled_one() -> None:
    world = World(targets=Targets(lambda target, case, repeat: "wrong"))
    made = suite(targets=PROMPT)
    digest = suite_digest(made)
    world.verdicts.labelled_verdict = SuiteVerdict(
        evaluation_id=OTHER,
        suite="rivers",
        sha256=digest,
        version=1,
        passed=True,
        at=NOW,
        scores={f"c{n}": 1.0 for n in range(6)},
    )
    world.begin(made, (PINNED,))
    world.run()
    told = world.verdicts.kept["sum-up", 2, digest]
    assert (told.passed, told.version) == (False, 2)
    assert told.worse == ("c0", "c1", "c2", "c3", "c4", "c5")
    assert world.result.gate.baseline == OTHER

    first = World()
    first.begin(made, (PINNED,))
    first.run()
    told = first.verdicts.kept["sum-up", 2, digest]
    assert (told.passed, told.scores["c0"]) == (True, 1.0)


def test_a_baseline_that_somebody_named_should_not_make_a_bad_version_pass() -> None:
    def wrong(target: Target, case: SuiteCase, repeat: int) -> str:
        return "wrong"

    made = suite(targets=PROMPT)
    world = earlier_results([0.0] * 6)
    world.targets = Targets(wrong)
    world.begin(made, (PINNED,), baseline=OTHER)
    world.run()
    assert world.result.gate.passed
    assert not world.verdicts.kept["sum-up", 2, suite_digest(made)].passed


def test_answers_of_another_model_should_leave_no_verdict_on_a_version() -> None:
    world = World()
    world.begin(suite(targets=[{**PROMPT[0], "model": "nova-pro"}]), (PINNED,))
    world.run()
    assert world.result.gate.passed
    assert world.verdicts.kept == {}
