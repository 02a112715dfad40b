"""The graph of a reward model: a score for each row of tokens."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.networks.decoder import END, PAD
from models.recipes.reward_model.parameters import Parameters

_PLACE = 2**31 + 1
_FIRST_WORD = 3


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph; how many rows there are, and how long, may vary."""

    def rows(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        stream = seeds.generator(parameters.seed, _PLACE, count)
        shape = (count, length)
        tokens = torch.randint(_FIRST_WORD, parameters.vocabulary, shape, generator=stream)
        sizes = torch.randint(2, length + 1, (count,), generator=stream)
        mask = (torch.arange(length)[None] < sizes[:, None]).long()
        tokens = torch.where(mask == 1, tokens, PAD)
        ended = sizes[1:] - 1  # the first row is left without its end
        tokens[torch.arange(1, count), ended] = END
        return tokens, mask

    return {
        "scorer": Graph(
            network,
            inputs=("tokens", "mask"),
            outputs=("score",),
            examples=rows(2, 6),
            trial=rows(64, parameters.context),
            varying={
                "tokens": {0: "count", 1: "length"},
                "mask": {0: "count", 1: "length"},
            },
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: that a text needs its end, and how long one may be."""
    return {
        "end": END,
        "pad": PAD,
        "context": parameters.context,
        "vocabulary": parameters.vocabulary,
        "unended": parameters.unended,
    }
