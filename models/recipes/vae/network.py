"""The autoencoder: two perceptrons, one to a Gaussian and one back."""

from __future__ import annotations

import torch
from torch import nn

from models.recipes.vae.parameters import Parameters


class Autoencoder(nn.Module):
    """Encodes pictures as diagonal Gaussians, and decodes points of that space."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        p = parameters
        self._shape = (p.channels, p.side, p.side)
        pixels = p.channels * p.side * p.side
        self.encoder = nn.Sequential(
            nn.Linear(pixels, p.hidden),
            nn.SiLU(),
            nn.Linear(p.hidden, p.hidden),
            nn.SiLU(),
            nn.Linear(p.hidden, 2 * p.latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(p.latent, p.hidden),
            nn.SiLU(),
            nn.Linear(p.hidden, p.hidden),
            nn.SiLU(),
            nn.Linear(p.hidden, pixels),
            nn.Tanh(),
        )

    def encode(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return means and log variances, [n, latent], of [n, channels, side, side] in -1 to 1."""
        mean, log_variance = self.encoder(images.flatten(1)).chunk(2, dim=1)
        return mean, log_variance

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Return pictures, [n, channels, side, side] in -1 to 1, of [n, latent]."""
        pixels: torch.Tensor = self.decoder(latents)
        return pixels.unflatten(1, self._shape)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return what is decoded of the means."""
        return self.decode(self.encode(images)[0])
