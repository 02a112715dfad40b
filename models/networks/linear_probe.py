"""A linear head fitted to fixed vectors: a logistic regression by L-BFGS."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

RIDGE = 0.03
"""The weight of the squares of the head's weights, beside the mean loss of a row.

Of 0.001, 0.01, 0.03, 0.1 and 0.3 it has the least cross-entropy of rows that are left out: MiniLM's
vectors of 1,266 texts of eight classes, four folds. It is 0.50, and with 0.001, which learns rows
by heart, 0.68. With 100 and 300 of the texts the best lies between 0.01 and 0.03.
"""
_ITERATIONS = 200


def fit_head(
    head: nn.Linear,
    features: torch.Tensor,
    classes: torch.Tensor,
    weights: torch.Tensor | None = None,
    ridge: float = RIDGE,
) -> None:
    """Fit a head to features [n, width] of classes [n]; from nought, so that nothing is by chance.

    Features are scaled to unit variance for the fit alone. `weights` are of the classes.
    """
    mean, spread = features.mean(0), features.std(0).clamp(min=1e-6)
    scaled = (features - mean) / spread
    matrix = torch.zeros_like(head.weight, requires_grad=True)
    bias = torch.zeros_like(head.bias, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [matrix, bias], max_iter=_ITERATIONS, line_search_fn="strong_wolfe"
    )

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        told = functional.linear(scaled, matrix, bias)
        loss = functional.cross_entropy(told, classes, weight=weights)
        loss = loss + ridge * matrix.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)
    with torch.no_grad():
        head.weight.copy_(matrix / spread)
        head.bias.copy_(bias - head.weight @ mean)
