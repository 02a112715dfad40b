"""Draws pictures by a diffusion model: DDPM, DDIM and guidance, in NumPy.

The network is a callable that predicts the noise in a picture, an ONNX session in a function and a
torch module where a recipe is judged. Steps lie evenly up to the noisiest one, which is always
among them (S. Lin et al., "trailing", https://arxiv.org/abs/2305.08891).

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

Pictures = NDArray[np.float32]
"""[count, channels, side, side]."""
Whole = NDArray[np.int64]

Denoise = Callable[[Pictures, Whole, Whole], Pictures]
"""Given noised pictures, the step of each, [count], and its tokens, [count, prompt_tokens],
returns the noise in them. Tokens that are all 0 stand for no prompt."""

MOST_GUIDANCE = 20.0
_PARALLEL = 1e-4


@dataclass(frozen=True, slots=True)
class Schedule:
    """`kept` is the share of a picture's variance that is left at each step, falling, as
    `alphas_cumprod` of a manifest; pictures lie between `lowest` and `highest`.
    """

    kept: Sequence[float]
    lowest: float = -1.0
    highest: float = 1.0


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to draw. `steps` calls of the network; `guidance` 1 is the prompt's prediction alone;
    `eta` 0 draws no noise on the way (DDIM), and 1 with as many steps as there are is DDPM, whose
    noise `seed` gives.
    """

    steps: int
    guidance: float = 1.0
    eta: float = 0.0
    seed: int = 0


def noise(seed: int, count: int, shape: Sequence[int]) -> Pictures:
    """Return standard normal noise of [count, *shape] to begin from.

    Each picture has a stream of its own: the first of a seed is the same one, however many are
    drawn with it. Raises InvalidInput for a seed below 0.
    """
    return np.stack([_stream(seed, at).standard_normal(shape, np.float32) for at in range(count)])


def interpolate(seed: int, to_seed: int, count: int, shape: Sequence[int]) -> Pictures:
    """Return noise of [count, *shape] on the arc from the first picture of one seed to that of
    another (K. Shoemake, slerp, 1985). A straight line would leave the sphere that noise lies near.
    Raises InvalidInput for a seed below 0.
    """
    begin, end = noise(seed, 1, shape)[0], noise(to_seed, 1, shape)[0]
    cosine = float(np.vdot(begin, end) / (np.linalg.norm(begin) * np.linalg.norm(end)))
    angle = math.acos(min(1.0, max(-1.0, cosine)))
    shares = np.linspace(0, 1, count)
    if math.sin(angle) < _PARALLEL:
        weights = np.stack([1 - shares, shares])
    else:
        weights = np.sin(np.stack([1 - shares, shares]) * angle) / math.sin(angle)
    one, other = weights.reshape(2, count, *[1] * len(shape))
    return np.asarray(one * begin + other * end, np.float32)


def grid(total: int, steps: int) -> list[int]:
    """Return the steps of the chain that are visited, from the noisiest, `total` - 1, down."""
    return [round(total - at * total / steps) - 1 for at in range(steps)]


def sample(
    denoise: Denoise,
    schedule: Schedule,
    start: Pictures,
    tokens: Whole,
    negative: Whole,
    how: Sampling,
) -> Pictures:
    """Return pictures of the prompts, as `start`, which is noise of `noise` or `interpolate`.

    `tokens` and `negative` are [count, prompt_tokens]. The negative prompt takes the place of no
    prompt in the guidance, and so is not looked at where the guidance is 1.

    Raises:
        InvalidInput: `steps`, `guidance`, `eta` or `seed` is out of its bounds.
        ModelFailure: the network gave something else than noise.
    """
    _hold(schedule, how)
    if how.guidance == 1 and negative.any():
        raise InvalidInput(
            "guidance is 1, which does not look at the negative prompt; give more, such as 2, or "
            "leave the negative prompt out.",
            field="guidance",
        )
    pictures = start
    visited = grid(len(schedule.kept), how.steps)
    streams = [_stream(how.seed, at, 1) for at in range(len(start))] if how.eta else []
    for at, step in enumerate(visited):
        predicted = _predicted(denoise, pictures, step, (tokens, negative), how.guidance)
        before = schedule.kept[visited[at + 1]] if at + 1 < len(visited) else 1.0
        pictures, deviation = _back(schedule, pictures, predicted, (step, before), how.eta)
        if deviation:
            drawn = [each.standard_normal(start.shape[1:], np.float32) for each in streams]
            pictures = pictures + np.float32(deviation) * np.stack(drawn)
    return np.clip(pictures, np.float32(schedule.lowest), np.float32(schedule.highest))


def _predicted(
    denoise: Denoise, pictures: Pictures, step: int, prompts: tuple[Whole, Whole], guidance: float
) -> Pictures:
    """Return negative + guidance (prompt - negative), by one call for both."""
    count = len(pictures)
    if guidance == 1:
        return _noise_of(denoise, pictures, step, prompts[0])
    both = _noise_of(denoise, np.concatenate([pictures] * 2), step, np.concatenate(prompts))
    wanted, unwanted = both[:count], both[count:]
    return unwanted + np.float32(guidance) * (wanted - unwanted)


def _noise_of(denoise: Denoise, pictures: Pictures, step: int, tokens: Whole) -> Pictures:
    found = denoise(pictures, np.full(len(pictures), step, np.int64), tokens)
    if found.shape != pictures.shape or not np.isfinite(found).all():
        raise ModelFailure(
            f"The model gave {found.shape} at step {step}, and finite noise of {pictures.shape} "
            "was to come; it has to be trained or exported again."
        )
    return found


def _back(
    schedule: Schedule, pictures: Pictures, predicted: Pictures, at: tuple[int, float], eta: float
) -> tuple[Pictures, float]:
    """Return what one step leaves (Song et al., equation 12), and the deviation of the noise that
    is still to be added (equation 16).

    What the clean picture is taken to be is held to the range, and the noise follows from it.
    """
    kept, before = schedule.kept[at[0]], at[1]
    clean = (pictures - np.float32(math.sqrt(1 - kept)) * predicted) / np.float32(math.sqrt(kept))
    clean = np.clip(clean, np.float32(schedule.lowest), np.float32(schedule.highest))
    left = (pictures - np.float32(math.sqrt(kept)) * clean) / np.float32(math.sqrt(1 - kept))
    deviation = eta * math.sqrt((1 - before) / (1 - kept) * (1 - kept / before))
    towards = math.sqrt(max(0.0, 1 - before - deviation**2))
    found = np.float32(math.sqrt(before)) * clean + np.float32(towards) * left
    return found.astype(np.float32, copy=False), deviation


def _stream(seed: int, *place: int) -> np.random.Generator:
    if seed < 0:
        raise InvalidInput(f"seed is {seed} and has to be 0 or more.", field="seed", limit="0")
    return np.random.default_rng([seed, *place])


def _hold(schedule: Schedule, how: Sampling) -> None:
    most = len(schedule.kept)
    if not 1 <= how.steps <= most:
        raise InvalidInput(
            f"steps is {how.steps} and has to be from 1 to {most}, as the model was trained.",
            field="steps",
            limit=str(most),
        )
    if not 0 <= how.guidance <= MOST_GUIDANCE:
        raise InvalidInput(
            f"guidance is {how.guidance} and has to be from 0 to {MOST_GUIDANCE:g}.",
            field="guidance",
            limit=f"{MOST_GUIDANCE:g}",
        )
    if not 0 <= how.eta <= 1:
        raise InvalidInput(f"eta is {how.eta} and has to be from 0 to 1.", field="eta", limit="1")
