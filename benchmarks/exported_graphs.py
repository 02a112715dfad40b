"""Exported graphs compared with their source networks: `exported_graphs`.

Every graph of every recipe, as trained, by onnxruntime with the options that serve it and by torch
in inference mode, on the same inputs, one thread each, in turn in one process. What both give is
compared in the same run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import paired, trained
from benchmarks.reporting import Result, spread
from models.failures import OutOfParity
from models.training import recipe

MOST_APART = 1e-4


def measure(repetitions: int, folder: Path = trained.BUILT) -> Result:
    """Measure each graph `repetitions` times. Raises NotTrained and OutOfParity."""
    models = trained.found(folder, recipe.names())
    named = [f"{name}={place}" for name, place in models.items()]
    output = trained.run("benchmarks.exported_graphs_timing", str(repetitions), *named)
    figures = json.loads(output.splitlines()[-1])
    return result(figures["cases"], figures["torch"], repetitions)


def result(cases: Sequence[Mapping[str, Any]], torch: str, repetitions: int) -> Result:
    """Return CPU milliseconds a call, and how many times torch's ours is, with intervals.

    Raises:
        OutOfParity: a graph differs from its network by more than 1e-4.
    """
    for case in cases:
        if not case["apart"] <= MOST_APART:
            raise OutOfParity(f"{_name(case)} differs from its network by {case['apart']:.2g}.")
    ratios = {_name(case): paired.ratio(case["theirs"], case["ours"]) for case in cases}
    batches = sorted({int(case["batch"]) for case in cases})
    return Result(
        name="exported_graphs",
        repetitions=repetitions,
        measured={
            f"{_name(case)}, {side}": spread(case[side], "ms of CPU a call")
            for case in cases
            for side in ("ours", "theirs")
        },
        ratios={
            f"torch : ours, median of graphs, batch {batch}": _middle(ratios, cases, batch)
            for batch in batches
        },
        facts={
            "batches": batches,
            "graphs": [
                {
                    "recipe": case["recipe"],
                    "graph": case["graph"],
                    "batch": case["batch"],
                    "apart": float(f"{case['apart']:.2g}"),
                    "torch : ours": ratios[_name(case)],
                }
                for case in cases
            ],
        },
        versions={"torch": torch},
        notes=(
            "One thread; turns of 20 ms, whose order changes with each; CPU time.",
            "Intervals are of the median of paired ratios, by bootstrap over turns.",
            "A graph with keys and values writes one token after 64.",
        ),
    )


def _middle(
    ratios: Mapping[str, Mapping[str, Any]], cases: Sequence[Mapping[str, Any]], batch: int
) -> float:
    values = [ratios[_name(case)]["value"] for case in cases if case["batch"] == batch]
    return float(np.median(values))


def _name(case: Mapping[str, Any]) -> str:
    return f"{case['recipe']}, {case['graph']}, batch {case['batch']}"
