"""BLIP-2: a frozen tower, the Q-Former, a projection, a frozen language model."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common.artefacts import Trained
from models.networks.frozen import below
from models.networks.language import Language
from models.networks.vision import Vision
from models.recipes.blip2.parameters import Parameters
from models.recipes.blip2.qformer import QFormer

VISION, LANGUAGE = "vision", "language"
"""The channels of the bases."""

_SEEN = "vision."
"""How the names of the tower's weights begin in its recipe."""


class Captioner(nn.Module):
    """Captions pictures and answers questions on them."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        self.vision = Vision(parameters).requires_grad_(False)
        self.language = Language(parameters).requires_grad_(False)
        self.qformer = QFormer(parameters)
        self.projection = nn.Linear(parameters.query_width, parameters.width)

    def begin(self, bases: Mapping[str, Trained]) -> None:
        """Take the weights of both bases. Raises RuntimeError where they are of another shape."""
        self.vision.load_state_dict(below(_SEEN, bases[VISION].weights))
        self.language.load_state_dict(dict(bases[LANGUAGE].weights))

    def project(self, features: torch.Tensor) -> torch.Tensor:
        """Return what the language model reads of a picture, [n, queries, language width]."""
        read: torch.Tensor = self.projection(self.qformer.see(features))
        return read

    def see(self, pixels: torch.Tensor) -> torch.Tensor:
        """Return the same of pictures [n, 3, side, side] from -1 to 1."""
        return self.project(self.vision(pixels))
