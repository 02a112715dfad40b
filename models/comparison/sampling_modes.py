"""Sampling modes of a contestant, and the time that a picture takes in each."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import bootstrap

from chalicelib.inference.image_generator import DENOISER_GRAPH, ImageSampling
from chalicelib.inference.pixels import Pixels
from models.comparison.contestants import Clock, Contestant
from models.data import captions
from models.evaluation.intervals import RESAMPLES, ConfidenceInterval

FEW, MANY = 10, 100
"""Steps by which a diffusion model draws."""

_CHUNK = 32
_ALONE, _TOGETHER = 20, 5


@dataclass(frozen=True, slots=True)
class SamplingMode:
    """One way to draw. If `prompted`, prompts are the captions of held-out pictures."""

    name: str
    prompted: bool = False
    steps: int | None = None
    guidance: float | None = None


def sampling_modes(contestant: Contestant) -> list[SamplingMode]:
    """Return the modes of a model: one, or three if it takes steps and prompts."""
    name = contestant.recipe
    if DENOISER_GRAPH not in contestant.signature.graphs:
        return [SamplingMode(name)]
    return [
        SamplingMode(f"{name}, {FEW} steps", steps=FEW, guidance=1.0),
        SamplingMode(f"{name}, {MANY} steps", steps=MANY, guidance=1.0),
        SamplingMode(f"{name}, {FEW} steps, prompts", prompted=True, steps=FEW),
    ]


def draw_pictures(contestant: Contestant, way: SamplingMode, count: int, seed: int) -> Pixels:
    """Return `count` pictures, [count, side, side, channels]."""
    wishes = _prompted_requests if way.prompted else _unprompted_requests
    return np.concatenate(
        [
            contestant.drawer.generate_images(wish)
            for wish in wishes(contestant.channel, way, count, seed)
        ]
    )


def _unprompted_requests(
    _channel: Path, way: SamplingMode, count: int, seed: int
) -> list[ImageSampling]:
    return [
        ImageSampling(min(_CHUNK, count - begin), seed + at, steps=way.steps, guidance=way.guidance)
        for at, begin in enumerate(range(0, count, _CHUNK))
    ]


def _prompted_requests(
    channel: Path, way: SamplingMode, count: int, seed: int
) -> list[ImageSampling]:
    """Return requests for the first captions of `count` held-out pictures, grouped by prompt."""
    texts = captions.read(channel).captions["test"]
    prompts = Counter(texts[at % len(texts)][0] for at in range(count))
    return [
        ImageSampling(many, seed + at, prompt=prompt, steps=way.steps, guidance=way.guidance)
        for at, (prompt, many) in enumerate(sorted(prompts.items()))
    ]


@dataclass(frozen=True, slots=True)
class DrawingSpeed:
    """CPU milliseconds per picture: drawn alone, and 32 at once."""

    alone: ConfidenceInterval
    together: ConfidenceInterval


def measure_speed(
    contestant: Contestant, way: SamplingMode, clock: Clock = time.process_time
) -> DrawingSpeed:
    """Measure how long a picture takes by the exported graphs, on one thread."""
    prompt = ""
    if way.prompted:
        prompt = captions.read(contestant.channel).captions["test"][0][0]

    def timed(count: int, repeats: int) -> list[float]:
        speeds = []
        for seed in range(repeats):
            wish = ImageSampling(count, seed, prompt=prompt, steps=way.steps, guidance=way.guidance)
            began = clock()
            contestant.drawer.generate_images(wish)
            speeds.append(1000 * (clock() - began) / count)
        return speeds

    return DrawingSpeed(_median(timed(1, _ALONE)), _median(timed(_CHUNK, _TOGETHER)))


def _median(values: Sequence[float]) -> ConfidenceInterval:
    """Return the median with its 95 % percentile bootstrap interval."""
    array: NDArray[np.float64] = np.asarray(values, np.float64)
    middle = float(np.median(array))
    if np.ptp(array) == 0:
        return ConfidenceInterval(middle, middle, middle)
    interval = bootstrap(
        (array,),
        np.median,
        n_resamples=RESAMPLES,
        method="percentile",
        rng=np.random.default_rng(0),
    )
    return ConfidenceInterval(middle, *map(float, interval.confidence_interval))
