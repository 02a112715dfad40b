"""The graphs, constants and files by which two tuned towers are served, as a CLIP."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.data.text import TOKENIZER
from models.networks.image_text import TunedTowers
from models.networks.settings import ImageTextSettings
from models.training import seeds
from models.training.recipe_code import Constant, Graph

_EXAMPLES_STREAM = 2**31 + 6
_TOKENS_OF_TRIALS = 64
"""Tokens of rows by which graphs are traced and tried; every vocabulary has them."""
_COUNT_AXIS = {0: "count"}


class _Image(nn.Module):
    def __init__(self, towers: TunedTowers) -> None:
        super().__init__()
        self._towers = towers

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self._towers.image(image)


class _Text(nn.Module):
    def __init__(self, towers: TunedTowers) -> None:
        super().__init__()
        self._towers = towers

    def forward(self, tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self._towers.text(tokens, mask)


def image_text_graphs(network: nn.Module, settings: ImageTextSettings) -> Mapping[str, Graph]:
    """Return a graph for each tower, with adapters merged; how many rows there are may vary."""
    assert isinstance(network, TunedTowers)
    whole, side, length = network.merged(), network.side, network.length
    vocabulary = min(_TOKENS_OF_TRIALS, network.limits.vocabulary)
    stream = seeds.generator(settings.seed, _EXAMPLES_STREAM)

    def images(count: int) -> torch.Tensor:
        return torch.rand(count, 3, side, side, generator=stream) * 2 - 1

    def texts(count: int) -> tuple[torch.Tensor, torch.Tensor]:
        tokens = torch.randint(1, vocabulary, (count, length), generator=stream)
        sizes = torch.randint(2, length + 1, (count, 1), generator=stream)
        mask = (torch.arange(length)[None] < sizes).long()
        return tokens * mask, mask

    return {
        "image_tower": Graph(
            _Image(whole),
            inputs=("image",),
            outputs=("vector",),
            examples=(images(2),),
            trial=(images(3),),
            varying={"image": _COUNT_AXIS},
        ),
        "text_tower": Graph(
            _Text(whole),
            inputs=("tokens", "mask"),
            outputs=("vector",),
            examples=texts(2),
            trial=texts(9),
            varying={"tokens": _COUNT_AXIS, "mask": _COUNT_AXIS},
        ),
    }


def image_text_constants(network: nn.Module) -> Mapping[str, Constant]:
    """Return sizes of what goes in and comes out, the range of pixels, and the temperature."""
    assert isinstance(network, TunedTowers)
    return {
        "base": network.base.record.name,
        "side": network.side,
        "channels": 3,
        "lowest": -1.0,
        "highest": 1.0,
        "vector": network.towers.width,
        "prompt_tokens": network.length,
        "temperature": network.temperature,
    }


def tokenizer_file(network: nn.Module) -> Mapping[str, bytes]:
    """Return the tokenizer of the base, by its file's name."""
    assert isinstance(network, TunedTowers)
    return {TOKENIZER: (network.base.folder / TOKENIZER).read_bytes()}
