"""What is minimised: the cross-entropy of each of the three classifiers."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from models.common.supervised import Batch
from models.recipes.late_fusion.network import Classifiers


def loss(network: torch.nn.Module, batch: Batch, _: int) -> Mapping[str, torch.Tensor]:
    """Return the sum of the three, which share no weights, and each, means of a batch in nats."""
    assert isinstance(network, Classifiers)
    image, tokens, labels = batch
    parts = {
        name: functional.cross_entropy(logits, labels)
        for name, logits in network(image, tokens).items()
    }
    return {"loss": torch.stack(list(parts.values())).sum(), **parts}
