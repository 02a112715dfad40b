"""What is minimised: PPO's clipped objective, the divergence that GRPO adds, and DPO's loss."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from models.common.supervised import Batch, Loss
from models.networks.decoder import log_probabilities
from models.networks.rollouts import Written
from models.recipes.aligned.network import Aligned
from models.recipes.aligned.parameters import Parameters


def clipped(
    now: torch.Tensor, before: torch.Tensor, advantages: torch.Tensor, clip: float
) -> torch.Tensor:
    """Return -min(r A, clip(r, 1 - clip, 1 + clip) A) of each token, with r = exp(now - before).

    J. Schulman et al., https://arxiv.org/abs/1707.06347, equation 7, as a loss.
    """
    ratio = torch.exp(now - before)
    bounded = ratio.clamp(1 - clip, 1 + clip)
    return -torch.minimum(ratio * advantages, bounded * advantages)


def divergence(now: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
    """Return exp(d) - d - 1 of each token, d = reference - now: its mean over what the policy draws
    is KL(policy || reference), and it is never below 0.

    J. Schulman, http://joschu.net/blog/kl-approx.html; GRPO, equation 4.
    """
    apart = reference - now
    return torch.exp(apart) - apart - 1


def mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean over the tokens that `mask` has."""
    return (values * mask).sum() / mask.sum()


def preference(chosen: torch.Tensor, rejected: torch.Tensor, beta: float) -> torch.Tensor:
    """Return the mean of -log sigmoid(beta (chosen - rejected)), of [n] each: how much likelier the
    policy takes a completion to be than the reference does, in nats.

    DPO: R. Rafailov et al., https://arxiv.org/abs/2305.18290, equation 7.
    """
    return -functional.logsigmoid(beta * (chosen - rejected)).mean()


def direct(parameters: Parameters) -> Loss:
    """Return DPO's loss of batches of chosen and rejected rows, ids, begun and sizes of each."""

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Aligned)
        chosen, rejected = Written(*batch[:3]), Written(*batch[3:])
        ids = torch.cat([chosen.ids, rejected.ids])
        said = torch.cat([chosen.answered, rejected.answered])
        with torch.no_grad():
            before = log_probabilities(network.reference, ids)
        apart = (log_probabilities(network.policy, ids) - before) * said
        liked, other = apart.sum(1).chunk(2)
        return {
            "loss": preference(liked, other, parameters.beta),
            "accuracy": (liked > other).float().mean(),
            "margin": parameters.beta * (liked - other).mean(),
        }

    return loss
