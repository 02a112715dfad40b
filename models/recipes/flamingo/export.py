"""The graphs of Flamingo: what is resampled of a picture, and the next token."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.common.words import IMAGE, IS, NEXT
from models.networks.prompts import in_a_row
from models.networks.vision import CHANNELS
from models.recipes.flamingo.network import Flamingo
from models.recipes.flamingo.parameters import Parameters

_PLACE = 2**31 + 1
_ASKED = 2
"""Tokens of a row from its last answer on."""


class _Vision(nn.Module):
    def __init__(self, network: Flamingo) -> None:
        super().__init__()
        self._network = network

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._network.see(image)


class _Decoder(nn.Module):
    def __init__(self, network: Flamingo) -> None:
        super().__init__()
        self._network = network

    def forward(self, latents: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
        return self._network(latents, tokens)[:, -1]


def graphs(network: nn.Module, parameters: Parameters) -> Mapping[str, Graph]:
    """Return both graphs; the counts of rows, pictures and tokens may vary."""
    assert isinstance(network, Flamingo)
    p = parameters
    stream = seeds.generator(p.seed, _PLACE)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, CHANNELS, p.side, p.side, generator=stream) * 2 - 1

    def read(count: int, pictures: int) -> tuple[torch.Tensor, torch.Tensor]:
        latents = torch.randn(count, pictures, p.latents, p.image_width, generator=stream)
        told = torch.randint(NEXT + 1, p.vocabulary, (count, pictures), generator=stream)
        return latents, in_a_row(told)[:, :-_ASKED]

    return {
        "vision": Graph(
            _Vision(network),
            inputs=("image",),
            outputs=("latents",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": {0: "count"}},
        ),
        "decoder": Graph(
            _Decoder(network),
            inputs=("latents", "tokens"),
            outputs=("logits",),
            examples=read(2, 2),
            trial=read(7, p.shots + 1),
            varying={
                "latents": {0: "count", 1: "pictures"},
                "tokens": {0: "count", 1: "length"},
            },
        ),
    }


def constants(parameters: Parameters) -> Mapping[str, Constant]:
    """Return what a server has to know: sizes, the range of pixels, the tokens that mark.

    A prompt is `image is ANSWER next` for each shot, and then `image is`.
    """
    p = parameters
    return {
        "side": p.side,
        "channels": CHANNELS,
        "lowest": -1.0,
        "highest": 1.0,
        "latents": p.latents,
        "image_width": p.image_width,
        "vocabulary": p.vocabulary,
        "context": p.context,
        "shots": p.shots,
        "image": IMAGE,
        "is": IS,
        "next": NEXT,
    }
