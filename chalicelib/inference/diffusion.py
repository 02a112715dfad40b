"""Sampling of images from a diffusion model: DDPM, DDIM and classifier-free guidance.

In NumPy. The network is a callable that predicts the noise in an image: an ONNX session in a
function, a torch module when a recipe is evaluated. Steps are spaced evenly up to the noisiest one,
which is always among them (S. Lin et al., "trailing", https://arxiv.org/abs/2305.08891).

DDPM: J. Ho et al., https://arxiv.org/abs/2006.11239

DDIM: J. Song et al., https://arxiv.org/abs/2010.02502

Guidance: J. Ho and T. Salimans, https://arxiv.org/abs/2207.12598
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, ModelFailure

Images = NDArray[np.float32]
"""Shape [count, channels, side, side]."""
Integers = NDArray[np.int64]

NoisePredictor = Callable[[Images, Integers, Integers], Images]
"""A denoising network: takes noised images, the step of each, [count], and their tokens, [count,
prompt_tokens]; returns the noise in them. Tokens that are all 0 mean no prompt.
"""

MAX_GUIDANCE = 20.0
_PARALLEL = 1e-4


@dataclass(frozen=True, slots=True)
class NoiseSchedule:
    """The noise of each step, from a manifest's `alphas_cumprod`, and the range of pixels.

    `kept` is the share of an image's variance that is left at each step; it falls. Images lie
    between `lowest` and `highest`.
    """

    kept: Sequence[float]
    lowest: float = -1.0
    highest: float = 1.0


@dataclass(frozen=True, slots=True)
class DiffusionSampling:
    """The settings of a sampling run.

    `steps` is the number of denoising steps. At `guidance` 1 the prediction for the prompt is used
    alone. At `eta` 0 no noise is added on the way (DDIM); at 1, with as many steps as the schedule
    has, it is DDPM, whose noise `seed` determines.
    """

    steps: int
    guidance: float = 1.0
    eta: float = 0.0
    seed: int = 0


def noise(seed: int, count: int, shape: Sequence[int]) -> Images:
    """Return standard normal noise, [count, *shape], to start from.

    Each image has a random stream of its own: the first image of a seed is the same, however many
    are drawn with it. Raises `InvalidInput` for a negative seed.
    """
    return np.stack([_rng(seed, at).standard_normal(shape, np.float32) for at in range(count)])


def interpolate(seed: int, to_seed: int, count: int, shape: Sequence[int]) -> Images:
    """Return noise, [count, *shape], between the first images of two seeds.

    It lies on an arc (slerp, K. Shoemake, 1985): a straight line would leave the sphere near which
    Gaussian noise lies. Raises `InvalidInput` for a negative seed.
    """
    begin, end = noise(seed, 1, shape)[0], noise(to_seed, 1, shape)[0]
    cosine = float(np.vdot(begin, end) / (np.linalg.norm(begin) * np.linalg.norm(end)))
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    fractions = np.linspace(0, 1, count)
    if math.sin(angle) < _PARALLEL:
        weights = np.stack([1 - fractions, fractions])
    else:
        weights = np.sin(np.stack([1 - fractions, fractions]) * angle) / math.sin(angle)
    first_weights, second_weights = weights.reshape(2, count, *[1] * len(shape))
    return np.asarray(first_weights * begin + second_weights * end, np.float32)


def visited_steps(total: int, steps: int) -> list[int]:
    """Return the visited steps of the schedule, from the noisiest, `total` - 1, down."""
    return [round(total - at * total / steps) - 1 for at in range(steps)]


def sample(
    denoise: NoisePredictor,
    schedule: NoiseSchedule,
    start: Images,
    tokens: Integers,
    negative: Integers,
    settings: DiffusionSampling,
) -> Images:
    """Return images of the prompts, of the shape of `start`.

    The negative prompt takes the place of the empty prompt in the guidance, so it is not used where
    the guidance is 1.

    Args:
        denoise: predicts the noise in images.
        schedule: the noise of each step and the range of pixel values.
        start: noise from `noise` or `interpolate`.
        tokens: the prompts, [count, prompt_tokens].
        negative: the negative prompts, [count, prompt_tokens].
        settings: steps, guidance, eta and seed.

    Raises:
        InvalidInput: `steps`, `guidance`, `eta` or `seed` is out of range.
        ModelFailure: the network's output has another shape, or is not finite.
    """
    _check_settings(schedule, settings)
    images = start
    steps = visited_steps(len(schedule.kept), settings.steps)
    rngs = [_rng(settings.seed, at, 1) for at in range(len(start))] if settings.eta else []
    for at, step in enumerate(steps):
        predicted = _guided_noise(denoise, images, step, (tokens, negative), settings.guidance)
        before = schedule.kept[steps[at + 1]] if at + 1 < len(steps) else 1.0
        images, deviation = _step_back(schedule, images, predicted, (step, before), settings.eta)
        if deviation:
            drawn = [rng.standard_normal(start.shape[1:], np.float32) for rng in rngs]
            images = images + np.float32(deviation) * np.stack(drawn)
    return np.clip(images, np.float32(schedule.lowest), np.float32(schedule.highest))


def _guided_noise(
    denoise: NoisePredictor,
    images: Images,
    step: int,
    prompts: tuple[Integers, Integers],
    guidance: float,
) -> Images:
    """Return negative + guidance * (prompt - negative), computed by one call for both."""
    count = len(images)
    if guidance == 1:
        return _predict_noise(denoise, images, step, prompts[0])
    both = _predict_noise(denoise, np.concatenate([images] * 2), step, np.concatenate(prompts))
    with_prompt, with_negative = both[:count], both[count:]
    return with_negative + np.float32(guidance) * (with_prompt - with_negative)


def _predict_noise(denoise: NoisePredictor, images: Images, step: int, tokens: Integers) -> Images:
    predicted = denoise(images, np.full(len(images), step, np.int64), tokens)
    if predicted.shape != images.shape or not np.isfinite(predicted).all():
        raise ModelFailure(
            f"The model gave {predicted.shape} at step {step}, and finite noise of {images.shape} "
            "was to come; it has to be trained or exported again."
        )
    return predicted


def _step_back(
    schedule: NoiseSchedule, images: Images, predicted: Images, at: tuple[int, float], eta: float
) -> tuple[Images, float]:
    """Return the images after one step, and the deviation of the noise still to be added.

    Song et al., equations 12 and 16. The predicted clean image is clipped to the range of pixels,
    and the noise is computed from it.
    """
    signal, before = schedule.kept[at[0]], at[1]
    clean = (images - np.float32(math.sqrt(1 - signal)) * predicted) / np.float32(math.sqrt(signal))
    clean = np.clip(clean, np.float32(schedule.lowest), np.float32(schedule.highest))
    residual = (images - np.float32(math.sqrt(signal)) * clean) / np.float32(math.sqrt(1 - signal))
    deviation = eta * math.sqrt((1 - before) / (1 - signal) * (1 - signal / before))
    towards = math.sqrt(max(0.0, 1 - before - deviation**2))
    stepped = np.float32(math.sqrt(before)) * clean + np.float32(towards) * residual
    return stepped.astype(np.float32, copy=False), deviation


def _rng(seed: int, *place: int) -> np.random.Generator:
    """Return the random stream of one image."""
    if seed < 0:
        raise InvalidInput(f"seed is {seed} and has to be 0 or more.", field="seed", limit="0")
    return np.random.default_rng([seed, *place])


def _check_settings(schedule: NoiseSchedule, settings: DiffusionSampling) -> None:
    """Raise `InvalidInput` if a number is out of range."""
    max_steps = len(schedule.kept)
    if not 1 <= settings.steps <= max_steps:
        raise InvalidInput(
            f"steps is {settings.steps} and has to be from 1 to {max_steps}, as the model was"
            " trained.",
            field="steps",
            limit=str(max_steps),
        )
    if not 0 <= settings.guidance <= MAX_GUIDANCE:
        raise InvalidInput(
            f"guidance is {settings.guidance} and has to be from 0 to {MAX_GUIDANCE:g}.",
            field="guidance",
            limit=f"{MAX_GUIDANCE:g}",
        )
    if not 0 <= settings.eta <= 1:
        raise InvalidInput(
            f"eta is {settings.eta} and has to be from 0 to 1.", field="eta", limit="1"
        )
