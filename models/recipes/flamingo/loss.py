"""What Flamingo learns: to answer of a picture what was answered of those before it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch, Loss
from models.networks.prompts import answered, cross_entropy, in_a_row
from models.recipes.flamingo.network import Flamingo
from models.recipes.flamingo.parameters import Parameters


def objective(parameters: Parameters) -> Loss:
    """Return the loss: -log p of an answer, in nats, the mean over all pictures of rows.

    A row has pictures of the batch by chance, one for each shot and one more, and their answers for
    one attribute by chance. Which one it is, no word says: the answers before tell. The first
    answer of a row is learned too (Alayrac et al., equation 1: every token is).
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Flamingo)
        features, told = batch
        latents = network.resample(features)
        pictures, answers = rows(told, parameters.shots + 1)
        tokens = in_a_row(answers)
        return {"loss": cross_entropy(network(latents[pictures], tokens), answered(tokens))}

    return loss


def rows(told: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return rows of pictures and their answers, [n, count] each, of answers [n, attributes].

    The last picture of row i is picture i. Chance comes from torch's global stream.
    """
    size, attributes = told.shape
    others = torch.randint(size, (size, count - 1))
    pictures = torch.cat([others, torch.arange(size)[:, None]], dim=1).to(told.device)
    attribute = torch.randint(attributes, (size, 1)).to(told.device)
    return pictures, told[pictures, attribute]
