"""Rewards of answers: by the graders of evaluation suites, and by a reward model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from chalicelib.contracts.evaluations.results import TargetAnswer
from chalicelib.contracts.evaluations.suites import SuiteCase
from chalicelib.errors import HeadraceError
from chalicelib.evaluation.graders.base import GradedSample, Grader, make_grade
from chalicelib.evaluation.graders.matches import (
    ContainsGrader,
    ExactGrader,
    JsonFieldsGrader,
    JsonSchemaGrader,
    RegexGrader,
)
from chalicelib.evaluation.graders.numbers import NumericGrader
from chalicelib.generation.patterns import PatternError, compile_pattern
from chalicelib.generation.schemas import require_schema
from models.evaluation.intervals import Values, group_means, mean_interval
from models.failures import BadData, BadRecipe
from models.training_data.rows import ChatTurn

if TYPE_CHECKING:
    from chalicelib.evaluation.graders.base import GradingServices
    from models.recipes.instruction_tuning.answered_rows import AnsweredRows
    from models.recipes.reinforcement_tuning.parameters import AnswerReward

_GRADERS: Mapping[str, Callable[[Any], Grader]] = {
    "exact": ExactGrader,
    "contains": ContainsGrader,
    "regex": RegexGrader,
    "json_schema": JsonSchemaGrader,
    "json_fields": JsonFieldsGrader,
    "numeric": NumericGrader,
}
# What can be verified asks no model.
_NO_SERVICES = cast("GradingServices", None)


@dataclass(frozen=True, slots=True)
class DrawnAnswer:
    """An answer as it is rewarded: the text, whether it came to its end, what is wanted, and the
    conversation before it.
    """

    text: str
    ended: bool
    wanted: str
    prompt: Sequence[ChatTurn] = ()


class RewardSource(Protocol):
    """Scores answers to conversations."""

    def rewards(self, prompts: Sequence[Sequence[ChatTurn]], answers: Sequence[str]) -> list[float]:
        """Return the reward of each answer, 0 to 1."""


AnswerRewards = Callable[[Sequence[DrawnAnswer]], Sequence[float]]
"""Returns the reward of each answer."""


def answer_rewards(
    rules: Sequence[AnswerReward], reward_model: RewardSource | None = None
) -> AnswerRewards:
    """Return the mean score of answers by rules and their weights, 0 to 1.

    An answer without its end earns nothing, so that going on and on never pays.
    """
    total = sum(rule.weight for rule in rules)

    def rewards(answers: Sequence[DrawnAnswer]) -> Sequence[float]:
        ended = [answer for answer in answers if answer.ended]
        earned = np.zeros(len(ended))
        for rule in rules:
            earned += rule.weight * np.array(_scores(rule, ended, reward_model))
        scores = iter((earned / total).tolist())
        return [next(scores) if answer.ended else 0.0 for answer in answers]

    return rewards


def _scores(
    rule: AnswerReward, answers: Sequence[DrawnAnswer], reward_model: RewardSource | None
) -> Sequence[float]:
    if rule.type == "reward_model":
        assert reward_model is not None
        prompts = [answer.prompt for answer in answers]
        found = reward_model.rewards(prompts, [answer.text for answer in answers])
        return [1 - each for each in found] if rule.negate else found
    grader, threshold = _GRADERS[rule.type](rule), getattr(rule, "threshold", 1.0)
    return [
        make_grade(rule, grader.score(_sample(answer), _NO_SERVICES), threshold).score
        for answer in answers
    ]


def _sample(answer: DrawnAnswer) -> GradedSample:
    case = SuiteCase(id="row", expected=answer.wanted)
    return GradedSample(case, TargetAnswer(text=answer.text))


def require_rules(rules: Sequence[AnswerReward]) -> None:
    """Raise BadRecipe for a pattern or a JSON Schema that can't be used."""
    for place, rule in enumerate(rules):
        try:
            if rule.type == "regex":
                compile_pattern(rule.pattern)
            if rule.type == "json_schema" and rule.json_schema is not None:
                require_schema(rule.json_schema, "json_schema")
        except PatternError as error:
            raise BadRecipe(f"rewards.{place}.pattern: can't be used: {error}.") from error
        except HeadraceError as error:
            raise BadRecipe(f"rewards.{place}: {error.message}") from error


def require_earnable(rules: Sequence[AnswerReward], wanted: Sequence[str], part: str) -> None:
    """Raise BadData for a row whose own wanted answer earns nothing, or can't be verified.

    Such a row teaches that all answers are alike, and is mostly a mistake in a rule. What a reward
    model says of wanted answers is its own affair.
    """
    verifiable = [rule for rule in rules if rule.type != "reward_model" and rule.weight]
    if not verifiable:
        return
    rewards = answer_rewards(verifiable)
    for number, text in enumerate(wanted, 1):
        try:
            (earned,) = rewards([DrawnAnswer(text, True, text)])
        except HeadraceError as error:
            raise BadData(f"{part}.jsonl, line {number}: rewards: {error.message}") from error
        if not earned > 0:
            raise BadData(
                f"{part}.jsonl, line {number}: rewards: the wanted answer earns nothing itself: "
                f"{text[:80]!r}. Mend the answer, or the rewards."
            )


def reward_numbers(
    answered: AnsweredRows, rewards: AnswerRewards
) -> tuple[dict[str, float], Values]:
    """Return what held-out answers earn and how many end, and the reward of each group of rows.

    Intervals are of 95 %, over groups.
    """
    ways = {"": answered.tuned, "zero_shot_": answered.zero_shot, "few_shot_": answered.few_shot}
    prompts = [row.messages[:-1] for row in answered.rows]
    earned: dict[str, Values] = {}
    for prefix, written in ways.items():
        rows = zip(written.texts, written.ended, answered.wanted, prompts, strict=True)
        each = np.array(rewards([DrawnAnswer(*row) for row in rows]), np.float64)
        earned[prefix] = group_means(each, answered.groups)
    found: dict[str, float] = {}
    for prefix, values in earned.items():
        found |= mean_interval(values).numbers(f"{prefix}reward")
    better = max((earned["zero_shot_"], earned["few_shot_"]), key=np.mean)
    found |= mean_interval(earned[""] - better).numbers("reward_gain")
    ended, of_base = (
        group_means(np.array(each.ended, np.float64), answered.groups)
        for each in (ways[""], ways["zero_shot_"])
    )
    found |= {"ended": float(ended.mean()), "zero_shot_ended": float(of_base.mean())}
    return {**found, **mean_interval(ended - of_base).numbers("ended_gain")}, earned[""]
