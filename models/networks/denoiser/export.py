"""The graph of a denoiser, and what a sampler has to know beside it."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from models.common import seeds
from models.common.family import Constant, Graph
from models.networks.denoiser import schedule
from models.networks.denoiser.network import Averaged, Denoiser
from models.networks.denoiser.settings import DenoiserSettings

LOWEST, HIGHEST = -1.0, 1.0
_PLACE = 2**31 + 1
_TRIAL = 80
"""More than 64, from which on diffusers takes another way through its upsampling."""


class NoiseIn(nn.Module):
    """A denoiser that gives the noise in pictures, as samplers take it."""

    def __init__(self, network: Denoiser, steps: int) -> None:
        """Take a denoiser that was trained on a chain of so many steps."""
        super().__init__()
        self._network = network
        self.register_buffer("_kept", schedule.kept_shares(steps))

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the noise, as `image`."""
        velocity = self._network(image, step, tokens)
        return schedule.noise_of(image, velocity, self._kept[step])


def graphs(network: nn.Module, settings: DenoiserSettings) -> Mapping[str, Graph]:
    """Return the graph `denoiser`; the count of pictures may vary."""
    assert isinstance(network, Averaged)
    stream = seeds.generator(settings.seed, _PLACE)

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
            NoiseIn(network.drawing, settings.noise_steps),
            inputs=names,
            outputs=("noise",),
            examples=inputs(2),
            trial=inputs(_TRIAL),
            varying={name: {0: "count"} for name in names},
        )
    }


def constants(settings: DenoiserSettings) -> Mapping[str, Constant]:
    """Return sizes, the range of pictures, the schedule, and how to draw unless asked otherwise."""
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
