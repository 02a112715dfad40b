"""The aligned policy with its reference, reward and value networks, and the losses.

The network holds all of them, so that evaluation and export need no base.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

from models.networks.decoder import decoder, log_probabilities
from models.networks.preference_losses import preference_loss
from models.networks.rollouts import CompletionRows, RewardScorer
from models.networks.value_head import ValueHead
from models.recipes.aligned.parameters import Parameters
from models.training.supervised_task import Batch, Loss


class AlignedPolicy(nn.Module):
    """A policy that learns, a copy that stays as it was, a reward model, and a value head."""

    def __init__(self, parameters: Parameters) -> None:
        """Make all four; weights are drawn from torch's global stream."""
        super().__init__()
        self.policy = decoder(parameters)
        self.reference = decoder(parameters).requires_grad_(False)
        self.reward = RewardScorer(parameters, unended=0.0).requires_grad_(False)
        self.value = ValueHead(parameters.width)

    def read(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return log p(token | those before it), and the values before each token.

        Both are [n, length - 1] of ids [n, length]; entry i is of token i + 1.
        """
        hidden = self.policy.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        told = functional.log_softmax(self.policy.lm_head(hidden), dim=2)
        chosen = told.gather(2, ids[:, 1:, None]).squeeze(2)
        return chosen, self.value(hidden)


def dpo_loss(parameters: Parameters) -> Loss:
    """Return DPO's loss of batches of chosen and rejected rows, ids, begun and sizes of each."""

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, AlignedPolicy)
        chosen, rejected = CompletionRows(*batch[:3]), CompletionRows(*batch[3:])
        ids = torch.cat([chosen.ids, rejected.ids])
        said = torch.cat([chosen.answered, rejected.answered])
        with torch.no_grad():
            before = log_probabilities(network.reference, ids)
        apart = (log_probabilities(network.policy, ids) - before) * said
        liked, other = apart.sum(1).chunk(2)
        return {
            "loss": preference_loss(liked, other, parameters.beta),
            "accuracy": (liked > other).float().mean(),
            "margin": parameters.beta * (liked - other).mean(),
        }

    return loss
