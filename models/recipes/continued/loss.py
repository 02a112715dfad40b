"""The mean surprise of the next token, in rows of either domain."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch
from models.networks.adapting import Adapted
from models.networks.decoder import log_probabilities


def loss(model: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean -log p(token | those before it) of rows [n, context + 1]."""
    assert isinstance(model, Adapted)
    return {"loss": -log_probabilities(model.tuned, batch[0]).mean()}
