"""Optimisations from plan to verdict, with answers by a function."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from chalicelib.errors import InvalidInput
from cli.prompts.optimiser.optimisation import SearchSettings
from cli.prompts.optimiser.proposals import HAND_WRITTEN
from cli.prompts.optimiser.report import report_of
from tests.unit.cli.optimiser.world import PRICE, Answers, better_with, content, optimisation, suite


def test_should_find_the_better_wording_and_prove_it_on_held_out_cases() -> None:
    answers = Answers(better_with("only"))
    work = optimisation(answers)
    prepared = work.prepare()
    held_out = {case.id for case in prepared.split.held_out}
    before = len(answers.asked)
    assert not held_out & {case for _, case in answers.asked}
    result = work.run(prepared)
    assert result.beats
    assert result.compared is not None
    assert result.compared.difference.n == len(held_out)
    assert result.verdict().startswith("only beats the hand-written prompt: +0.")
    # Held-out cases are asked last, of two prompts.
    asked = [case in held_out for _, case in answers.asked[before:]]
    assert asked == sorted(asked)
    assert sum(asked) == 2 * len(held_out)
    spent = work.calls.spending
    assert spent.dollars == PRICE * len(answers.asked)
    assert spent.calls == len(answers.asked) <= prepared.plan.answers
    assert spent.dollars <= prepared.plan.dollars


def test_should_report_the_same_for_the_same_seed() -> None:
    reports = []
    for seed in (5, 5, 6):
        work = optimisation(Answers(better_with("careful")), SearchSettings(seed=seed))
        prepared = work.prepare()
        reports.append(report_of("sort", 1, work, prepared, work.run(prepared)))
    assert reports[0] == reports[1]
    assert reports[0] != reports[2]
    assert reports[0]["cases"]["held_out"] == reports[2]["cases"]["held_out"]


def test_should_ask_no_held_out_case_where_nothing_is_better() -> None:
    answers = Answers(better_with("no proposal has this"))
    work = optimisation(answers)
    prepared = work.prepare()
    result = work.run(prepared)
    assert (result.search.winner.name, result.compared) == (HAND_WRITTEN, None)
    assert not result.beats
    assert "No proposal was better" in result.verdict()


def test_should_say_that_a_winner_by_luck_did_not_beat() -> None:
    held_out = {case.id for case in optimisation(Answers(better_with("x"))).check().held_out}

    work = optimisation(
        Answers(
            lambda prompt, case: (
                "even" if case.id in held_out else better_with("only")(prompt, case)
            )
        )
    )
    result = work.run(work.prepare())
    assert result.changed
    assert not result.beats
    assert "only did not beat the hand-written prompt: +0.000 on" in result.verdict()


def test_should_refuse_a_budget_below_one_full_round_and_name_the_least() -> None:
    answers = Answers(better_with("only"))
    work = optimisation(answers, SearchSettings(budget=Decimal("0.01")))
    with pytest.raises(InvalidInput, match="One full round takes about") as refused:
        work.prepare()
    assert len(answers.asked) == 1
    least = Decimal(refused.value.limit or "")
    enough = optimisation(
        Answers(better_with("only")), SearchSettings(budget=least * Decimal("1.1"))
    )
    assert enough.run(enough.prepare()).compared is not None


def test_should_compare_the_best_so_far_when_the_budget_ends_in_the_middle() -> None:
    answers = Answers(better_with("only"))
    work = optimisation(answers)
    prepared = work.prepare()
    budget = prepared.plan.least
    answers = Answers(better_with("only"))
    work = optimisation(answers, SearchSettings(budget=budget))
    result = work.run(work.prepare())
    assert work.calls.spending.dollars <= budget
    assert result.beats
    if result.ended:
        assert "The budget is used up" in result.ended


def test_should_keep_what_was_paid_when_money_ends_among_held_out_cases() -> None:
    answers = Answers(better_with("only"))
    work = optimisation(answers)
    prepared = work.prepare()
    answers.funds = PRICE * (prepared.plan.selection_answers + 9)
    result = work.run(prepared)
    assert result.ended
    assert not result.beats
    assert result.verdict().startswith("Undecided, 20 held-out cases are the fewest")
    assert work.calls.spending.dollars == PRICE * len(answers.asked)


def test_should_not_ask_twice_what_a_cache_has() -> None:
    answers = Answers(better_with("only"))
    work = optimisation(answers)
    first = work.run(work.prepare())
    asked = len(answers.asked)
    again = replace(work)
    assert again.run(again.prepare()).compared == first.compared
    assert len(answers.asked) == asked


def test_should_refuse_a_suite_that_does_not_fit_before_anything_is_asked() -> None:
    answers = Answers(better_with("only"))
    cases = [{"id": f"c{n}", "variables": {"txt": f"{n}"}, "expected": "x"} for n in range(60)]
    with pytest.raises(InvalidInput, match="case c0, target prompt"):
        optimisation(answers, given=suite(cases=cases)).prepare()
    with pytest.raises(InvalidInput, match="no grader similarity"):
        optimisation(answers, given=suite(graders=[{"type": "similarity"}])).prepare()
    with pytest.raises(InvalidInput, match="held out"):
        optimisation(answers, given=suite(12)).prepare()
    drawing = replace(optimisation(answers), content=content(image={}))
    with pytest.raises(InvalidInput, match="draws pictures"):
        drawing.prepare()
    assert not answers.asked


def test_should_score_a_model_that_loops_as_failed_and_go_on() -> None:
    from chalicelib.errors import InvalidInput as CutOff

    def reply(prompt: object, case: object) -> str:
        raise CutOff("It did not fit into max_tokens.", field="max_tokens")

    work = optimisation(Answers(reply))
    result = work.run(work.prepare())
    assert result.search.standings[0].mean == 0.0
    assert result.search.winner.name == HAND_WRITTEN
