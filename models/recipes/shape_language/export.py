"""The graph of the language model: the logits of the next token."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.common.words import BEGIN, END, IMAGE
from models.networks.language import Language
from models.recipes.shape_language.parameters import Parameters

_PLACE = 2**31 + 1


class _Next(nn.Module):
    def __init__(self, network: Language) -> None:
        super().__init__()
        self._network = network

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        told: torch.Tensor = self._network.decoder(
            input_ids=tokens, use_cache=False, logits_to_keep=1
        ).logits
        return told[:, -1]


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph; the count of rows and their length may vary."""
    assert isinstance(network, Language)
    stream = seeds.generator(parameters.seed, _PLACE)

    def tokens(count: int, length: int) -> torch.Tensor:
        return torch.randint(0, parameters.vocabulary, (count, length), generator=stream)

    return {
        "decoder": Graph(
            _Next(network),
            inputs=("tokens",),
            outputs=("logits",),
            examples=(tokens(2, 5),),
            trial=(tokens(7, 12),),
            varying={"tokens": {0: "count", 1: "length"}},
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: sizes, and the tokens that mark."""
    return {
        "vocabulary": parameters.vocabulary,
        "context": parameters.context,
        "begin": BEGIN,
        "end": END,
        "image": IMAGE,
    }
