"""What the language model learns: to use what stands before, first of words and then of answers."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch, Loss
from models.networks.language import Language
from models.networks.prompts import (
    answered,
    cross_entropy,
    in_a_row,
    learned,
    one_each,
    recombined,
    shuffled,
)
from models.recipes.shape_language.parameters import Parameters


def objective(parameters: Parameters) -> Loss:
    """Return the loss: -log p of a token, in nats, of two kinds of rows, added.

    Both are of answers that are recombined: texts know every pair, also those that no picture has.
    `asked` is of answers to a question after the words that describe a thing, shuffled, some
    unknown. `in_a_row` is of answers of one kind, one after another: which kind, the first tells.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Language)
        told, questions = recombined(*batch)
        asked = _asked(network, shuffled(told, parameters.lost), one_each(questions))
        row = in_a_row(_alike(told, parameters.pictures))
        following = network.after(row.new_zeros((len(row), 0, network.width)), row)
        together = cross_entropy(following, answered(row))
        return {"loss": asked + together, "asked": asked, "in_a_row": together}

    return loss


def _asked(network: Language, context: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    return cross_entropy(network.after(network.vectors(context), rows), learned(rows))


def _alike(told: torch.Tensor, count: int) -> torch.Tensor:
    """Return answers of one attribute a row, [n, count], of things by chance."""
    size, attributes = told.shape
    things = torch.randint(size, (size, count)).to(told.device)
    attribute = torch.randint(attributes, (size, 1)).to(told.device)
    return told[things, attribute]
