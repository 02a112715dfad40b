"""Adapters such as LoRA compared with full fine-tuning: `adapting_ways`.

The language model of `make train-all` is taught one task by each way, with the steps of its
recipe's preset or variant, each training in a process of its own, one thread, the ways in turn by
one seed after another.
What a larger decoder takes is measured in a few steps of new weights, without quality.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import paired, trained
from benchmarks.reporting import Result, spread
from benchmarks.shares import share

CHILD = "benchmarks.adapting_ways_training"
WAYS = ("full", "gradual", "lora", "ia3", "prompt_tuning")
BASE = "language_model"

Runs = Mapping[str, Sequence[Mapping[str, Any]]]
"""What each run of a way came to, in the order of seeds."""


def measure(repetitions: int, folder: Path = trained.BUILT) -> Result:
    """Train in every way with `repetitions` seeds. Raises NotTrained."""
    base = trained.found(folder, [BASE])[BASE]
    tasks: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with tempfile.TemporaryDirectory() as scratch:
        channel = Path(scratch) / "notes"
        trained.run("models.datasets", "notes", str(channel))
        for seed in range(repetitions):
            for way in _turn(seed):
                into = Path(scratch) / f"{way}-{seed}"
                output = trained.run(
                    CHILD, "task", way, str(seed), str(base), str(channel), str(into)
                )
                tasks[way].append(_last(output))
        larger = {way: _last(trained.run(CHILD, "steps", way, str(channel))) for way in WAYS}
    return result(tasks, larger, repetitions)


def _turn(seed: int) -> Iterable[str]:
    return WAYS if seed % 2 else reversed(WAYS)


def _last(told: str) -> dict[str, Any]:
    row: dict[str, Any] = json.loads(told.splitlines()[-1])
    return row


def result(tasks: Runs, larger: Mapping[str, Mapping[str, Any]], repetitions: int) -> Result:
    """Return seconds, memory, bytes and quality of each way, and ratios to full fine-tuning."""
    full = tasks["full"]
    return Result(
        name="adapting_ways",
        repetitions=repetitions,
        measured={
            **_spreads(tasks, "cpu", "seconds of CPU"),
            **_spreads(tasks, "peak", "MiB at most"),
            **{
                f"{way}, larger, a step": spread(each["step"], "seconds of CPU")
                for way, each in larger.items()
            },
        },
        facts={
            "ways": {way: _way(runs, full) for way, runs in tasks.items()},
            "larger": {way: _larger(each, larger["full"]) for way, each in larger.items()},
        },
        notes=(
            "A process of one thread each; peaks count torch and the frozen base as well.",
            "Kept is what learned; a checkpoint has networks and optimiser, to go on from.",
            "The larger decoder has new weights: three steps, of which the first is left out.",
        ),
    )


def _spreads(tasks: Runs, name: str, unit: str) -> dict[str, Any]:
    return {
        f"{way}, {name}": spread([each[name] for each in runs], unit) for way, runs in tasks.items()
    }


def _way(runs: Sequence[Mapping[str, Any]], full: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    def against(name: str) -> dict[str, Any]:
        return paired.ratio([each[name] for each in runs], [each[name] for each in full])

    right, asked = (sum(each[name] for each in runs) for name in ("right", "asked"))
    return {
        "exact match": share(right, asked),
        "exact match by seed": [round(each["right"] / each["asked"], 3) for each in runs],
        "trainable share": round(runs[0]["share"], 4),
        "bytes kept": runs[0]["learned"],
        "bytes of a checkpoint": runs[0]["checkpoint"],
        "seconds : full": against("cpu"),
        "peak : full": against("peak"),
    }


def _larger(each: Mapping[str, Any], full: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "weights": each["weights"],
        "trainable share": round(each["share"], 4),
        "MiB before": round(each["before"]),
        "MiB at most": round(each["peak"]),
        "grown : full": round((each["peak"] - each["before"]) / (full["peak"] - full["before"]), 3),
        "bytes kept": each["learned"],
        "bytes of optimiser": each["optimiser"],
    }
