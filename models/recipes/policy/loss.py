"""Supervised fine-tuning: cross-entropy of what follows a prompt; the prompt itself is given."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch
from models.networks.decoder import log_probabilities
from models.networks.rollouts import Written


def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
    """Return the mean of -log p(token) over the tokens of completions, the end among them, nats."""
    written = Written(*batch)
    told = log_probabilities(network, written.ids) * written.answered
    return {"loss": -told.sum() / written.answered.sum()}
