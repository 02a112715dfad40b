"""The generator and critic of a GAN, two perceptrons, and their losses."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from models.recipes.gan.parameters import Parameters

_SLOPE = 0.2


class PictureGenerator(nn.Module):
    """Maps noise, [n, latent], to pictures, [n, channels, side, side] in -1 to 1."""

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
    """Scores how real pictures look: a logit, or with WGAN an unbounded number, [n].

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
    """Generator, critic, and the averaged generator, which is exported.

    The average of weights over steps draws better than the last of them: The unusual effectiveness
    of averaging in GAN training, https://arxiv.org/abs/1806.04498.
    """

    def __init__(self, parameters: Parameters) -> None:
        """Make the networks. The average begins as the generator after its first step."""
        super().__init__()
        self.generator = PictureGenerator(parameters)
        self.critic = Critic(parameters)
        self.averaged = AveragedModel(
            self.generator,
            multi_avg_fn=get_ema_multi_avg_fn(parameters.averaging),
            use_buffers=True,
        ).requires_grad_(requires_grad=False)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        """Return pictures drawn by the averaged generator."""
        drawn: torch.Tensor = self.averaged(latents)
        return drawn


CriticFunction = Callable[[torch.Tensor], torch.Tensor]


def critic_loss(
    parameters: Parameters, critic: CriticFunction, real: torch.Tensor, drawn: torch.Tensor
) -> torch.Tensor:
    """Return the critic's loss on as many real as drawn pictures, without the penalty.

    - minimax, non-saturating: -log s(c(x)) - log(1 - s(c(z))), s the sigmoid, with one-sided
      smoothing and flips of labels. I. Goodfellow et al., https://arxiv.org/abs/1406.2661; T.
      Salimans et al., https://arxiv.org/abs/1606.03498, 3.4
    - wgan-gp: c(z) - c(x). M. Arjovsky et al., https://arxiv.org/abs/1701.07875
    """
    of_real, of_drawn = critic(real), critic(drawn)
    if parameters.objective == "wgan-gp":
        return of_drawn.mean() - of_real.mean()
    is_real = 1.0 - parameters.label_smoothing
    return _label_loss(of_real, is_real, 0.0, parameters) + _label_loss(
        of_drawn, 0.0, is_real, parameters
    )


def _label_loss(
    logits: torch.Tensor, label: float, opposite: float, parameters: Parameters
) -> torch.Tensor:
    """Return the cross-entropy of logits with a label, which a share has flipped."""
    labels = torch.full_like(logits, label)
    if parameters.label_flips:
        flipped = torch.rand(logits.shape).to(logits.device) < parameters.label_flips
        labels = torch.where(flipped, opposite, labels)
    return functional.binary_cross_entropy_with_logits(logits, labels)


def generator_loss(parameters: Parameters, of_drawn: torch.Tensor) -> torch.Tensor:
    """Return the generator's loss from the critic's values of its pictures."""
    if parameters.objective == "minimax":
        return -functional.softplus(of_drawn).mean()
    if parameters.objective == "non-saturating":
        return functional.softplus(-of_drawn).mean()
    return -of_drawn.mean()


def gradient_penalty(
    critic: CriticFunction, real: torch.Tensor, drawn: torch.Tensor
) -> torch.Tensor:
    """Return the mean of (|gradient of the critic| - 1)^2 at points between real and drawn.

    I. Gulrajani et al., https://arxiv.org/abs/1704.00028, equation 3.
    """
    share = torch.rand(len(real)).to(real.device).view(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * drawn).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm: torch.Tensor = gradient.flatten(1).norm(2, dim=1)
    return (norm - 1).square().mean()


def energy_distance(real: torch.Tensor, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the energy distance of two batches, and the spread of the drawn one.

    The distance is 2 E|x - z| - E|x - x'| - E|z - z'| (G. Székely and M. Rizzo, 2013), 0 where both
    are distributed alike. The spread is E|z - z'| / E|x - x'|: near 1 where draws are as unlike
    each other as real pictures are, and 0 where all are the same.
    """
    ours, theirs = drawn.flatten(1), real.flatten(1)
    across = torch.cdist(theirs, ours).mean()
    of_real, of_drawn = torch.cdist(theirs, theirs).mean(), torch.cdist(ours, ours).mean()
    return 2 * across - of_real - of_drawn, of_drawn / of_real
