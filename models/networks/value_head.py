"""The value head of PPO: what a policy's hidden states let one expect of the reward."""

from __future__ import annotations

import torch
from torch import nn


class ValueHead(nn.Module):
    """Predicts the reward from a hidden state of the policy; begins with 0.

    The policy is its trunk, so that nothing is read twice, and its gradient ends at the hidden
    state, so that the policy learns of its objective alone.
    """

    def __init__(self, width: int) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))
        nn.init.zeros_(self.layers[-1].weight)
        nn.init.zeros_(self.layers[-1].bias)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return values [n, length] of hidden states [n, length, width], in fp32."""
        with torch.autocast(hidden.device.type, enabled=False):
            told: torch.Tensor = self.layers(hidden.detach().float())
        return told.squeeze(2)
