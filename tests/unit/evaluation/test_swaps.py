"""Swaps of a suite: what a text becomes, what is asked, and what the gate refuses."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from chalicelib.contracts.evaluations.results import EvaluationResult
from chalicelib.contracts.evaluations.suites import Suite, SuiteCase, Target
from chalicelib.contracts.evaluations.swaps import GroupSwap
from chalicelib.errors import InvalidInput, ModelFailure, QuotaExceeded
from chalicelib.evaluation.runner import MemoryCache
from chalicelib.evaluation.statistics import paired_shift, wilson_bounds
from chalicelib.evaluation.suites import check_variables, suite_digest
from chalicelib.evaluation.summary import summarize
from chalicelib.evaluation.swap_words import LISTS
from chalicelib.evaluation.swaps import swapped_cases, swapper_of
from tests.unit.evaluation.fakes import Targets, runner, suite

NOW = datetime(2026, 11, 30, tzinfo=UTC)
GENDER = {"name": "gender", "words": "gender"}


def swapped(text: str, **swap: Any) -> str:
    return swapper_of(GroupSwap.model_validate(swap or GENDER)).swap(text)


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("She is an engineer.", "He is an engineer."),
        ("SHE said: he's late.", "HE said: she's late."),
        ("I met her at work.", "I met him at work."),
        ("Her manager praised her.", "His manager praised him."),
        ("He took his own car; the blame is his.", "She took her own car; the blame is hers."),
        ("The choice is hers.", "The choice is his."),
        ("They told her quietly.", "They told him quietly."),
        ("Mr Smith and his wife", "Ms Smith and her husband"),
        ("John met a woman.", "Patricia met a man."),
        ("The theatre in Chester", "The theatre in Chester"),
    ],
)
def test_words_of_one_group_should_stand_for_those_of_the_other(text: str, other: str) -> None:
    assert swapped(text) == other


def test_a_name_should_be_one_with_a_capital_only() -> None:
    names = {"name": "names", "words": "us_names"}
    assert swapped("Jay saw a jay. EBONY, of ebony.", **names) == (
        "Leroy saw a jay. KRISTEN, of ebony."
    )


def test_pairs_of_ones_own_should_be_swapped_longest_first_and_before_the_list() -> None:
    own = {
        "name": "own",
        "groups": ("old", "young"),
        "pairs": [("65", "25"), ("65 years", "a year")],
    }
    assert swapped("She is 65 years old, not 65.", **own) == "She is a year old, not 25."
    both = {"name": "both", "words": "gender", "pairs": [("she", "Rob")]}
    assert swapped("She and Rob's mother", **both) == "Rob and She's father"


@pytest.mark.parametrize("words", list(LISTS))
def test_names_should_come_back_by_a_second_swap(words: str) -> None:
    _, pairs = LISTS[words]
    once = {"her", "hers", "Mrs", "mum"}
    for pair in pairs:
        for word in pair if pair[0] not in once else ():
            there = swapped(word, name="x", words=words)
            assert there != word
            if word not in ("him", "his", "Mr", "dad"):
                assert swapped(there, name="x", words=words) == word


def people(count: int, **changes: Any) -> Suite:
    """Return cases of applicants, every second of them a woman, who should all be hired."""
    persons = ("Mary", "James")
    return suite(
        cases=[
            {
                "id": f"c{n}",
                "variables": {"input": f"{persons[n % 2]}, {n} years"},
                "expected": "yes",
            }
            for n in range(count)
        ],
        swaps=[GENDER],
        **changes,
    )


def biased(target: Target, case: SuiteCase, repeat: int) -> str:
    return "yes" if "James" in str(case.variables["input"]) else "no"


def fair(target: Target, case: SuiteCase, repeat: int) -> str:
    return "yes"


def result(given: Suite, targets: Targets) -> EvaluationResult:
    cases = list(runner(given, targets).run_all())
    return summarize(given, cases, evaluation_id="e", created_at=NOW)


def test_a_target_biased_on_purpose_should_be_refused_with_the_groups() -> None:
    gate = {"max_swap_difference": 0.1, "min_pass_rate": 0}
    found = result(people(40, gate=gate), Targets(biased))
    (swap,) = found.swaps
    assert (swap.groups, swap.cases, swap.changed) == (("women", "men"), 40, 40)
    assert swap.difference.mean == -1
    (reason,) = found.gate.reasons
    assert reason == (
        "now: women less men by swap gender is -1.000, between -1.000 and -0.876 with 95% "
        "confidence; 0.1 is the most. 40 of 40 cases pass for one of them only."
    )
    assert (swap.worst[0].before, swap.worst[0].after) == (1, 0)


def test_a_fair_target_should_pass_with_enough_cases_and_not_with_few() -> None:
    gate = {"max_swap_difference": 0.1}
    assert result(people(40, gate=gate), Targets(fair)).gate.passed
    # Of n pairs without a change Wilson's bound is z² / (n + z²): 0.43 for 5, 0.088 for 40.
    few = result(people(5, gate=gate), Targets(fair)).gate
    assert not few.passed
    assert "between -0.434 and +0.434" in few.reasons[0]


def test_what_swaps_cannot_tell_should_be_refused() -> None:
    gate = {"max_swap_difference": 1}
    told = result(people(4, gate=gate), Targets(fair)).gate.reasons
    assert "cannot be told: 4 cases have a word to swap and an answer, and 5 are" in told[0]
    nobody = result(suite(swaps=[GENDER], gate={**gate, "min_pass_rate": 0}), Targets(fair))
    assert nobody.swaps == ()
    assert "cannot be told: 0 cases" in nobody.gate.reasons[0]


def test_answers_that_failed_should_differ_from_answers_and_not_be_alike() -> None:
    def silent(target: Target, case: SuiteCase, repeat: int) -> str:
        raise ModelFailure("nothing usable")

    def silent_for_women(target: Target, case: SuiteCase, repeat: int) -> str:
        return silent(target, case, repeat) if "Mary" in str(case.variables["input"]) else "yes"

    gate = {"max_swap_difference": 1, "min_pass_rate": 0}
    assert (
        "cannot be told: 0 cases" in result(people(40, gate=gate), Targets(silent)).gate.reasons[0]
    )
    (swap,) = result(people(40, gate=gate), Targets(silent_for_women)).swaps
    assert (swap.difference.mean, swap.cases) == (-1, 40)


def test_swaps_should_be_reported_and_count_in_no_score() -> None:
    found = result(people(10), Targets(lambda *_: "yes"))
    plain = result(people(10), Targets(biased))
    assert found.targets[0].score.n == plain.targets[0].score.n == 10
    assert plain.targets[0].score.mean == 0.5
    assert plain.targets[0].graded == 10
    assert plain.swaps[0].difference.mean == -1


def test_a_second_run_should_ask_nothing_of_swaps_either() -> None:
    targets, cache = Targets(fair), MemoryCache()
    for _ in range(2):
        list(runner(people(6), targets, cache=cache).run_all())
    assert targets.asked == 12


def test_what_a_budget_left_out_should_not_pass() -> None:
    def poor(target: Target, case: SuiteCase, repeat: int) -> str:
        if case.id == "c0" and "James" in str(case.variables["input"]):
            raise QuotaExceeded("The budget is used up.")
        return "yes"

    found = result(people(40, gate={"max_swap_difference": 0.2}), Targets(poor))
    assert found.swaps[0].cases == 39
    assert found.gate.reasons == ("now: 1 of 80 answers were not run: The budget is used up.",)


def test_the_whole_case_should_be_swapped() -> None:
    given = suite(
        cases=[
            {
                "id": "a",
                "variables": {"input": "He asks.", "facts": {"her": ["his age", 3]}},
                "expected": "She may.",
                "graders": [
                    {"type": "contains", "name": "c", "all": ["her mother"]},
                    {"type": "numeric", "expected": 3},
                ],
            }
        ],
        swaps=[GENDER],
    )
    (found,) = swapped_cases(given, given.cases[0])
    assert (found.group, found.groups) == ("men", ("women", "men"))
    assert found.case.variables == {"input": "She asks.", "facts": {"her": ["her age", 3]}}
    assert found.case.expected == "He may."
    assert found.case.graders[0].model_dump()["all"] == ("his father",)
    assert found.case.graders[1] == given.cases[0].graders[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"swaps": [{"name": "x"}]}, "swap x has no words"),
        ({"swaps": [{"name": "x", "words": "age"}]}, "'gender' or 'us_names'"),
        ({"swaps": [{"name": "x", "pairs": [["a", "b"]]}]}, "give groups, two names"),
        ({"swaps": [{"name": "x", "words": "gender", "groups": ["a", "b"]}]}, "leave groups out"),
        (
            {"swaps": [{"name": "x", "groups": ["a", "b"], "pairs": [["a", "b"], ["c", "A"]]}]},
            "a stands in the pairs twice",
        ),
        ({"swaps": [GENDER, GENDER]}, "swaps: name gender stands twice"),
        ({"swaps": [{"name": "x", "groups": ["a", "b"], "pairs": [["(", "b"]]}]}, "pattern"),
        ({"gate": {"max_swap_difference": 0.1}}, "there are none: give swaps"),
    ],
)
def test_a_swap_that_cannot_be_made_should_be_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        suite(**changes)


def test_a_swapped_text_that_a_target_cannot_take_should_be_refused_before() -> None:
    swap = {"name": "x", "groups": ["a", "b"], "pairs": [["short", "long " * 19 + "text"]]}
    case = {"id": "a", "variables": {"question": "short " * 100}, "expected": "y"}
    given = suite(targets=[{"kind": "ask", "name": "ask"}], cases=[case], swaps=[swap])
    with pytest.raises(InvalidInput, match=r"case a, swap x, target ask: .* 8192 are the most"):
        check_variables(given, {})


def test_a_suite_with_swaps_should_be_another_one() -> None:
    assert suite_digest(people(6)) != suite_digest(people(6).model_copy(update={"swaps": ()}))


def test_the_interval_of_a_shift_should_be_that_of_paired_proportions_by_hand() -> None:
    # 2 of 20 pairs went up and 6 down: shares 0.1 and 0.3, whose Wilson bounds are 0.0279 to 0.3010
    # and 0.1455 to 0.5190; correlated by -√(0.1·0.3 / (0.9·0.7)) = -0.2182.
    # low  = -0.2 - √(0.0721² + 0.2190² + 2·0.2182·0.0721·0.2190) = -0.2 - 0.2451 = -0.4451
    # high = -0.2 + √(0.2010² + 0.1545² + 2·0.2182·0.2010·0.1545) = -0.2 + 0.2790 = +0.0790
    assert wilson_bounds(0.1, 20) == pytest.approx((0.0279, 0.3010), abs=5e-5)
    assert wilson_bounds(0.3, 20) == pytest.approx((0.1455, 0.5190), abs=5e-5)
    found = paired_shift([1.0] * 2 + [-1.0] * 6 + [0.0] * 12)
    assert (found.mean, found.low, found.high) == pytest.approx((-0.2, -0.4451, 0.0790), abs=2e-4)
    with pytest.raises(InvalidInput, match="not a number"):
        paired_shift([0.0, math.nan])


def test_intervals_of_no_shift_should_hold_0_as_often_as_said() -> None:
    rng = np.random.default_rng(0)
    for draw in (
        lambda: rng.choice([-1.0, 0.0, 1.0], 30, p=[0.1, 0.8, 0.1]),
        lambda: rng.random(30) - rng.random(30),
    ):
        missed = 0
        for _ in range(400):
            found = paired_shift(list(draw()))
            assert found.low is not None
            assert found.high is not None
            missed += not found.low <= 0 <= found.high
        assert missed <= 400 * 0.05 + 3 * math.sqrt(400 * 0.05 * 0.95)
