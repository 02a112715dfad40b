"""Drawing by a diffusion base with its prompts, and the graphs and constants that serve it."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import DiffusionSampling, NoiseSchedule
from models.data.images import from_network
from models.networks.denoiser.export import HIGHEST, LOWEST
from models.networks.settings import DiffusionTuningSettings
from models.networks.tuned_denoiser import PromptedDenoiser, TunedDenoiser
from models.training import seeds
from models.training.recipe_code import Constant, Graph

_STREAM = 2**31 + 5
_TRIAL = 80
"""More than 64, from which on diffusers takes another way through its upsampling."""
_LATENT_TRIAL = 3
"""Of a base with a VAE, which is a thousand times as large and takes that other way at any size."""
_AT_ONCE = 64


class PredictedNoise(nn.Module):
    """A denoiser that gives noise, whatever its network predicts, as samplers need it."""

    def __init__(self, network: PromptedDenoiser) -> None:
        """Wrap a network."""
        super().__init__()
        self._network = network

    def forward(
        self, image: torch.Tensor, step: torch.Tensor, tokens: torch.Tensor
    ) -> torch.Tensor:
        """Return the noise, as `image`."""
        predicted = self._network(image, step, tokens)
        kept = self._network.kept[step]
        return self._network.loaded.chain.noise(image, predicted, kept)


class LatentDecoder(nn.Module):
    """The VAE's decoder, from latents as the denoiser sees them."""

    def __init__(self, network: PromptedDenoiser) -> None:
        """Wrap the VAE of a network."""
        super().__init__()
        assert network.vae is not None
        self._vae, self._scale = network.vae, network.loaded.latent_scale

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Return pictures, -1 to 1."""
        found: torch.Tensor = self._vae.decode(latent / self._scale).sample
        return found.clamp(LOWEST, HIGHEST)


def sampling(network: PromptedDenoiser, settings: DiffusionTuningSettings) -> DiffusionSampling:
    """Return how pictures are drawn unless asked otherwise."""
    loaded = network.loaded
    steps = settings.sampling_steps or loaded.sampling_steps
    guidance = loaded.guidance if settings.guidance is None else settings.guidance
    return DiffusionSampling(min(steps, len(loaded.chain.kept)), guidance)


def draw_latents(
    network: PromptedDenoiser, tokens: torch.Tensor, settings: DiffusionTuningSettings
) -> torch.Tensor:
    """Draw by prompts, [n, length], from the settings' seed; equal seeds give equal noise."""
    ask = PredictedNoise(network)
    device = network.kept.device

    def denoise(
        image: NDArray[np.float32], step: NDArray[np.int64], given: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        with torch.no_grad():
            found = ask(*(torch.from_numpy(each).to(device) for each in (image, step, given)))
        return np.asarray(found.cpu().numpy(), np.float32)

    lowest, highest = (LOWEST, HIGHEST) if network.vae is None else (-math.inf, math.inf)
    kept = NoiseSchedule(tuple(network.loaded.chain.kept.tolist()), lowest, highest)
    start = diffusion.noise(settings.seed, len(tokens), network.loaded.latent_shape)
    empty = network.encode([""]).numpy()
    how, prompts = sampling(network, settings), tokens.cpu().numpy()
    drawn = [
        diffusion.sample(
            denoise,
            kept,
            start[at : at + _AT_ONCE],
            prompts[at : at + _AT_ONCE],
            np.repeat(empty, len(start[at : at + _AT_ONCE]), axis=0),
            how,
        )
        for at in range(0, len(tokens), _AT_ONCE)
    ]
    return torch.from_numpy(np.concatenate(drawn)).to(device)


def draw_pictures(
    network: PromptedDenoiser, tokens: torch.Tensor, settings: DiffusionTuningSettings
) -> NDArray[np.uint8]:
    """Draw as `draw_latents` does, and return pictures, [n, side, side, channels].

    Raises:
        ModelFailure: the network says something that is not finite.
        NotFinite: a pixel is not finite.
    """
    latents = draw_latents(network, tokens, settings)
    pictures = [network.decode(each[None]).cpu() for each in latents]
    return from_network(torch.cat(pictures).numpy())


def tuned_graphs(network: TunedDenoiser) -> Mapping[str, Graph]:
    """Return the graph `denoiser`, LoRA's matrices merged, and `decoder` if there is a VAE."""
    merged, loaded = network.merged(), network.loaded
    stream = seeds.generator(network.settings.seed, _STREAM)
    words = network.text.get_input_embeddings()
    count = sum(each.shape[0] for each in words.parameters())
    shape, steps = loaded.latent_shape, len(loaded.chain.kept)

    def inputs(number: int) -> tuple[torch.Tensor, ...]:
        return (
            torch.randn((number, *shape), generator=stream),
            torch.randint(steps, (number,), generator=stream),
            torch.randint(count, (number, network.prompts.length), generator=stream),
        )

    names = ("image", "step", "tokens")
    trial = _TRIAL if network.vae is None else _LATENT_TRIAL
    made = {
        "denoiser": Graph(
            PredictedNoise(merged),
            inputs=names,
            outputs=("noise",),
            examples=inputs(2),
            trial=inputs(trial),
            varying={name: {0: "count"} for name in names},
        )
    }
    if network.vae is not None:
        made["decoder"] = Graph(
            LatentDecoder(merged),
            inputs=("latent",),
            outputs=("image",),
            examples=(inputs(2)[0],),
            trial=(inputs(trial)[0],),
            varying={"latent": {0: "count"}},
        )
    return made


def tuned_constants(network: TunedDenoiser) -> Mapping[str, Constant]:
    """Return sizes, ranges, the noise of each step, and the default sampling."""
    loaded, how = network.loaded, sampling(network, network.settings)
    channels, latent_side, _ = loaded.latent_shape
    latent: Mapping[str, Constant] = (
        {} if network.vae is None else {"latent_side": latent_side, "latent_channels": channels}
    )
    return {
        "base": network.base.record.name,
        "way": network.settings.way,
        "side": loaded.side,
        "channels": loaded.channels,
        "lowest": LOWEST,
        "highest": HIGHEST,
        "prompt_tokens": network.prompts.length,
        "steps": len(loaded.chain.kept),
        "alphas_cumprod": tuple(loaded.chain.kept.tolist()),
        "guidance": how.guidance,
        "sampling_steps": how.steps,
        **latent,
    }
