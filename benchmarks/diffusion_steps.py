"""Quality against steps and seconds: DDPM, DDIM and the distilled model, `diffusion_steps`.

The tiny presets of `diffusion` and `diffusion_distilled` are trained once, into `build/bench`. Each
way draws the same captions from the same noise, by the exported graphs and the sampler that serves
them, on one thread. Each repetition has noise of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.reporting import Result, spread
from benchmarks.shares import share

PROJECT = Path(__file__).resolve().parent.parent
INTERPRETER = PROJECT / ".venv-training" / "bin" / "python"
KEPT = PROJECT / "build" / "bench" / "diffusion"
RECIPES = ("diffusion", "diffusion_distilled")
LONGEST_S = 3600

_ALONE = {"OMP_NUM_THREADS": "1"}


def measure(repetitions: int) -> Result:
    """Draw in every way, `repetitions` times a hundred pictures. Raises RuntimeError where there is
    no training environment, or a training fails.
    """
    teacher, student = models()
    told = _run("benchmarks.diffusion_steps_drawing", str(teacher), str(student), str(repetitions))
    found = json.loads(told.splitlines()[-1])
    return result(found["ways"], found["facts"], repetitions)


def models() -> tuple[Path, Path]:
    """Return the folders of both runs, trained now unless they were before."""
    teacher, student = (KEPT / name for name in RECIPES)
    for name, folder in zip(RECIPES, (teacher, student), strict=True):
        if not (folder / "finish" / "model" / "signature.json").is_file():
            base = [] if folder == teacher else ["--base", f"teacher={teacher}/finish/model"]
            _run("models.rehearse", name, "--preset", "tiny", "--into", str(folder), *base)
    return teacher, student


def result(ways: Sequence[Mapping[str, Any]], facts: Mapping[str, Any], repetitions: int) -> Result:
    """Return what the ways came to: CPU milliseconds a picture, the share of the right class, and
    the Fréchet distance to the pictures trained on with its 95 % interval by bootstrap.
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


def _run(module: str, *arguments: str) -> str:
    if not INTERPRETER.is_file():
        raise RuntimeError(f"{INTERPRETER} is not there; make training makes it.")
    done = subprocess.run(
        [str(INTERPRETER), "-m", module, *arguments],
        cwd=PROJECT,
        env={**os.environ, **_ALONE},
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{module} {' '.join(arguments)} failed: {done.stderr[-2000:]}")
    return done.stdout
