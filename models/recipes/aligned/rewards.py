"""Rewards of completions, and three estimates of advantages."""

from __future__ import annotations

from collections.abc import Callable

import torch

from models.data.text import PAD
from models.networks.rollouts import CompletionRows, RewardScorer
from models.recipes.aligned.parameters import Parameters

RewardFunction = Callable[[CompletionRows], torch.Tensor]
"""Returns a number for each row, [n]."""


def reward_function(scorer: RewardScorer, parameters: Parameters) -> RewardFunction:
    """Return the weighted sum of the reward model's score, of length and of repetition."""
    p = parameters

    def reward(written: CompletionRows) -> torch.Tensor:
        with torch.no_grad():
            score = scorer(written.ids, written.mask)
        costs = p.of_length * length(written, p.most) + p.of_repetition * repetition(written)
        total: torch.Tensor = p.of_model * score - costs
        return total

    return reward


def length(written: CompletionRows, most: int) -> torch.Tensor:
    """Return the tokens of each completion as a share of `most`, [n]."""
    return written.answered.sum(1) / most


def repetition(written: CompletionRows) -> torch.Tensor:
    """Return the share of each completion's tokens that repeat earlier ones, [n]."""
    said = written.ids[:, 1:] * written.answered.long()
    same = (said[:, :, None] == said[:, None, :]) & (said != PAD)[:, :, None]
    before = torch.ones(said.shape[1], said.shape[1], device=said.device).tril(-1).bool()
    again = (same & before).any(2).float()
    return again.sum(1) / written.answered.sum(1).clamp(min=1)
