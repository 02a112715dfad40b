"""Small tasks for the loop, and a place to run them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from models.training.checkpoints import Checkpoints, Stateful
from models.training.devices import Device
from models.training.job import TerminationSignal
from models.training.loop import LoopContext
from models.training.process_group import ProcessGroup
from models.training.settings import RecipeSettings
from models.training.supervised_task import Batches, LossTask

ROWS = torch.arange(40.0)[:, None] / 40
SETTINGS = RecipeSettings(
    steps=12, batch=8, learning_rate=0.05, warmup=2, checkpoint_every=5, seed=3
)


class Stopping(TerminationSignal):
    """Is asked to stop once a line of the log says so."""

    def after(self, step: int) -> Callable[[str], None]:
        def say(line: str) -> None:
            if line.startswith(f"step={step};"):
                self.ask()

        return say


def line_task(
    settings: RecipeSettings = SETTINGS,
    group: ProcessGroup | None = None,
    device: Device | None = None,
    chance: float = 0.2,
) -> LossTask:
    """A line that is fitted to 3x - 1, with dropout, so that chance has a part in it."""

    def loss(network: nn.Module, batch: Any, _: int) -> Mapping[str, torch.Tensor]:
        (rows,) = batch
        told = nn.functional.dropout(network(rows), chance)
        squares = (told - (3 * rows - 1)).square()
        return {"loss": squares.mean(), "worst": squares.max()}

    torch.manual_seed(0)
    group = group or ProcessGroup()
    rows = Batches([ROWS], settings, group)
    device = device or Device(torch.device("cpu"))
    return LossTask(nn.Linear(1, 1), loss, rows, settings, device, group)


@dataclass
class Counting:
    """Counts its steps, and gives what it is told to give at one of them."""

    at: int = 0
    broken: Mapping[int, float] = field(default_factory=dict)

    def state_dict(self) -> dict[str, Any]:
        return {"at": self.at}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        self.at = state_dict["at"]

    def parts(self) -> Mapping[str, Stateful]:
        return {"counting": self}

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        self.at += 1
        assert self.at == number
        return {"loss": self.broken.get(number, 1 / number)}


@dataclass
class Bench:
    """A place for the loop below a folder, with the lines that were said."""

    folder: Path
    stop_after: int = 0
    training: Mapping[str, Any] = field(default_factory=lambda: {"recipe": "line"})
    said: list[str] = field(default_factory=list)

    def place(self) -> LoopContext:
        stop = Stopping()
        watch = stop.after(self.stop_after)

        def say(line: str) -> None:
            self.said.append(line)
            watch(line)

        checkpoints = Checkpoints(self.folder, self.training)
        return LoopContext(Device(torch.device("cpu")), ProcessGroup(), checkpoints, stop, say)
