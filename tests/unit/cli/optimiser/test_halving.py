"""Successive halving, and the proposals that it chooses from."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.errors import InvalidInput
from cli.prompts.optimiser.proposals import (
    HAND_WRITTEN,
    PromptProposal,
    WorkedCase,
    propose,
    with_examples,
)
from cli.prompts.optimiser.rounds import (
    HalvingRound,
    plan_rounds,
    planned_answers,
    search,
)
from cli.prompts.optimiser.scoring import SearchEnded
from tests.unit.cli.optimiser.world import content, suite

PROPOSALS = tuple(
    PromptProposal(name, content(description=name)) for name in (HAND_WRITTEN, *"abcdefgh")
)
CASES = suite(24).cases


@pytest.mark.parametrize(
    ("proposals", "cases", "rounds"),
    [
        (12, 21, [(12, 7), (4, 21)]),
        (27, 60, [(27, 7), (9, 20), (3, 60)]),
        (2, 30, [(2, 30)]),
        (9, 6, [(9, 6)]),
    ],
)
def test_should_plan_rounds_that_end_on_all_cases(
    proposals: int, cases: int, rounds: list[tuple[int, int]]
) -> None:
    assert plan_rounds(proposals, cases) == tuple(HalvingRound(*each) for each in rounds)


def test_should_ask_what_was_planned_and_choose_the_best() -> None:
    asked: list[tuple[str, str]] = []

    def score(proposal: PromptProposal, cases: Sequence[SuiteCase]) -> dict[str, float]:
        asked.extend((proposal.name, case.id) for case in cases)
        return dict.fromkeys([case.id for case in cases], 0.9 if proposal.name == "e" else 0.5)

    found = search(PROPOSALS, CASES, score, seed=3)
    assert found.winner.name == "e"
    assert len(asked) == len(set(asked)) == planned_answers(plan_rounds(9, 24))
    # The hand-written prompt is in every round, though others are no worse.
    assert sum(name == HAND_WRITTEN for name, _ in asked) == 24


def test_should_leave_the_hand_written_prompt_where_nothing_is_better() -> None:
    found = search(
        PROPOSALS, CASES, lambda proposal, cases: dict.fromkeys([c.id for c in cases], 0.5), seed=3
    )
    assert found.winner.name == HAND_WRITTEN


def test_should_decide_by_the_last_whole_round_when_money_ends() -> None:
    rounds = plan_rounds(9, 24)

    def score(proposal: PromptProposal, cases: Sequence[SuiteCase]) -> dict[str, float]:
        if len(cases) > rounds[0].cases:
            raise SearchEnded("no money")
        return dict.fromkeys([case.id for case in cases], float(proposal.name == "b"))

    found = search(PROPOSALS, CASES, score, seed=3)
    assert (found.winner.name, found.ended) == ("b", "no money")


def test_should_propose_the_same_for_a_seed_and_keep_the_callers_own() -> None:
    worked = [WorkedCase(case, case.expected or "") for case in CASES[:6]]
    first = propose(content(), worked, 12, 1, ["Which is {{ text }}?"])
    assert first == propose(content(), worked, 12, 1, ["Which is {{ text }}?"])
    assert first != propose(content(), worked, 12, 2, ["Which is {{ text }}?"])
    assert [each.name for each in first[:2]] == [HAND_WRITTEN, "your instruction 1"]
    assert len(first) == 12
    assert any(each.content.turns[-1].examples for each in first)
    assert any(each.content.role for each in first)
    with pytest.raises(InvalidInput, match=r"has to use \{\{ text \}\}"):
        propose(content(), worked, 12, 1, ["Which is it?"])
    with pytest.raises(InvalidInput, match="txet"):
        propose(content(), worked, 12, 1, ["Which is {{ txet }}?"])


def test_should_give_examples_to_prompts_of_one_turn_only() -> None:
    worked = [WorkedCase(CASES[0], "even")]
    made = with_examples(content(), worked)
    assert made is not None
    (example,) = made.turns[-1].examples
    assert (example.variables, example.output) == ({"text": "number 0"}, "even")
    two = content(turns=[{"name": "plan", "template": "{{ text }}"}, {"template": "{{ plan }}"}])
    assert with_examples(two, worked) is None
    assert with_examples(content(turns=[{"template": "x", "reasoning": True}]), worked) is None
