"""The training loop: steps of a task, with metrics, checkpoints and SIGTERM.

A task is `supervised.LossTask` for a network with a loss, or one of a recipe's own, such as a
GAN's two networks in turn.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch

from chalicelib.contracts.model_card import PROGRESS_FILE
from models.failures import BadCheckpoint, Diverged, Interrupted
from models.files import disk_full_as_failure
from models.training import metrics, seeds
from models.training.checkpoints import Checkpoints, Stateful
from models.training.devices import Device
from models.training.job import TerminationSignal
from models.training.metrics import HISTORY, read_history
from models.training.process_group import ProcessGroup
from models.training.progress import ProgressFile
from models.training.shards import whole_state


class TrainingTask(Protocol):
    """A training that advances in steps."""

    def parts(self) -> Mapping[str, Stateful]:
        """Return the state that later steps depend on, by name, for checkpoints."""

    def step(self, number: int) -> Mapping[str, torch.Tensor | float]:
        """Run step `number`, from 1 on, and return its metrics, with `loss`.

        Chance comes from torch's global stream, or from `seeds.generator(seed, number)`; both are
        the same again when the step is done again.
        """


@runtime_checkable
class EarlyStopping(Protocol):
    """A training task that may end before its last step."""

    @property
    def ended(self) -> bool:
        """Return whether no further step would make it better."""


@dataclass(frozen=True, slots=True)
class StepSchedule:
    """The number of steps, the checkpoint interval, and the seed."""

    steps: int
    checkpoint_every: int
    seed: int


@dataclass(frozen=True, slots=True)
class LoopContext:
    """The device, process group, checkpoints and log of a training."""

    device: Device
    group: ProcessGroup
    checkpoints: Checkpoints
    stop: TerminationSignal
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class _StepRecords:
    """The files that each step is written to: metrics, and progress that can be followed."""

    history: History
    progress: ProgressFile


def train(task: TrainingTask, plan: StepSchedule, place: LoopContext) -> dict[str, float]:
    """Train to the last step, from the newest checkpoint on; return its metrics.

    Raises:
        Interrupted: SIGTERM came; the step that was done is kept.
        Diverged: a value of a step is not finite.
        BadCheckpoint: what is kept is of another training, cannot be read, or differs by host.
        DiskFull: a checkpoint or the history found no room.
    """
    done = place.checkpoints.restore(task.parts())
    if not place.group.agrees(done):
        raise BadCheckpoint(
            f"This process goes on after step {done}, and another of the group after another: each "
            f"host needs all files of {place.checkpoints.folder}, or none."
        )
    folder, leads = place.checkpoints.folder, place.group.leads
    history = History(folder / HISTORY, keep=leads)
    measured = history.begin(done)
    with ProgressFile(folder / PROGRESS_FILE, plan.steps, keep=leads) as progress:
        progress.resume(read_history(folder / HISTORY))
        if done:
            place.say(f"Going on after step {done} of {plan.steps}.")
        if _ended(task, place.group):
            return measured
        records = _StepRecords(history, progress)
        return _train_steps(task, range(done + 1, plan.steps + 1), plan, place, records) or measured


def _train_steps(
    task: TrainingTask,
    numbers: range,
    plan: StepSchedule,
    place: LoopContext,
    records: _StepRecords,
) -> dict[str, float]:
    """Run the steps `numbers`; return the metrics of the last, or an empty mapping of none."""
    measured: dict[str, float] = {}
    done = numbers.start - 1
    for number in numbers:
        seeds.seed_all(plan.seed, number, place.group.rank)
        given = task.step(number)
        # Read before the step ends, each metric would be a graph of its own to XLA.
        place.device.end_step()
        measured = _as_floats(given)
        records.progress.add(number, measured)
        _require_finite(number, measured, done)
        if place.group.leads:
            place.say(metrics.log_line(number, measured))
            records.history.add(number, measured)
        stopping = place.group.any(place.stop.asked) and number < plan.steps
        ended = _ended(task, place.group)
        if ended or stopping or number == plan.steps or number % plan.checkpoint_every == 0:
            _save_checkpoint(task, number, place, records.history)
            done = number
        if ended:
            place.say(f"Ended after step {number} of {plan.steps}: further ones make it no better.")
            return measured
        if stopping:
            raise Interrupted(f"Stopped after step {number} of {plan.steps}; it is kept.")
    return measured


def _ended(task: TrainingTask, group: ProcessGroup) -> bool:
    return isinstance(task, EarlyStopping) and group.any(task.ended)


def _save_checkpoint(task: TrainingTask, number: int, place: LoopContext, history: History) -> None:
    states = {
        name: whole_state(part.state_dict(), place.group) for name, part in task.parts().items()
    }
    if place.group.leads:
        history.flush()
        place.checkpoints.save(number, states)
    place.group.meet()


def _as_floats(measured: Mapping[str, torch.Tensor | float]) -> dict[str, float]:
    return {name: float(value) for name, value in measured.items()}


def _require_finite(number: int, measured: Mapping[str, float], kept: int) -> None:
    broken = [name for name, value in measured.items() if not math.isfinite(value)]
    if broken:
        told = ", ".join(f"{name} is {measured[name]}" for name in broken)
        since = f"step {kept} is kept" if kept else "nothing is kept yet"
        raise Diverged(
            f"Step {number} diverged: {told} ({since}). Try a lower learning_rate, a longer "
            "warmup or a clip_norm, and look for extreme values in the data."
        )


class History:
    """The metrics of every step, one JSON line each, up to the last checkpoint."""

    def __init__(self, path: Path, *, keep: bool) -> None:
        """Write to `path` if `keep`; else another process does."""
        self._path = path
        self._keep = keep
        self._pending: list[str] = []

    def begin(self, done: int) -> dict[str, float]:
        """Drop steps after `done`, and return the metrics of that step."""
        rows = read_history(self._path)
        kept = {number: values for number, values in rows.items() if number <= done}
        if self._keep and len(kept) < len(rows):
            self._path.unlink()
            self._pending = [_history_line(number, values) for number, values in kept.items()]
            self.flush()
        return kept.get(done, {})

    def add(self, number: int, measured: Mapping[str, float]) -> None:
        """Add a step, which is written with the next checkpoint."""
        self._pending.append(_history_line(number, measured))

    def flush(self) -> None:
        """Write the added steps. Raises DiskFull."""
        if not self._pending:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with disk_full_as_failure(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write("".join(self._pending))
        self._pending = []


def _history_line(number: int, values: Mapping[str, float]) -> str:
    return f"{json.dumps({'step': number, **values})}\n"
