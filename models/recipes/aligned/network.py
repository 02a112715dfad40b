"""The policy with all that it is trained by, so that judging and export need no base."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from models.networks.decoder import decoder
from models.networks.scorer import Scorer
from models.recipes.aligned.parameters import Parameters


class Value(nn.Module):
    """What the reward will be, told from a hidden state; 0 in the beginning."""

    def __init__(self, width: int) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return [n, length] of hidden states [n, length, width], which learn nothing by it."""
        told: torch.Tensor = self.layers(hidden.detach())
        return told.squeeze(2)


class Aligned(nn.Module):
    """A policy that learns, a copy that stays as it was, a reward model, and a value head."""

    def __init__(self, parameters: Parameters) -> None:
        """Make all four; weights are drawn from torch's global stream."""
        super().__init__()
        self.policy = decoder(parameters)
        self.reference = decoder(parameters).requires_grad_(False)
        self.reward = Scorer(parameters, unended=0.0).requires_grad_(False)
        self.value = Value(parameters.width)

    def read(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the policy's log p(token | those before it), and what the value head expects
        before each; both are [n, length - 1] of ids [n, length], entry i of token i + 1.
        """
        hidden = self.policy.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        told = functional.log_softmax(self.policy.lm_head(hidden), dim=2)
        chosen = told.gather(2, ids[:, 1:, None]).squeeze(2)
        return chosen, self.value(hidden)
