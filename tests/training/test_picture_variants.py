"""Variants of pictures: what they keep, and how many there are of each."""

from __future__ import annotations

import pytest
import torch

from models.failures import BadRecipe
from models.networks.picture_variants import PLAIN, RECOLOURED, SCATTERED, draw_variants
from models.networks.vision import scatter_patches
from models.training import recipe


def test_a_scattered_picture_should_keep_its_colours_and_no_place() -> None:
    pixels = torch.arange(2 * 3 * 32 * 32, dtype=torch.float32).reshape(2, 3, 32, 32)
    moved = scatter_patches(pixels, torch.Generator().manual_seed(0))
    assert torch.equal(moved.flatten(2).sort()[0], pixels.flatten(2).sort()[0])
    corner = moved[0, :, :8, :8]
    assert torch.equal(corner[0, 0] - corner[0, 0, 0], pixels[0, 0, 0, :8] - pixels[0, 0, 0, 0])
    assert not torch.equal(moved, pixels)


def test_variants_should_be_drawn_by_their_shares() -> None:
    torch.manual_seed(0)
    counts = torch.bincount(draw_variants(10_000, 0.5, 0.1)) / 10_000
    shares = counts[[PLAIN, RECOLOURED, SCATTERED]].tolist()
    assert shares == pytest.approx([0.4, 0.5, 0.1], abs=0.02)


def test_shares_above_one_should_be_refused() -> None:
    with pytest.raises(BadRecipe, match=r"recoloured is 0.7 and scattered 0.4"):
        recipe.resolve(recipe.load("blip2"), "smoke", {"recoloured": 0.7, "scattered": 0.4})
