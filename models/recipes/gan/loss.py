"""What critic and generator minimise under each objective."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.nn import functional

from models.recipes.gan.parameters import Parameters

Critic = Callable[[torch.Tensor], torch.Tensor]


def of_critic(
    parameters: Parameters, critic: Critic, real: torch.Tensor, drawn: torch.Tensor
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
    return _told(of_real, is_real, 0.0, parameters) + _told(of_drawn, 0.0, is_real, parameters)


def _told(
    logits: torch.Tensor, label: float, opposite: float, parameters: Parameters
) -> torch.Tensor:
    """Return the cross-entropy of logits with a label, which a share has flipped."""
    labels = torch.full_like(logits, label)
    if parameters.label_flips:
        flipped = torch.rand(logits.shape).to(logits.device) < parameters.label_flips
        labels = torch.where(flipped, opposite, labels)
    return functional.binary_cross_entropy_with_logits(logits, labels)


def of_generator(parameters: Parameters, of_drawn: torch.Tensor) -> torch.Tensor:
    """Return the generator's loss of what the critic says about its draws.

    minimax: log(1 - s(c)), whose gradient vanishes where the critic is sure; non-saturating:
    -log s(c), with the same fixed point; wgan-gp: -c.
    """
    if parameters.objective == "minimax":
        return -functional.softplus(of_drawn).mean()
    if parameters.objective == "non-saturating":
        return functional.softplus(-of_drawn).mean()
    return -of_drawn.mean()


def penalty(critic: Critic, real: torch.Tensor, drawn: torch.Tensor) -> torch.Tensor:
    """Return the mean of (|gradient of the critic| - 1)^2 at points between real and drawn.

    I. Gulrajani et al., https://arxiv.org/abs/1704.00028, equation 3.
    """
    share = torch.rand(len(real)).to(real.device).view(-1, *[1] * (real.dim() - 1))
    between = (share * real + (1 - share) * drawn).requires_grad_()
    (gradient,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    norm: torch.Tensor = gradient.flatten(1).norm(2, dim=1)
    return (norm - 1).square().mean()


def apart(real: torch.Tensor, drawn: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the energy distance of two batches, and the spread of the drawn one.

    The distance is 2 E|x - z| - E|x - x'| - E|z - z'| (G. Székely and M. Rizzo, 2013), 0 where both
    are distributed alike. The spread is E|z - z'| / E|x - x'|: near 1 where draws are as unlike
    each other as real pictures are, and 0 where all are the same.
    """
    ours, theirs = drawn.flatten(1), real.flatten(1)
    across = torch.cdist(theirs, ours).mean()
    of_real, of_drawn = torch.cdist(theirs, theirs).mean(), torch.cdist(ours, ours).mean()
    return 2 * across - of_real - of_drawn, of_drawn / of_real
