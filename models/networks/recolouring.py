"""Pictures in other colours, by which what a thing is called is learned apart from its colour.

A pair of a colour and a shape that never came is denied by what learns both from the same pictures:
the colour is seen sooner, and which shapes it never came with is learned before shapes are. So
colours are learned from pictures as they are, and all other words from pictures whose colour
channels are in another order. Other colours are a common augmentation (T. Chen et al., 2020,
https://arxiv.org/abs/2002.05709).
"""

from __future__ import annotations

from itertools import permutations

import torch

from models.networks.vision import CHANNELS

_ORDERS = torch.tensor(list(permutations(range(CHANNELS))))
"""Every order of the colour channels; the first is as they are."""


def recoloured(
    pixels: torch.Tensor, other: torch.Tensor, drawn: torch.Generator | None = None
) -> torch.Tensor:
    """Return pictures [n, 3, side, side], those of `other`, [n], with channels in another order.

    Chance comes from `drawn`, or else from torch's global stream.
    """
    count = len(pixels)
    order = torch.randint(1, len(_ORDERS), (count,), generator=drawn).masked_fill(~other, 0)
    rows = torch.arange(count)[:, None]
    return pixels[rows.to(pixels.device), _ORDERS[order].to(pixels.device)]
