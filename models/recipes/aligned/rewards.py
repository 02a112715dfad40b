"""What a completion is rewarded for: several terms, each with its weight."""

from __future__ import annotations

from collections.abc import Callable

import torch

from models.networks.decoder import PAD
from models.networks.rollouts import Written
from models.networks.scorer import Scorer
from models.recipes.aligned.parameters import Parameters

Reward = Callable[[Written], torch.Tensor]
"""Returns a number for each row, [n]."""


def rewards(scorer: Scorer, parameters: Parameters) -> Reward:
    """Return the weighted sum of the reward model's score, of length and of repetition."""
    p = parameters

    def reward(written: Written) -> torch.Tensor:
        with torch.no_grad():
            score = scorer(written.ids, written.mask)
        costs = p.of_length * length(written, p.most) + p.of_repetition * repetition(written)
        total: torch.Tensor = p.of_model * score - costs
        return total

    return reward


def length(written: Written, most: int) -> torch.Tensor:
    """Return the tokens of each completion as a share of `most`, [n]."""
    return written.answered.sum(1) / most


def repetition(written: Written) -> torch.Tensor:
    """Return the share of each completion's tokens that the completion has already, [n]."""
    said = written.ids[:, 1:] * written.answered.long()
    same = (said[:, :, None] == said[:, None, :]) & (said != PAD)[:, :, None]
    before = torch.ones(said.shape[1], said.shape[1], device=said.device).tril(-1).bool()
    again = (same & before).any(2).float()
    return again.sum(1) / written.answered.sum(1).clamp(min=1)
