"""Variants of pictures that have lost an attribute, so that none is told from another.

Where each colour misses a shape in training, a network learns that shape away from the colour. It
does not where shapes are also asked of pictures in other colours, and colours of scattered ones.
"""

from __future__ import annotations

import torch

from models.networks.vision import VisionTower, recolour, scatter_patches

PLAIN, RECOLOURED, SCATTERED = 0, 1, 2
"""Variants of a picture: as it is, in other colours, and with its patches in other places."""


def draw_variants(count: int, recoloured: float, scattered: float) -> torch.Tensor:
    """Draw the variant of each of `count` pictures, [count], by the shares of two of them."""
    bounds = torch.tensor([recoloured, scattered]).cumsum(0)
    share = torch.bucketize(torch.rand(count), bounds, right=True)
    return torch.tensor([RECOLOURED, SCATTERED, PLAIN])[share]


def variant_features(
    tower: VisionTower, pixels: torch.Tensor, drawn: torch.Generator
) -> torch.Tensor:
    """Return a tower's vectors of pictures and of their variants, [n, 3, 1 + patches, width]."""
    every = torch.ones(len(pixels), dtype=torch.bool)
    shown = (pixels, recolour(pixels, every, drawn), scatter_patches(pixels, drawn))
    return torch.stack([tower.all(each) for each in shown], dim=1)
