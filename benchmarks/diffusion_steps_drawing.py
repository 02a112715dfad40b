"""Draw and judge in every way, in the training environment; print one line of JSON."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.model_manifest import FILE
from chalicelib.inference import diffusion
from chalicelib.inference.diffusion import (
    DiffusionSampling,
    Images,
    Integers,
    NoisePredictor,
    NoiseSchedule,
)
from chalicelib.inference.session import open_session
from models.data import captions
from models.data.captions import CaptionedImages
from models.data.images import from_network
from models.datasets import captioned_digits
from models.evaluation.image_quality import ImageClassifier, frechet_interval, image_classifier

DRAWN = 100
DDIM = (50, 20, 10, 5, 2, 1)


@dataclass(frozen=True, slots=True)
class Model:
    """An exported denoiser with the constants of its manifest."""

    denoise: NoisePredictor
    constants: Mapping[str, Any]

    @classmethod
    def open(cls, folder: Path) -> Model:
        """Open a model as the export job leaves it."""
        session = open_session(folder / "denoiser.onnx")

        def denoise(image: Images, step: Integers, tokens: Integers) -> Images:
            given = {"image": image, "step": step, "tokens": tokens}
            (noise,) = session.run(["noise"], given)
            return np.asarray(noise, np.float32)

        signature = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return cls(denoise, signature["constants"])


@dataclass(frozen=True, slots=True)
class Way:
    """A way to draw."""

    name: str
    model: Model
    steps: int
    eta: float = 0.0


def ways(teacher: Model, student: Model) -> Iterator[Way]:
    """Yield DDPM with every step, DDIM with fewer and fewer, and the distilled model."""
    yield Way("DDPM", teacher, int(teacher.constants["steps"]), 1.0)
    for steps in DDIM:
        yield Way(f"DDIM {steps}", teacher, steps)
    steps = int(student.constants["sampling_steps"])
    yield Way(f"distilled {steps}", student, steps)


def drawn(way: Way, tokens: Integers, seed: int) -> tuple[Images, float, float]:
    """Return pictures of captions, and their seconds of CPU and wall time."""
    known = way.model.constants
    schedule = NoiseSchedule(known["alphas_cumprod"], known["lowest"], known["highest"])
    start = diffusion.noise(seed, len(tokens), (known["channels"], known["side"], known["side"]))
    how = DiffusionSampling(way.steps, known["guidance"], way.eta, seed)
    none = np.zeros_like(tokens)
    cpu, wall = time.process_time(), time.perf_counter()
    pictures = diffusion.sample(way.model.denoise, schedule, start, tokens, none, how)
    return pictures, time.process_time() - cpu, time.perf_counter() - wall


def measured(
    way: Way, data: CaptionedImages, judge: ImageClassifier, repetitions: int
) -> dict[str, Any]:
    """Return the results of a way over the repetitions."""
    all_tokens, _ = data.tokens("test", int(way.model.constants["prompt_tokens"]))
    tokens, labels = all_tokens[:DRAWN, 0], data.images.test.labels[:DRAWN]
    features, cpu, wall, right = [], [], [], 0
    for seed in range(repetitions):
        samples, cpu_s, wall_s = drawn(way, tokens, seed)
        cpu.append(1000 * cpu_s / DRAWN)
        wall.append(1000 * wall_s / DRAWN)
        pictures = from_network(samples)
        right += int((judge.classes(pictures) == labels).sum())
        features.append(judge.features(pictures))
    real = judge.features(data.images.train.images)
    return {
        "name": way.name,
        "calls": way.steps,
        "right": right,
        "drawn": repetitions * DRAWN,
        "CPU": cpu,
        "wall": wall,
        "distance": apart(np.concatenate(features), real),
    }


def apart(features: NDArray[np.float64], real: NDArray[np.float64]) -> dict[str, Any]:
    """Return the Fréchet distance of features to real ones with its 95 % interval."""
    interval = frechet_interval(real, features)
    low, high = (round(each, 2) for each in (interval.low, interval.high))
    return {"value": round(interval.mean, 2), "interval": [low, high]}


def main(teacher: str, student: str, repetitions: str) -> None:
    """Measure two models by their common training pictures."""
    with tempfile.TemporaryDirectory() as scratch:
        captioned_digits.prepare(Path(scratch))
        data = captions.read(Path(scratch))
    judge = image_classifier(data.images)
    all_ways = ways(Model.open(Path(teacher)), Model.open(Path(student)))
    facts = {
        "pictures a repetition": DRAWN,
        "judge's accuracy": round(judge.accuracy, 4),
        "diffusers": version("diffusers"),
        "torch": version("torch"),
    }
    found = [measured(way, data, judge, int(repetitions)) for way in all_ways]
    print(json.dumps({"ways": found, "facts": facts}))


if __name__ == "__main__":
    main(*sys.argv[1:])
