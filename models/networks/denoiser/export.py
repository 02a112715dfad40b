"""The ONNX graph of a denoiser with its constants, and drawing with a torch denoiser."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import (
    DiffusionSampling,
    Images,
    Integers,
    NoisePredictor,
    NoiseSchedule,
)
from models.networks.denoiser import schedule
from models.networks.denoiser.network import AveragedDenoiser, Denoiser
from models.networks.settings import DenoiserSettings
from models.training import seeds
from models.training.recipe_code import Constant, Graph

LOWEST, HIGHEST = -1.0, 1.0
_EXAMPLES_STREAM = 2**31 + 1
_TRIAL = 80
"""More than 64, from which on diffusers takes another way through its upsampling."""


class NoiseModule(nn.Module):
    """A denoiser that predicts noise, as samplers need it."""

    def __init__(self, network: Denoiser, steps: int) -> None:
        """Wrap a denoiser that was trained on a chain of `steps` steps."""
        super().__init__()
        self._network = network
        self.register_buffer("_kept", schedule.kept_shares(steps))

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the noise, as `image`."""
        velocity = self._network(image, step, tokens)
        return schedule.predicted_noise(image, velocity, self._kept[step])


def denoiser_graphs(network: nn.Module, settings: DenoiserSettings) -> Mapping[str, Graph]:
    """Return the graph `denoiser`; the count of pictures may vary."""
    assert isinstance(network, AveragedDenoiser)
    stream = seeds.generator(settings.seed, _EXAMPLES_STREAM)

    def inputs(count: int) -> tuple[torch.Tensor, ...]:
        shape = (count, settings.channels, settings.side, settings.side)
        return (
            torch.randn(shape, generator=stream),
            torch.randint(settings.noise_steps, (count,), generator=stream),
            torch.randint(settings.words + 1, (count, settings.prompt_tokens), generator=stream),
        )

    names = ("image", "step", "tokens")
    return {
        "denoiser": Graph(
            NoiseModule(network.drawing, settings.noise_steps),
            inputs=names,
            outputs=("noise",),
            examples=inputs(2),
            trial=inputs(_TRIAL),
            varying={name: {0: "count"} for name in names},
        )
    }


def denoiser_constants(settings: DenoiserSettings) -> Mapping[str, Constant]:
    """Return sizes, the range of pixels, the schedule, and the default sampling."""
    return {
        "side": settings.side,
        "channels": settings.channels,
        "lowest": LOWEST,
        "highest": HIGHEST,
        "prompt_tokens": settings.prompt_tokens,
        "steps": settings.noise_steps,
        "alphas_cumprod": tuple(schedule.kept_shares(settings.noise_steps).tolist()),
        "guidance": settings.guidance,
        "sampling_steps": settings.sampling_steps,
    }


DrawFunction = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float32]]
"""Given tokens and negative tokens, [n, prompt_tokens], returns pictures."""


def draw_function(network: Denoiser, settings: DenoiserSettings) -> DrawFunction:
    """Return a function that draws with a server's defaults, always from the same seed."""
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
    """Return a network as the noise predictor of a sampler."""
    asked = NoiseModule(network, steps)

    def denoise(image: Images, step: Integers, tokens: Integers) -> Images:
        with torch.no_grad():
            found = asked(*(torch.from_numpy(each) for each in (image, step, tokens)))
        return np.asarray(found.numpy(), np.float32)

    return denoise
