"""The mean surprise of answers' tokens; those of prompts are read and not learned."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch.nn import functional

from models.common.supervised import Batch, Loss
from models.networks.adapting import Adapted
from models.recipes.adapted.network import thaw
from models.recipes.adapted.parameters import Parameters


def objective(parameters: Parameters) -> Loss:
    """Return the loss of rows of tokens, [n, length], and masks of what of them is an answer."""

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Adapted)
        thaw(network, parameters, number)
        tokens, answers = batch
        told = network(tokens[:, :-1]).transpose(1, 2)
        each = functional.cross_entropy(told, tokens[:, 1:], reduction="none")
        counted = answers[:, 1:]
        return {"loss": (each * counted).sum() / counted.sum()}

    return loss
