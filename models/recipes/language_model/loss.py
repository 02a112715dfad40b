"""The mean surprise of the next token."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch
from models.networks.decoder import log_probabilities


def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the cross-entropy of rows [n, context + 1]: the mean of -log p(token | those before).

    Y. Bengio et al., A neural probabilistic language model, 2003,
    https://www.jmlr.org/papers/v3/bengio03a.html
    """
    return {"loss": -log_probabilities(network, batch[0]).mean()}
