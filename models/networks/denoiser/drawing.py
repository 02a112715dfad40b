"""A torch denoiser as a hand that draws, by the sampler that serves its graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import (
    DiffusionSampling,
    Images,
    Integers,
    NoisePredictor,
    NoiseSchedule,
)
from models.networks.denoiser import schedule
from models.networks.denoiser.export import HIGHEST, LOWEST, NoiseIn
from models.networks.denoiser.network import Denoiser
from models.networks.denoiser.settings import DenoiserSettings

Hand = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""Given tokens and negative tokens, [n, prompt_tokens], returns pictures."""


def hand(network: Denoiser, settings: DenoiserSettings) -> Hand:
    """Return what draws as a server does unless asked otherwise, always from the same seed."""
    denoise = denoiser(network, settings.noise_steps)
    kept = NoiseSchedule(
        tuple(schedule.kept_shares(settings.noise_steps).tolist()), LOWEST, HIGHEST
    )
    shape = (settings.channels, settings.side, settings.side)
    how = DiffusionSampling(settings.sampling_steps, settings.guidance)

    def draw(tokens: NDArray[np.int64], negative: NDArray[np.int64]) -> NDArray[np.float32]:
        start = diffusion.noise(settings.seed, len(tokens), shape)
        return diffusion.sample(denoise, kept, start, tokens, negative, how)

    return draw


def denoiser(network: Denoiser, steps: int) -> NoisePredictor:
    """Return a network as the sampler asks it."""
    asked = NoiseIn(network, steps)

    def denoise(image: Images, step: Integers, tokens: Integers) -> Images:
        with torch.no_grad():
            found = asked(*(torch.from_numpy(each) for each in (image, step, tokens)))
        return np.asarray(found.numpy(), np.float32)

    return denoise
