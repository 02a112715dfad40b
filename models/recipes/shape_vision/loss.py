"""What the tower learns: the words of captions, in any order, whatever the colour.

A. Joulin et al., Learning visual features from large weakly supervised data, 2016,
https://arxiv.org/abs/1511.02251. Each word is a yes or no of its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional

from models.common.questions import Described
from models.common.supervised import Batch, Loss
from models.common.words import Words
from models.networks.recolouring import recoloured


def said(words: Words, described: Sequence[Described], vocabulary: int) -> torch.Tensor:
    """Return [n, vocabulary]: 1 where a word is in the caption, else 0."""
    found = torch.zeros(len(described), vocabulary)
    for row, each in enumerate(described):
        found[row, words.ids(each.caption)] = 1
    return found


def objective(colours: torch.Tensor, share: float) -> Loss:
    """Return the loss: binary cross-entropy, nats, the sum over words, the mean over pictures.

    A `share` of the pictures has its colour channels in another order and is asked for all words
    but `colours`, [vocabulary], 1 where one is. The others are asked for these alone.
    """

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        pixels, wanted = batch
        other = torch.rand(len(pixels)) < share
        asked = colours.to(pixels.device)
        counted = torch.where(other[:, None].to(pixels.device), 1 - asked, asked)
        told = functional.binary_cross_entropy_with_logits(
            network(recoloured(pixels, other)), wanted, counted, reduction="sum"
        )
        return {"loss": told / len(pixels)}

    return loss
