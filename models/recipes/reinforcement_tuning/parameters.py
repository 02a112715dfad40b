"""The settings of reinforcement tuning."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from chalicelib.contracts.evaluations.graders import (
    ContainsMatch,
    ExactMatch,
    GradingBase,
    JsonFieldsMatch,
    JsonSchemaMatch,
    NumericMatch,
    RegexMatch,
)
from models.networks.online_settings import PpoSettings
from models.networks.settings import TuningSettings

ReinforcementMethod = Literal["grpo", "ppo"]
REWARD_CHANNEL = "reward"
"""The channel of the reward model, a version of `reward_tuning`."""


class RewardModelScore(GradingBase):
    """The logistic function of a reward model's score; it knows the prompt and no wanted answer."""

    type: Literal["reward_model"]


AnswerReward = Annotated[
    ExactMatch
    | ContainsMatch
    | RegexMatch
    | JsonSchemaMatch
    | JsonFieldsMatch
    | NumericMatch
    | RewardModelScore,
    Field(discriminator="type"),
]
"""A grader of evaluation suites that needs no model, with the same JSON and the same scores; or a
reward model."""


class Parameters(TuningSettings, PpoSettings):
    """Settings of the method, its rewards, and how many rows judge. `batch` is in answers."""

    method: ReinforcementMethod = "grpo"
    """`grpo` holds the answers to a prompt against each other; `ppo` holds each token of an answer
    against what a value head expected before it."""
    rewards: Annotated[tuple[AnswerReward, ...], Field(min_length=1, max_length=20)] = (
        ExactMatch(type="exact"),
    )
    """What an answer is rewarded by: the mean of the scores, 0 to 1, by their weights. An answer
    that does not come to its end earns nothing."""
    answer_tokens: Annotated[int, Field(ge=1, le=4096)] = 64
    """The most tokens of an answer that is drawn, its end included."""
    temperature: Annotated[float, Field(gt=0, le=2)] = 1.0
    """Of the policy that draws and learns: below 1, likelier tokens are drawn more often, as the
    unlikely ones of a small base seldom earn anything."""
    passes: Annotated[int, Field(ge=1, le=32)] = 1
    """Optimiser steps on what was drawn in a step."""
    judged_rows: Annotated[int, Field(ge=1, le=10_000)] = 200
    """Held-out rows that are answered, at most; the base answers them twice."""

    @property
    def named_bases(self) -> frozenset[str]:
        """Return the channel of the reward model, if the rewards name one."""
        named = any(each.type == "reward_model" for each in self.rewards)
        return frozenset({REWARD_CHANNEL} if named else ())

    @model_validator(mode="after")
    def _has_groups_rewards_and_a_base(self) -> Self:
        self.require_groups(self.method)
        self.require_method(self.method)
        if not any(each.weight for each in self.rewards):
            raise ValueError("rewards: one at least needs a weight above 0")
        if self.way not in ("lora", "prompt_tuning", "prefix_tuning") or self.embeddings:
            raise ValueError(
                f"way: is {self.way}; each step reads the base beside the model, which is the model"
                " without what is tuned: take lora, prompt_tuning or prefix_tuning, without "
                "embeddings"
            )
        if self.dropout:
            raise ValueError("dropout: what learns has to be what draws; leave it out")
        return self
