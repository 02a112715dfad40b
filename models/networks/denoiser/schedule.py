"""The noise schedule of diffusion, and conversions of velocity, noise and picture.

`kept` is the share of the picture's variance that is left. A network predicts the velocity,
sqrt(kept) noise - sqrt(1 - kept) picture, from which both follow at every step. Of the noise alone
no picture follows where next to nothing of it is left.

J. Ho et al., https://arxiv.org/abs/2006.11239; T. Salimans and J. Ho, appendix D,
https://arxiv.org/abs/2202.00512.
"""

from __future__ import annotations

import torch
from diffusers.schedulers.scheduling_ddpm import betas_for_alpha_bar

MOST_BETA = 0.1
"""The cosine schedule's last steps are held to this variance, so that 1e-4 of the picture's is left
at the last step, and what is divided by its root stays exact in single precision."""


def kept_shares(steps: int) -> torch.Tensor:
    """Return `kept` at each step, [steps], of the cosine schedule.

    A. Nichol and P. Dhariwal, equation 17, https://arxiv.org/abs/2102.09672
    """
    betas = betas_for_alpha_bar(steps, max_beta=MOST_BETA).double()
    return torch.cumprod(1 - betas, 0).float()


def add_noise(images: torch.Tensor, noise: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return noisy pictures (Ho et al., equation 4). `kept` is [n]."""
    return _root(kept) * images + _root(1 - kept) * noise


def velocity(images: torch.Tensor, noise: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return the velocity of pictures and their noise."""
    return _root(kept) * noise - _root(1 - kept) * images


def clean_pictures(seen: torch.Tensor, velocity: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return the clean pictures that a velocity predicts for noisy ones."""
    return _root(kept) * seen - _root(1 - kept) * velocity


def predicted_noise(seen: torch.Tensor, velocity: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
    """Return the noise that a velocity predicts in noisy pictures."""
    return _root(1 - kept) * seen + _root(kept) * velocity


def ddim_step(
    seen: torch.Tensor, velocity: torch.Tensor, kept: torch.Tensor, before: torch.Tensor
) -> torch.Tensor:
    """Return pictures after one DDIM step to the kept share `before`, [n].

    J. Song et al., equation 12 without noise. Clean pictures are clamped to -1 to 1, as samplers
    do.
    """
    clean = clean_pictures(seen, velocity, kept).clamp(-1, 1)
    left = (seen - _root(kept) * clean) / _root(1 - kept)
    return _root(before) * clean + _root(1 - before) * left


def ddim_velocity(
    seen: torch.Tensor, after: torch.Tensor, kept: torch.Tensor, before: torch.Tensor
) -> torch.Tensor:
    """Return the velocity by which one step of DDIM leads from `seen` to `after`.

    T. Salimans and J. Ho, algorithm 2, https://arxiv.org/abs/2202.00512
    """
    share = _root(1 - before) / _root(1 - kept)
    clean = (after - share * seen) / (_root(before) - share * _root(kept))
    return (_root(kept) * seen - clean) / _root(1 - kept)


def _root(shares: torch.Tensor) -> torch.Tensor:
    return shares.sqrt()[:, None, None, None]
