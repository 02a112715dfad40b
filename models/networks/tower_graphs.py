"""The graphs of two towers, and what a server has to know to use them.

`image_tower` takes `image` [count, channels, side, side], and `text_tower` takes `tokens` and
`mask` [count, prompt_tokens]; each gives `vector` [count, vector] of length 1. What a picture and a
text have in common is the product of their vectors; divided by `temperature` and softmaxed over
texts it is a probability.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.networks.tokens import BEGIN, END, PAD
from models.networks.tower_settings import TowerSettings
from models.networks.towers import Towers

_PLACE = 2**31 + 2
_COUNT = {0: "count"}


class _Image(nn.Module):
    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self._towers = towers

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._towers.image(image)


class _Text(nn.Module):
    def __init__(self, towers: Towers) -> None:
        super().__init__()
        self._towers = towers

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self._towers.text(tokens, mask)


def graphs(network: nn.Module, settings: TowerSettings) -> Mapping[str, Graph]:
    """Return a graph for each tower; how many pictures or texts there are may vary."""
    assert isinstance(network, Towers)
    s = settings
    stream = seeds.generator(s.seed, _PLACE)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, s.channels, s.side, s.side, generator=stream) * 2 - 1

    def texts(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        shape = (count, s.prompt_tokens)
        tokens = torch.randint(END + 1, s.vocabulary, shape, generator=stream)
        ends = torch.randint(2, s.prompt_tokens, (count, 1), generator=stream)
        places = torch.arange(s.prompt_tokens)
        tokens = tokens.where(places != ends, END).where(places <= ends, PAD)
        tokens[:, 0] = BEGIN
        return tokens, (tokens != PAD).long()

    return {
        "image_tower": Graph(
            _Image(network),
            inputs=("image",),
            outputs=("vector",),
            examples=(images(2),),
            trial=(images(33),),
            varying={"image": _COUNT},
        ),
        "text_tower": Graph(
            _Text(network),
            inputs=("tokens", "mask"),
            outputs=("vector",),
            examples=texts(2),
            trial=texts(33),
            varying={"tokens": _COUNT, "mask": _COUNT},
        ),
    }


def constants(settings: TowerSettings) -> Mapping[str, Constant]:
    """Return sizes of what goes in and comes out, the range of pixels, and prompts of classes."""
    return {
        "side": settings.side,
        "channels": settings.channels,
        "lowest": -1.0,
        "highest": 1.0,
        "vector": settings.vector,
        "prompt_tokens": settings.prompt_tokens,
        "templates": settings.templates,
    }


def learned(network: nn.Module) -> Mapping[str, Constant]:
    """Return the temperature, which is learned."""
    assert isinstance(network, Towers)
    return {"temperature": network.temperature}
