"""Training of recipes in turns, controlled line by line by `training_steps`.

It runs in the training environment. A request {"recipe", "variant", "way", "bases"} starts a
training, {"steps": n} requests n steps of it, whose answer is their CPU seconds, and {} ends it. A
training is driven by its own loop, and waits for its next turn at the end of a step.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from benchmarks import training_steps_peers as peers
from benchmarks.training_steps_peers import Over, Turn
from models.datasets.__main__ import prepare
from models.training import artefacts, recipe, seeds
from models.training.checkpoints import Checkpoints
from models.training.devices import Device
from models.training.job import TerminationSignal
from models.training.loop import LoopContext, StepSchedule, TrainingTask, train
from models.training.process_group import ProcessGroup
from models.training.recipe_code import TaskSetup, make_network, recipe_code
from models.training.settings import RecipeSettings

LIBRARIES = ("torch", "transformers", "accelerate", "diffusers", "peft")
ENDLESS = 10**7


class Turns:
    """Counter of steps that answers with their CPU seconds."""

    def __init__(
        self, questions: Iterator[Mapping[str, Any]], answer: Callable[[Mapping[str, Any]], None]
    ) -> None:
        self._questions, self._answer = questions, answer
        self._left = 0
        self._began = 0.0

    def begin(self) -> None:
        """Report that a training is ready, and wait for its first turn. Raises Over."""
        self._answer({"ready": True})
        self._wait()

    def done(self) -> None:
        """Count a step; after the last of a turn wait for the next. Raises Over."""
        self._left -= 1
        if not self._left:
            self._answer({"cpu": time.process_time() - self._began})
            self._wait()

    def _wait(self) -> None:
        question = next(self._questions)
        if "steps" not in question:
            self._answer({"over": True})
            raise Over
        self._left = int(question["steps"])
        self._began = time.process_time()


def made(asked: Mapping[str, Any], channels: Path) -> tuple[TrainingTask, RecipeSettings]:
    """Return the task of a recipe's tiny preset, started as a job starts it."""
    found, code = recipe.load(asked["recipe"]), recipe_code(asked["recipe"])
    settings = recipe.resolve(found, "tiny", found.variants.get(asked["variant"]))
    channel = channels / found.dataset.name
    prepare(found.dataset.name, channel)
    data = code.load(channel)
    seeds.seed_all(settings.seed, 0)
    network = make_network(code, settings, data, None)
    if code.begin is not None:
        bases = asked["bases"].items()
        begun = {base: artefacts.read_training(Path(at), channels) for base, at in bases}
        code.begin(network, begun)
    device = Device(torch.device("cpu"))
    return code.task(TaskSetup(network, data, settings, device, ProcessGroup())), settings


def ours(task: TrainingTask, settings: RecipeSettings, turn: Turn, scratch: Path) -> None:
    """Train by the loop of jobs: a line of metrics and a row of the history per step."""
    with TerminationSignal() as stop, (scratch / "log").open("w", encoding="utf-8") as log:

        def say(line: str) -> None:
            log.write(f"{line}\n")
            turn()

        place = LoopContext(
            Device(torch.device("cpu")),
            ProcessGroup(),
            Checkpoints(scratch / "kept", {}),
            stop,
            say,
        )
        train(task, StepSchedule(ENDLESS, ENDLESS, settings.seed), place)


def main(channels: str) -> None:
    """Train as requested until there are no more requests."""
    torch.set_num_threads(1)
    told = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of libraries is not an answer

    def answer(content: Mapping[str, Any]) -> None:
        told.write(f"{json.dumps(content)}\n")
        told.flush()

    answer({"versions": {name: version(name) for name in LIBRARIES}})
    questions = (json.loads(line) for line in sys.stdin)
    for question in questions:
        turns = Turns(questions, answer)
        with tempfile.TemporaryDirectory() as scratch:
            task, settings = made(question, Path(channels))
            way = {"ours": ours, **peers.WAYS}[question["way"]]
            try:
                turns.begin()
                way(task, settings, turns.done, Path(scratch))
            except Over:
                continue


if __name__ == "__main__":
    main(sys.argv[1])
