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


_LEAST_SPREAD = 1e-6


def generalised_advantages(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Return generalised advantages without discount, [n, length], 0 where `mask` is.

    The sum over later tokens of smoothing^k (reward + next value - value).
    J. Schulman et al., https://arxiv.org/abs/1506.02438, equation 16.
    """
    inside = values * mask
    after = torch.cat([inside[:, 1:], torch.zeros_like(inside[:, :1])], dim=1)
    surprise = (rewards + after - values) * mask
    found, carried = torch.zeros_like(surprise), torch.zeros_like(surprise[:, 0])
    for at in reversed(range(surprise.shape[1])):
        carried = surprise[:, at] + smoothing * carried
        found[:, at] = carried
    return found * mask


def leave_one_out(rewards: torch.Tensor, samples: int) -> torch.Tensor:
    """Return each reward less the mean of the others of its prompt, [n]: neighbouring rows.

    RLOO: A. Ahmadian et al., https://arxiv.org/abs/2402.14740, equation 9.
    """
    groups = rewards.view(-1, samples)
    others = (groups.sum(1, keepdim=True) - groups) / (samples - 1)
    return (groups - others).flatten()


def group_relative(rewards: torch.Tensor, samples: int) -> torch.Tensor:
    """Return each reward less the mean of its prompt's, over the deviation of the batch, [n].

    GRPO: Z. Shao et al., https://arxiv.org/abs/2402.03300, section 4.1.2, which divides by the
    deviation of each prompt's. Then what hardly differs counts as much as what differs a lot, and a
    policy that does well already learns the reward model's whims. For the batch's see
    https://arxiv.org/abs/2508.08221.
    """
    groups = rewards.view(-1, samples)
    apart = groups - groups.mean(1, keepdim=True)
    return (apart / (rewards.std() + _LEAST_SPREAD)).flatten()


def whiten(advantages: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return advantages with mean 0 and deviation 1 over the tokens that `mask` has."""
    mean = (advantages * mask).sum() / mask.sum()
    spread = (((advantages - mean) * mask).square().sum() / mask.sum()).sqrt()
    return (advantages - mean) / (spread + _LEAST_SPREAD) * mask
