"""Quality of DDPM, DDIM and the distilled model by steps and seconds: `diffusion_steps`.

`diffusion` and `diffusion_distilled` are those of `make train-all`. Each way draws the same
captions from the same noise, by the exported graphs and the sampler that serves them, on one
thread. Each repetition has noise of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import trained
from benchmarks.reporting import Result, spread
from benchmarks.shares import share

RECIPES = ("diffusion", "diffusion_distilled")


def measure(repetitions: int, folder: Path = trained.BUILT) -> Result:
    """Draw in every way, `repetitions` times a hundred pictures. Raises NotTrained."""
    teacher, student = trained.found(folder, RECIPES).values()
    output = trained.run(
        "benchmarks.diffusion_steps_drawing", str(teacher), str(student), str(repetitions)
    )
    figures = json.loads(output.splitlines()[-1])
    return result(figures["ways"], figures["facts"], repetitions)


def result(ways: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], repetitions: int) -> Result:
    """Return the results of the ways.

    They are CPU milliseconds a picture, the share of the right class, and the Fréchet distance to
    the training pictures with its 95 % interval by bootstrap.
    """
    return Result(
        name="diffusion_steps",
        repetitions=repetitions,
        measured={
            f"{way['name']}, {kind}": spread(way[kind], "ms a picture")
            for way in ways
            for kind in ("CPU", "wall")
        },
        facts={
            **facts,
            "ways": {
                way["name"]: {
                    "calls": way["calls"],
                    "accuracy": share(way["right"], way["drawn"]),
                    "distance": way["distance"],
                }
                for way in ways
            },
        },
        versions={"diffusers": facts["diffusers"], "torch": facts["torch"]},
        notes=(
            "One thread, 100 pictures at a time; guidance 1.5 calls the network on twice as many.",
            "Distances are by features of a classifier of these digits, of as many pictures each.",
        ),
    )
