"""A variational autoencoder of two perceptrons, and its loss, the negative ELBO."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.recipes.vae.parameters import Parameters
from models.training.supervised_task import Batch, Loss


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
        """Return the decoded means."""
        return self.decode(self.encode(images)[0])


def objective(parameters: Parameters) -> Loss:
    """Return |x - decoded|^2 / (2 variance) + weight * KL(q || N(0, I)), mean of a batch."""

    def loss(network: torch.nn.Module, batch: Batch, number: int) -> Mapping[str, torch.Tensor]:
        assert isinstance(network, Autoencoder)
        images = batch[0]
        mean, log_variance = network.encode(images)
        noise = torch.randn(mean.shape).to(mean.device)
        decoded = network.decode(mean + noise * torch.exp(0.5 * log_variance))
        squares = (decoded - images).square().flatten(1).sum(1)
        reconstruction = squares.mean() / (2 * parameters.noise_variance)
        divergence = kl(mean, log_variance).mean()
        weight = min(1.0, number / parameters.kl_warmup) if parameters.kl_warmup else 1.0
        return {
            "loss": reconstruction + weight * divergence,
            "reconstruction": reconstruction,
            "kl": divergence,
        }

    return loss


def kl(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Return KL(N(mean, variance) || N(0, I)), [n], of [n, latent] (Kingma and Welling, B)."""
    return 0.5 * (mean.square() + log_variance.exp() - log_variance - 1).sum(1)
