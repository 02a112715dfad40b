"""The graphs of BLIP-2: what is read of a picture, and the next token after it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.common.words import BEGIN, END, PAD
from models.networks.vision import CHANNELS
from models.recipes.blip2.network import Captioner
from models.recipes.blip2.parameters import Parameters

_PLACE = 2**31 + 1


class _Vision(nn.Module):
    def __init__(self, network: Captioner) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._network.see(image)


class _Decoder(nn.Module):
    def __init__(self, network: Captioner) -> None:
        super().__init__()
        self._language = network.language

    def forward(self, queries: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self._language.last(queries, tokens)


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return both graphs; the counts of pictures and of tokens may vary."""
    assert isinstance(network, Captioner)
    p = parameters
    stream = seeds.generator(p.seed, _PLACE)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, CHANNELS, p.side, p.side, generator=stream) * 2 - 1

    def read(count: int, length: int) -> tuple[torch.Tensor, torch.Tensor]:
        queries = torch.randn(count, p.queries, p.width, generator=stream)
        return queries, torch.randint(0, p.vocabulary, (count, length), generator=stream)

    return {
        "vision": Graph(
            _Vision(network),
            inputs=("image",),
            outputs=("queries",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": {0: "count"}},
        ),
        "decoder": Graph(
            _Decoder(network),
            inputs=("queries", "tokens"),
            outputs=("logits",),
            examples=read(2, 3),
            trial=read(7, 11),
            varying={"queries": {0: "count"}, "tokens": {0: "count", 1: "length"}},
        ),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: sizes, the range of pixels, the tokens that mark.

    A prompt is the tokens of the question, none for a caption, and then `begin`.
    """
    p = parameters
    return {
        "side": p.side,
        "channels": CHANNELS,
        "lowest": -1.0,
        "highest": 1.0,
        "queries": p.queries,
        "width": p.width,
        "vocabulary": p.vocabulary,
        "context": p.context - p.queries,
        "pad": PAD,
        "begin": BEGIN,
        "end": END,
    }
