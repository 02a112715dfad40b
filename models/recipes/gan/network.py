"""Two perceptrons: one from noise to a picture, one from a picture to a number."""

from __future__ import annotations

import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.recipes.gan.parameters import Parameters

_SLOPE = 0.2


class Generator(nn.Module):
    """Draws pictures, [n, channels, side, side] in -1 to 1, from noise, [n, latent]."""

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        p = parameters
        self._shape = (p.channels, p.side, p.side)
        self.layers = nn.Sequential(
            nn.Linear(p.latent, p.hidden),
            nn.BatchNorm1d(p.hidden),
            nn.ReLU(),
            nn.Linear(p.hidden, p.hidden),
            nn.BatchNorm1d(p.hidden),
            nn.ReLU(),
            nn.Linear(p.hidden, p.channels * p.side * p.side),
            nn.Tanh(),
        )

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return a picture for each row of noise."""
        pixels: torch.Tensor = self.layers(latents)
        return pixels.unflatten(1, self._shape)


class Critic(nn.Module):
    """Says how real pictures look: a logit, or with WGAN a number without bounds, [n].

    It has no batch normalisation, with which a gradient at one picture would depend on the others
    (I. Gulrajani et al., https://arxiv.org/abs/1704.00028, section 4).
    """

    def __init__(self, parameters: Parameters) -> None:
        """Make the layers; weights are drawn from torch's global stream."""
        super().__init__()
        p = parameters
        self.layers = nn.Sequential(
            nn.Linear(p.channels * p.side * p.side, p.hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(p.hidden, p.hidden),
            nn.LeakyReLU(_SLOPE),
            nn.Linear(p.hidden, 1),
        )

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return a number for each picture of [n, channels, side, side]."""
        told: torch.Tensor = self.layers(images.flatten(1))
        return told.squeeze(1)


class Adversaries(nn.Module):
    """Generator, critic, and the average of the generator, which is what serves.

    The average of weights over steps draws better than the last of them: The unusual effectiveness
    of averaging in GAN training, https://arxiv.org/abs/1806.04498.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Make the networks. The average begins as the generator after its first step."""
        super().__init__()
        self.generator = Generator(parameters)
        self.critic = Critic(parameters)
        self.averaged = AveragedModel(
            self.generator,
            multi_avg_fn=get_ema_multi_avg_fn(parameters.averaging),
            use_buffers=True,
        ).requires_grad_(requires_grad=False)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return what the averaged generator draws."""
        drawn: torch.Tensor = self.averaged(latents)
        return drawn
