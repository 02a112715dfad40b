"""The graphs of an autoencoder: a decoder that draws, and an encoder to walk between pictures."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.recipes.vae.network import Autoencoder
from models.recipes.vae.parameters import Parameters

_PLACE = 2**31 + 1


class _Encoder(nn.Module):
    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return self._network.encode(image)


class _Decoder(nn.Module):
    def __init__(self, network: Autoencoder) -> None:
        super().__init__()
        self._network = network

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        return self._network.decode(latent)


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return both graphs; the count of pictures may vary."""
    assert isinstance(network, Autoencoder)
    p = parameters
    stream = seeds.generator(p.seed, _PLACE)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, p.channels, p.side, p.side, generator=stream) * 2 - 1

    def latents(count: int) -> torch.Tensor:
        return torch.randn(count, p.latent, generator=stream)

    return {
        "decoder": Graph(
            _Decoder(network),
            inputs=("latent",),
            outputs=("image",),
            examples=(latents(2),),
            trial=(latents(64),),
            varying={"latent": {0: "count"}},
        ),
        "encoder": Graph(
            _Encoder(network),
            inputs=("image",),
            outputs=("mean", "log_variance"),
            examples=(images(2),),
            trial=(images(64),),
            varying={"image": {0: "count"}},
        ),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: sizes, and the range of what the decoder gives."""
    return {
        "latent": parameters.latent,
        "side": parameters.side,
        "channels": parameters.channels,
        "lowest": -1.0,
        "highest": 1.0,
    }
