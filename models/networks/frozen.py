"""Networks inside of others: their weights by name, and how much of the whole is trained."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn


def below(prefix: str, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights whose names begin with `prefix`, by what comes after it."""
    return {
        name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)
    }


def trainable_share(network: nn.Module) -> float:
    """Return the share of all weights that training changes, those of frozen parts among all."""
    sizes = [(int(each.numel()), bool(each.requires_grad)) for each in network.parameters()]
    return sum(size for size, trained in sizes if trained) / sum(size for size, _ in sizes)
