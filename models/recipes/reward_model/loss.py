"""The Bradley-Terry loss: the odds that one text is liked better are exp of how far its score is
above the other's.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from models.common.supervised import Batch, Loss
from models.networks.rollouts import Written
from models.recipes.reward_model.parameters import Parameters


def objective(parameters: Parameters) -> Loss:
    """Return the loss of batches of chosen and rejected rows, ids, begun and sizes of each.

    -log sigmoid(chosen - rejected), L. Ouyang et al., equation 1, plus centre times
    (chosen + rejected)^2, J. Eisenstein et al., https://arxiv.org/abs/2312.09244; means over pairs.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        chosen, rejected = Written(*batch[:3]), Written(*batch[3:])
        ids, mask = torch.cat([chosen.ids, rejected.ids]), torch.cat([chosen.mask, rejected.mask])
        liked, other = network(ids, mask).chunk(2)
        apart = bradley_terry(liked, other)
        return {
            "loss": apart + parameters.centre * (liked + other).square().mean(),
            "accuracy": (liked > other).float().mean(),
            "margin": (liked - other).mean(),
        }

    return loss


def bradley_terry(chosen: torch.Tensor, rejected: torch.Tensor) -> torch.Tensor:
    """Return the mean of -log sigmoid(chosen - rejected), of scores [n]."""
    return -functional.logsigmoid(chosen - rejected).mean()
