"""Runs of suites: what is asked, cached, failed and left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import SuiteCase, Target
from chalicelib.contracts.generations import ChatCall
from chalicelib.errors import InvalidInput, ModelFailure, QuotaExceeded
from chalicelib.evaluation.graders.base import JudgeReply
from chalicelib.evaluation.reports.html import html_report
from chalicelib.evaluation.reports.junit import junit_xml
from chalicelib.evaluation.runner import MemoryCache
from chalicelib.evaluation.summary import summarize
from chalicelib.evaluation.targets import models_digest, replaceable_models
from chalicelib.generation.model_file import served_models
from chalicelib.generation.models import OpenAiBackend, ServedModels
from chalicelib.screening.policies import policy_digest, stage_policy
from tests.unit.evaluation.fakes import LINE, Services, Targets, right, runner, suite

SERVED = served_models().model("nova-micro")
NOW = datetime(2026, 11, 30, tzinfo=UTC)
TWO = [
    {"kind": "model", "name": "plain", "model": "nova-micro"},
    {"kind": "model", "name": "role", "model": "nova-lite"},
]


def test_a_second_run_should_ask_nothing() -> None:
    given = suite(
        graders=[{"type": "exact"}, {"type": "rubric", "criteria": "right"}, {"type": "similarity"}]
    )
    targets, services, cache = Targets(right), Services(), MemoryCache()
    first = list(runner(given, targets, services, cache).run_all())
    assert (targets.asked, len(services.judged)) == (6, 12)
    assert sum(case.asked for case in first) == 6 * 3
    again = list(runner(given, targets, services, cache).run_all())
    assert (targets.asked, len(services.judged)) == (6, 12)
    told = summarize(given, again, evaluation_id="e", created_at=NOW)
    assert (told.asked, told.cached) == (0, 6)
    assert not told.receipt.lines
    assert [case.outcomes[0].score for case in again] == [case.outcomes[0].score for case in first]


def test_another_question_or_repeat_should_not_be_answered_from_the_cache() -> None:
    targets, cache = Targets(right), MemoryCache()
    list(runner(suite(), targets, cache=cache).run_all())
    list(runner(suite(repeats=2), targets, cache=cache).run_all())
    assert targets.asked == 6 + 6
    list(runner(suite(targets=[TWO[1]]), targets, cache=cache).run_all())
    assert targets.asked == 6 + 6 + 6


def test_a_model_that_fails_should_fail_its_case_and_be_asked_again_by_the_next_run() -> None:
    def looping(target: Target, case: SuiteCase, repeat: int) -> str:
        if case.id == "c1":
            raise InvalidInput("What turn 1 wrote did not fit into its max_tokens.")
        return right(target, case, repeat)

    given, targets = suite(graders=[{"type": "exact", "negate": True}]), Targets(looping)
    kept = MemoryCache()
    cases = list(runner(given, targets, cache=kept).run_all())
    list(runner(given, targets, cache=kept).run_all())
    assert (targets.asked, len(kept.kept)) == (7, 5)
    (again,) = (each for each in runner(given, Targets(right), cache=kept).run_all() if each.asked)
    assert (again.case, again.outcomes[0].status) == ("c1", "graded")
    outcome = cases[1].outcomes[0]
    assert (outcome.status, outcome.passed, outcome.score) == ("failed", False, 0)
    assert "max_tokens" in outcome.grades[0].reason


def test_a_budget_that_ends_in_the_middle_should_keep_what_was_paid_for() -> None:
    left = 4

    def paid(target: Target, case: SuiteCase, repeat: int) -> str:
        nonlocal left
        if not left:
            raise QuotaExceeded("The budget of the evaluation, $0.004, is used up.")
        left -= 1
        return right(target, case, repeat)

    given, targets, cache = suite(), Targets(paid), MemoryCache()
    told = summarize(
        given,
        list(runner(given, targets, cache=cache).run_all()),
        evaluation_id="e",
        created_at=NOW,
    )
    (summary,) = told.targets
    assert (summary.graded, summary.not_run, summary.score.mean) == (4, 2, 1)
    assert not told.gate.passed
    assert "2 of 6 answers were not run: The budget" in told.gate.reasons[0]
    left = 9
    finished = list(runner(given, targets, cache=cache).run_all())
    assert [case.asked for case in finished] == [0, 0, 0, 0, 1, 1]


def test_a_judge_that_was_not_paid_should_leave_the_answer_in_the_cache() -> None:
    class Poor(Services):
        def judge(self, *_: object) -> None:  # type: ignore[override]
            raise QuotaExceeded("no more")

    given = suite(graders=[{"type": "rubric", "criteria": "c"}])
    targets, cache = Targets(right), MemoryCache()
    cases = list(runner(given, targets, Poor(), cache).run_all())
    assert {case.outcomes[0].status for case in cases} == {"not_run"}
    assert cases[0].outcomes[0].answer == "answer 0"
    again = list(runner(given, targets, Services(), cache).run_all())
    assert targets.asked == 6
    assert {case.outcomes[0].status for case in again} == {"graded"}


def test_a_judge_that_fails_should_fail_the_grade_and_not_the_run() -> None:
    class Broken(Services):
        def judge(self, *_: object) -> None:  # type: ignore[override]
            raise ModelFailure("nothing usable")

    given = suite(graders=[{"type": "exact"}, {"type": "rubric", "criteria": "c", "weight": 3}])
    cache = MemoryCache()
    (first, *_) = runner(given, None, Broken(), cache).run_all()
    (again, *_) = runner(given, None, Services(), cache).run_all()
    assert (again.asked, again.outcomes[0].score) == (1, 0.625)
    assert first.outcomes[0].score == 0.25
    assert first.outcomes[0].grades[1].reason == "It could not be graded: nothing usable"


@pytest.mark.parametrize("error", [QuotaExceeded("no more"), ModelFailure("nothing usable")])
def test_a_judge_that_ends_at_its_second_call_should_be_paid_for_the_first(
    error: QuotaExceeded | ModelFailure,
) -> None:
    class Short(Services):
        def judge(self, call: ChatCall, model: str, quality: int) -> JudgeReply:
            if self.judged:
                raise error
            return Services.judge(self, call, model, quality)

    (case, *_) = runner(
        suite(graders=[{"type": "rubric", "criteria": "c"}]), None, Short()
    ).run_all()
    assert case.receipt.dollars == 2 * LINE.dollars


def test_targets_should_be_compared_by_case() -> None:
    def better(target: Target, case: SuiteCase, repeat: int) -> str:
        return right(target, case, repeat) if target.name == "role" or case.id < "c3" else "?"

    given = suite(targets=TWO, compare_to="plain", graders=[{"type": "exact"}])
    cases = list(runner(given, Targets(better)).run_all())
    (compared,) = summarize(given, cases, evaluation_id="e", created_at=NOW).comparisons
    assert (compared.target, compared.against) == ("role", "plain")
    assert (compared.better, compared.same, compared.worse) == (3, 3, 0)
    assert compared.difference.mean == 0.5
    assert [change.case for change in compared.best] == ["c5", "c4", "c3"]


def test_a_preference_should_compare_the_answers_of_two_targets() -> None:
    given = suite(targets=TWO, graders=[{"type": "pairwise", "against": "plain"}])

    def says(system: str, text: str) -> str:
        return "A" if text.index("role!") < text.index("answer B") else "B"

    def named(target: Target, case: SuiteCase, repeat: int) -> str:
        return f"{target.name}!"

    services = Services(says=says)
    cases = list(runner(given, Targets(named), services).run_all())
    plain, role = cases[0].outcomes
    assert (plain.score, role.score) == (0.5, 1)
    assert len(services.judged) == 2 * 6


def test_agreement_with_people_should_be_measured_on_what_they_labelled() -> None:
    labels = [True, True, False, False, True, False]
    given = suite(
        graders=[{"type": "rubric", "name": "polite", "criteria": "It is polite."}],
        cases=[
            {
                "id": f"c{n}",
                "variables": {"input": "x"},
                "labels": {"polite": label},
                "labelled": "please" if label else "no",
            }
            for n, label in enumerate(labels)
        ],
    )

    def says(system: str, text: str) -> str:
        meets = "please" in text
        return "A" if ("A: the answer meets" in system) == meets else "B"

    cases = list(runner(given, services=Services(says=says)).run_all())
    (grader,) = summarize(given, cases, evaluation_id="e", created_at=NOW).targets[0].graders
    assert grader.agreement is not None
    assert (grader.agreement.kappa, grader.agreement.share, grader.agreement.n) == (1, 1, 6)


def test_a_target_without_an_identity_should_be_asked_each_time() -> None:
    class Changing(Targets):
        def identity(self, target: Target) -> str:
            return ""

    targets, cache = Changing(right), MemoryCache()
    for _ in range(2):
        list(runner(suite(), targets, cache=cache).run_all())
    assert targets.asked == 12
    assert cache.kept == {}


def test_another_stage_should_be_asked_for_its_own_judgement() -> None:
    given, cache = suite(graders=[{"type": "rubric", "criteria": "c"}]), MemoryCache()
    services = Services()
    for stage in ("these", "these", "others"):
        list(replace(runner(given, None, services, cache), stage=stage).run_all())
    assert len(services.judged) == 2 * 2 * 6


def test_a_model_that_moved_should_be_another_one() -> None:
    def stage(url: str) -> str:
        model = replace(SERVED, name="ours", backend=OpenAiBackend(url, "m", "openai"))
        return models_digest(ServedModels({"ours": model}))

    assert stage("https://a") == stage("https://a")
    assert stage("https://a") != stage("https://b")


def test_an_answer_of_a_version_that_may_be_replaced_should_not_be_cached() -> None:
    class Trained(Targets):
        def answer(self, target: Target, case: SuiteCase, repeat: int) -> TargetAnswer:
            answer = Targets.answer(self, target, case, repeat)
            return answer.model_copy(update={"repeatable": case.id != "c0"})

    targets, cache = Trained(right), MemoryCache()
    for _ in range(2):
        list(runner(suite(), targets, cache=cache).run_all())
    assert targets.asked == 6 + 1


def test_models_that_the_stage_trains_should_be_replaceable() -> None:
    found = replaceable_models(served_models())
    assert {"task-lm", "aligned-lm"} <= found
    assert not found & {"nova-micro", "minilm-l6-v2"}


def test_another_policy_or_guardrail_should_be_another_screening() -> None:
    policies = [stage_policy("refuse"), stage_policy("flag"), stage_policy("off")]
    assert len({policy_digest(each, "", "") for each in policies}) == 3
    assert policy_digest(policies[0], "g", "1") != policy_digest(policies[0], "g", "2")
    assert policy_digest(policies[0]) == policy_digest(stage_policy("refuse"))


def test_a_case_that_is_not_graded_should_be_asked_and_count_in_no_score() -> None:
    plain = {"id": "look", "variables": {"input": "he"}, "ungraded": True}
    cases = [*suite().model_dump(mode="json")["cases"], plain]

    def failing(target: Target, case: SuiteCase, repeat: int) -> str:
        if case.id == "look":
            raise ModelFailure("nothing usable")
        return right(target, case, repeat)

    for reply in (right, failing):
        given, targets = (
            suite(cases=cases, swaps=[{"name": "g", "words": "gender"}]),
            Targets(reply),
        )
        told = summarize(
            given, list(runner(given, targets).run_all()), evaluation_id="e", created_at=NOW
        )
        (summary,) = told.targets
        assert (summary.score.n, summary.ungraded, summary.failed, targets.asked) == (6, 1, 0, 7)
        assert (summary.pass_rate, told.gate.passed) == (1, True)
        assert told.cases[-1].outcomes[0].status == "ungraded"
        assert "<skipped" in junit_xml(told)
        assert "not graded" in html_report(told)
    alone = suite(cases=[plain])
    told = summarize(alone, list(runner(alone).run_all()), evaluation_id="e", created_at=NOW)
    assert told.gate.reasons == ("now: nothing was graded; give cases graders.",)


def test_an_answer_should_be_shown_as_it_was_cached() -> None:
    kept = TargetAnswer(text="a", sources=("b",), seconds=1.25)
    assert TargetAnswer.model_validate_json(kept.model_dump_json()) == kept
    with pytest.raises(ValueError, match="seconds"):
        TargetAnswer(seconds=-1)
