"""The negative ELBO: what is lost of a picture, and how far its code is from the prior."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from models.common.supervised import Batch, Loss
from models.recipes.vae.network import Autoencoder
from models.recipes.vae.parameters import Parameters


def objective(parameters: Parameters) -> Loss:
    """Return the loss: |x - decoded|^2 / (2 variance) + weight * KL(q || N(0, I)), mean of a batch.

    A point is drawn as mean + deviation * noise, so that the gradient reaches both (Kingma and
    Welling, 2.4). The constant of the Gaussian's logarithm is left out.
    """

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
