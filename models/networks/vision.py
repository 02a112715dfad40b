"""An image tower with a convolutional stem, and helpers to freeze and recolour."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import permutations

import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from models.networks.settings import STRIDE, VisionSettings
from models.networks.towers import Stem

CHANNELS = 3
_WIDER = 2
_AT_ONCE = 512


class VisionTower(nn.Module):
    """Gives a picture's vectors: first one for the whole, then one for each patch of 8 x 8."""

    def __init__(self, settings: VisionSettings) -> None:
        """Make the tower; weights are drawn from torch's global stream."""
        super().__init__()
        config = CLIPVisionConfig(
            image_size=settings.side,
            patch_size=STRIDE,
            num_channels=CHANNELS,
            hidden_size=settings.image_width,
            intermediate_size=_WIDER * settings.image_width,
            num_hidden_layers=settings.image_layers,
            num_attention_heads=settings.image_heads,
        )
        self.tower = CLIPVisionModel(config)
        self.tower.embeddings.patch_embedding = Stem(CHANNELS, settings.image_width)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return [n, 1 + patches, width] of [n, 3, side, side] from -1 to 1, each normalised."""
        seen = self.tower(pixel_values=pixels).last_hidden_state
        vectors: torch.Tensor = self.tower.post_layernorm(seen)
        return vectors

    @torch.no_grad()
    def all(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the vectors of many pictures, some at a time, without a gradient."""
        return torch.cat([self(some) for some in pixels.split(_AT_ONCE)])


def weights_below(prefix: str, weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the weights whose names begin with `prefix`, by what comes after it."""
    return {
        name.removeprefix(prefix): each for name, each in weights.items() if name.startswith(prefix)
    }


def trainable_share(network: nn.Module) -> float:
    """Return the share of all weights, frozen ones included, that training changes."""
    sizes = [(int(each.numel()), bool(each.requires_grad)) for each in network.parameters()]
    return sum(size for size, trained in sizes if trained) / sum(size for size, _ in sizes)


def scatter_patches(pixels: torch.Tensor, drawn: torch.Generator) -> torch.Tensor:
    """Return pictures [n, c, side, side] whose patches of 8 x 8 change places by chance.

    Colours stay, and no shape does.
    """
    count, channels, side, _ = pixels.shape
    across = side // STRIDE
    patches = pixels.reshape(count, channels, across, STRIDE, across, STRIDE)
    patches = patches.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
    order = torch.rand(count, across * across, generator=drawn).argsort(1)
    moved = patches[torch.arange(count)[:, None], order].unflatten(1, (across, across))
    return moved.permute(0, 3, 1, 4, 2, 5).reshape(pixels.shape)


_ORDERS = torch.tensor(list(permutations(range(CHANNELS))))
"""Every order of the colour channels; the first is as they are."""


def recolour(
    pixels: torch.Tensor, other: torch.Tensor, drawn: torch.Generator | None = None
) -> torch.Tensor:
    """Return pictures [n, 3, side, side], with the channels of `other`, [n], permuted."""
    count = len(pixels)
    order = torch.randint(1, len(_ORDERS), (count,), generator=drawn).masked_fill(~other, 0)
    rows = torch.arange(count)[:, None]
    return pixels[rows.to(pixels.device), _ORDERS[order].to(pixels.device)]
