"""A training step of each recipe beside other libraries' loops: `training_steps`.

The tiny preset by our loop, by a bare loop of torch, and by the trainer of the library that the
architecture is of; the same network, loss, data, batch and optimiser, one thread each. Processes
have turns, whose order changes, so that all see the same neighbours.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import paired, trained
from benchmarks.lines import Peer, peer
from benchmarks.reporting import Result, spread
from models.training import recipe

OURS, BARE = "ours", "bare torch"
TRAINER, DIFFUSERS = "transformers.Trainer", "diffusers' example"
THIRD = "library"

LIBRARY: Mapping[str, str | None] = {
    "adapted": TRAINER,
    "aligned": None,
    "aligned-dpo": TRAINER,
    "blip2": TRAINER,
    "clip": TRAINER,
    "clip_emoji": TRAINER,
    "continued": TRAINER,
    "diffusion": DIFFUSERS,
    "diffusion_distilled": None,
    "flamingo": TRAINER,
    "gan": None,
    "language_model": TRAINER,
    "late_fusion": TRAINER,
    "policy": TRAINER,
    "reward_model": TRAINER,
    "shape_language": TRAINER,
    "shape_vision": TRAINER,
    "vae": TRAINER,
}
"""The trainer of each recipe's library, or of its variant's. There is none of two networks against
each other, of PPO by rewards of our own, and of a student of two steps at once."""

TURN_S = 0.25
WARM = 2
CHILD = "benchmarks.training_steps_turns"


def measure(repetitions: int, folder: Path = trained.BUILT) -> Result:
    """Train each recipe in every way, `repetitions` turns each.

    Raises:
        NotTrained: there is no training environment, or no model to begin from.
    """
    bases = {name: begun_from(name) for name in LIBRARY}
    models = trained.found(
        folder, sorted({each for used in bases.values() for each in used.values()})
    )
    python = str(trained.PROJECT / trained.interpreter())
    spent: dict[str, dict[str, list[float]]] = {}
    with ExitStack() as stack:
        channels = stack.enter_context(tempfile.TemporaryDirectory())
        command = [python, "-m", CHILD, channels]
        children = {
            way: stack.enter_context(peer(command, trained.PROJECT, trained.environment()))
            for way in (OURS, BARE, THIRD)
        }
        for name in LIBRARY:
            begun = {channel: str(models[base]) for channel, base in bases[name].items()}
            spent[name] = _turns(name, begun, children, repetitions)
        versions = children[OURS].ready["versions"]
    return result(spent, versions, repetitions)


def begun_from(name: str) -> Mapping[str, str]:
    """Return the base recipes of a recipe, or of its variant, by their channels."""
    return recipe.load(name.partition("-")[0]).bases


def _turns(
    name: str, bases: Mapping[str, str], children: Mapping[str, Peer], repetitions: int
) -> dict[str, list[float]]:
    """Return the CPU milliseconds of a step, turn by turn, of each way to train a recipe."""
    library = LIBRARY[name]
    ways = {OURS: children[OURS], BARE: children[BARE]}
    if library is not None:
        ways[library] = children[THIRD]
    for way, child in ways.items():
        recipe_name, _, variant = name.partition("-")
        child.ask({"recipe": recipe_name, "variant": variant, "way": way, "bases": bases})
    warm = [child.ask({"steps": WARM})["cpu"] / WARM for child in ways.values()]
    steps = max(1, round(TURN_S / min(warm)))
    spent: dict[str, list[float]] = {way: [] for way in ways}
    for repetition in range(repetitions):
        for way in list(ways) if repetition % 2 else [*reversed(ways)]:
            spent[way].append(1000 * ways[way].ask({"steps": steps})["cpu"] / steps)
    for child in ways.values():
        child.ask({})
    return spent


def result(
    spent: Mapping[str, Mapping[str, Sequence[float]]],
    versions: Mapping[str, str],
    repetitions: int,
) -> Result:
    """Return CPU milliseconds a step, and the ratios of the other loops to ours."""
    return Result(
        name="training_steps",
        repetitions=repetitions,
        measured={
            f"{name}, {way}": spread(values, "ms of CPU a step")
            for name, ways in spent.items()
            for way, values in ways.items()
        },
        facts={
            "ours : theirs": {
                name: {
                    way: paired.ratio(ways[OURS], values)
                    for way, values in ways.items()
                    if way != OURS
                }
                for name, ways in spent.items()
            },
        },
        versions=versions,
        notes=(
            "One thread; turns whose order changes; CPU time; nobody saves a checkpoint meanwhile.",
            "Ours writes metrics and a row of history each step; Trainer logs each 500 by default.",
            "Intervals are of the median of paired ratios, by bootstrap over turns.",
        ),
    )
