"""The tower, with a line from what it sees to the words of a caption.

A word is said of a picture if it is said of one of its parts. H. Fang et al., From captions to
visual concepts and back, 2015, https://arxiv.org/abs/1411.4952, has regions as such parts.
"""

from __future__ import annotations

import torch
from torch import nn

from models.networks.vision import Vision
from models.recipes.shape_vision.parameters import Parameters


class Seer(nn.Module):
    """Tells which words are said of a picture. `vision` is what other networks see by."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.vision = Vision(parameters)
        self.words = nn.Linear(parameters.image_width, parameters.vocabulary)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return logits [n, vocabulary] of pictures [n, 3, side, side] from -1 to 1."""
        logits: torch.Tensor = self.words(self.vision(pixels)).amax(dim=1)
        return logits
