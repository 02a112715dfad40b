"""The graph of the tower: the words that are said of a picture."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.networks.vision import CHANNELS
from models.recipes.shape_vision.parameters import Parameters

_PLACE = 2**31 + 1


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the graph; the count of pictures may vary."""
    stream = seeds.generator(parameters.seed, _PLACE)

    def images(count: int) -> torch.Tensor:
        shape = (count, CHANNELS, parameters.side, parameters.side)
        return torch.rand(shape, generator=stream) * 2 - 1

    return {
        "words": Graph(
            network,
            inputs=("image",),
            outputs=("logits",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": {0: "count"}},
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: sizes, and the range of pixels."""
    return {
        "side": parameters.side,
        "channels": CHANNELS,
        "lowest": -1.0,
        "highest": 1.0,
        "vocabulary": parameters.vocabulary,
    }
