"""The forward process of diffusion, and DDIM's way back.

J. Ho et al., https://arxiv.org/abs/2006.11239; J. Song et al., https://arxiv.org/abs/2010.02502.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

_OFFSET = 0.008
_MOST = 0.999


def linear_betas(steps: int, first: float = 1e-4, last: float = 0.02) -> Array:
    """Return the variances of Ho et al., 4, [steps]."""
    return np.linspace(first, last, steps)


def cosine_betas(steps: int) -> Array:
    """Return variances whose kept share falls as a squared cosine, [steps].

    A. Nichol and P. Dhariwal, https://arxiv.org/abs/2102.09672, equation 17.
    """
    at = np.arange(steps + 1) / steps
    kept = np.cos((at + _OFFSET) / (1 + _OFFSET) * np.pi / 2) ** 2
    return np.asarray(np.minimum(1 - kept[1:] / kept[:-1], _MOST), np.float64)


def kept_shares(betas: Array) -> Array:
    """Return the product of 1 - beta up to each step, [steps]: the picture's remaining share."""
    return np.asarray(np.cumprod(1 - betas), np.float64)


def one_step(rows: Array, noise: Array, beta: float) -> Array:
    """Return sqrt(1 - beta) x + sqrt(beta) noise: one step of the chain."""
    return np.asarray(np.sqrt(1 - beta) * rows + np.sqrt(beta) * noise)


def add_noise(rows: Array, noise: Array, kept: float) -> Array:
    """Return sqrt(kept) x + sqrt(1 - kept) noise: all steps at once (Ho et al., equation 4)."""
    return np.asarray(np.sqrt(kept) * rows + np.sqrt(1 - kept) * noise)


def ddim_step(rows: Array, predicted: Array, kept: float, kept_before: float) -> Array:
    """Return the step back that draws no noise (Song et al., equation 12 with sigma 0)."""
    clean = (rows - np.sqrt(1 - kept) * predicted) / np.sqrt(kept)
    return np.asarray(np.sqrt(kept_before) * clean + np.sqrt(1 - kept_before) * predicted)


def guided(conditional: Array, unconditional: Array, weight: float) -> Array:
    """Return the guided prediction: weight 1 is the conditional, 0 the unconditional one."""
    return np.asarray(unconditional + weight * (conditional - unconditional))
