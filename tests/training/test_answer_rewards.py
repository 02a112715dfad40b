"""Rewards of answers, and the gates that refuse what games them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from models.datasets import party_sizes
from models.evaluation.answers import f1_over_chance, score_answers
from models.recipes.instruction_tuning.answered_rows import AnsweredRows, WrittenAnswers
from models.recipes.reinforcement_tuning.rewards import (
    DrawnAnswer,
    answer_rewards,
    reward_numbers,
)
from models.training.gates import missed_gates
from models.training_data.row_groups import row_groups
from tests.training.coloured_chats import COLOURS, GATES, rows, settings


@pytest.mark.parametrize(
    ("rule", "text", "wanted", "reward"),
    [
        ({"type": "exact", "ignore_case": True}, " FOUR ", "four", 1.0),
        ({"type": "numeric"}, "a table for 4 people", "4", 1.0),
        ({"type": "numeric"}, "1 2 3 4 5", "4", 0.0),
        ({"type": "numeric", "relative": 0.1}, "1,050", "1000", 1.0),
        ({"type": "regex", "pattern": "^[0-9]+$"}, "44", "4", 1.0),
        ({"type": "json_schema", "json_schema": {"required": ["a"]}}, '{"a": 1}', "", 1.0),
        ({"type": "json_schema", "json_schema": {"required": ["a"]}}, '{"a": 1} b', "", 0.0),
        ({"type": "json_fields"}, '{"a": 1, "b": 3}', '{"a": 1, "b": 2}', 0.5),
        ({"type": "contains", "none": ["sorry"]}, "Sorry, 4", "4", 0.0),
    ],
)
def test_rewards_should_be_those_of_suites(
    rule: dict[str, Any], text: str, wanted: str, reward: float
) -> None:
    rewards = answer_rewards(settings(rewards=[rule]).rewards)
    assert rewards([DrawnAnswer(text, True, wanted)]) == [reward]
    assert rewards([DrawnAnswer(text, False, wanted)]) == [0.0]


def test_rewards_should_be_weighed() -> None:
    rules = [{"type": "exact", "weight": 3}, {"type": "regex", "pattern": "[0-9]"}]
    rewards = answer_rewards(settings(rewards=rules).rewards)
    told = rewards([DrawnAnswer(text, True, "4") for text in ("4", "5", "five")])
    assert told == [1.0, 0.25, 0.0]


def judged(texts: Sequence[str], ended: bool = True, chance: str = "") -> dict[str, float]:
    """Return the numbers of held-out rows that a tuned model answers by `texts`, at no distance."""
    wanted = [COLOURS[at % 4] for at in range(len(texts))]

    def written(each: Sequence[str], done: bool) -> WrittenAnswers:
        return WrittenAnswers(tuple(each), score_answers(each, wanted), (done,) * len(each))

    nothing = written([chance] * len(wanted), True)
    asked, own = rows(range(len(wanted) // 4)), written(texts, ended)
    found = AnsweredRows(asked, row_groups(asked), wanted, (), own, nothing, nothing, {})
    rewards = answer_rewards(
        settings(rewards=[{"type": "regex", "pattern": "^[a-z]+$"}, {"type": "exact"}]).rewards
    )
    return {**found.numbers(), **reward_numbers(found, rewards)[0], "kl_by_token_high": 0.5}


def test_gates_should_take_what_learned_and_refuse_what_games_the_reward() -> None:
    right = [COLOURS[at % 4] for at in range(40)]
    assert missed_gates(GATES, judged(right)) == []
    # The form alone, whatever is asked: it earns more than the base, and answers nothing.
    form = judged(["red"] * 40)
    assert form["reward_gain_low"] > 0.5
    assert [each.split()[0] for each in missed_gates(GATES, form)] == ["f1_over_chance_low"]
    # Right answers that never end earn nothing.
    endless = judged(right, ended=False)
    assert endless["reward"] == 0
    names = [each.split()[0] for each in missed_gates(GATES, endless)]
    assert names == ["reward_gain_low", "ended_gain_low"]
    # What answers as the base does has gained nothing.
    names = [each.split()[0] for each in missed_gates(GATES, judged(["red"] * 40, chance="red"))]
    assert names == ["reward_gain_low", "f1_over_chance_low"]
    far = {**judged(right), "kl_by_token_high": 3.1}
    assert [each.split()[0] for each in missed_gates(GATES, far)] == ["kl_by_token_high"]
    numbers = dict.fromkeys(GATES, float("nan"))
    assert len(missed_gates(GATES, numbers)) == len(GATES)
    assert float(np.mean(f1_over_chance(["red"] * 8, [*COLOURS] * 2))) <= 0


def test_the_shipped_examples_should_be_in_no_row() -> None:
    train, test = party_sizes.examples()
    assert len(train) == 400
    assert {row.messages[-1].content for row in test} <= {row.messages[-1].content for row in train}
    shown = {answer for _, answer in party_sizes.EXAMPLES}
    assert not shown & {row.messages[-1].content for row in (*train, *test)}
    assert not {row.messages[-2] for row in train} & {row.messages[-2] for row in test}
