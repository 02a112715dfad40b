"""The graph of a generator. The critic serves nothing, and stays with the weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.recipes.gan.network import Adversaries
from models.recipes.gan.parameters import Parameters

_PLACE = 2**31 + 1


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return the averaged generator; the count of pictures may vary."""
    assert isinstance(network, Adversaries)
    stream = seeds.generator(parameters.seed, _PLACE)

    def latents(count: int) -> torch.Tensor:
        return torch.randn(count, parameters.latent, generator=stream)

    return {
        "generator": Graph(
            network.averaged.module,
            inputs=("latent",),
            outputs=("image",),
            examples=(latents(2),),
            trial=(latents(64),),
            varying={"latent": {0: "count"}},
        )
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: sizes, and the range of what the generator gives."""
    return {
        "latent": parameters.latent,
        "side": parameters.side,
        "channels": parameters.channels,
        "lowest": -1.0,
        "highest": 1.0,
    }
