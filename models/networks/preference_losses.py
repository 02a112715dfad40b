"""Losses and advantages of learning from preferences, as functions of tensors alone."""

from __future__ import annotations

import torch
from torch.nn import functional

_LEAST_SPREAD = 1e-6
_GAIN, _MOST_ERROR = 0.1, 0.2


def bradley_terry(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log sigmoid(chosen - rejected), of scores [n]."""
    return -functional.logsigmoid(chosen - rejected).mean()


def clipped_objective(
    now: torch.Tensor, before: torch.Tensor, advantages: torch.Tensor, clip: float
) -> torch.Tensor:
    """Return -min(r A, clip(r, 1 - clip, 1 + clip) A) per token, with r = exp(now - before)."""
    ratio = torch.exp(now - before)
    bounded = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, bounded * advantages)


def clipped_value_loss(
    now: torch.Tensor, before: torch.Tensor, targets: torch.Tensor, clip: float | None
) -> torch.Tensor:
    """Return the squared error of each token's value, or that of the value held near `before`.

    The greater of (now - target)^2 and (clamp(now, before - clip, before + clip) - target)^2, so
    that going farther than `clip` gains nothing; without `clip` the first alone.

    J. Schulman et al.'s code for https://arxiv.org/abs/1707.06347, and D. Ziegler et al.'s for
    https://arxiv.org/abs/1909.08593; both halve it, which is for the weight to say.
    """
    error = (now - targets).square()
    if clip is None:
        return error
    held = before + (now - before).clamp(-clip, clip)
    return torch.maximum(error, (held - targets).square())


def adapted_beta(beta: float, kl: float, target: float) -> float:
    """Return the weight of the divergence after a step that was `kl` nats from the reference.

    beta (1 + 0.1 clip(kl / target - 1, -0.2, 0.2)): D. Ziegler et al.,
    https://arxiv.org/abs/1909.08593, section 2.2.
    """
    error = min(max(kl / target - 1, -_MOST_ERROR), _MOST_ERROR)
    return beta * (1 + _GAIN * error)


def divergence(now: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return exp(d) - d - 1 of each token, with d = reference - now.

    Its mean over samples of the policy is KL(policy || reference), and it is never negative.

    J. Schulman, http://joschu.net/blog/kl-approx.html; GRPO, equation 4.
    """
    apart = reference - now
    return torch.exp(apart) - apart - 1


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens that `mask` has."""
    return (values * mask).sum() / mask.sum()


def preference_loss(
    chosen: torch.Tensor, rejected: torch.Tensor, beta: float, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the mean of -log sigmoid(beta (chosen - rejected)), of [n] each.

    Arguments are log ratios of policy and reference of whole completions, in nats. `smoothing` is
    the share of pairs that raters are taken to have the wrong way round.

    DPO: R. Rafailov et al., https://arxiv.org/abs/2305.18290, equation 7. Smoothing: E. Mitchell,
    https://ericmitchell.ai/cdpo.pdf, equation 3.
    """
    apart = beta * (chosen - rejected)
    right, wrong = functional.logsigmoid(apart), functional.logsigmoid(-apart)
    return -((1 - smoothing) * right + smoothing * wrong).mean()


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
