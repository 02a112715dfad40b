"""A tower for pictures alone: transformers' CLIPVisionModel, with convolutions before attention."""

from __future__ import annotations

import torch
from torch import nn
from transformers import CLIPVisionConfig, CLIPVisionModel

from models.networks.tower_settings import STRIDE
from models.networks.towers import Stem
from models.networks.vision_settings import VisionSettings

CHANNELS = 3
_WIDER = 2
_AT_ONCE = 512


class Vision(nn.Module):
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
