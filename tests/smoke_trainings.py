"""Trains smoke presets that are not there yet: `python -m tests.smoke_trainings RECIPE ...`.

It runs in the training environment: two recipes at a time, forked from a process that has imported
what they need.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from filelock import FileLock

from models.datasets.__main__ import prepare
from models.rehearse import RehearsalOptions, rehearse
from models.runs.processes import ProcessPool
from models.runs.trainer import modules_of, run_here
from models.training import recipe
from tests.trained_models import (
    LIMIT_SECONDS,
    MODEL,
    SMOKE,
    data_folder,
    is_trained,
    model_folder,
    remove_older,
)

WORKERS = 2


def prepare_channel(name: str) -> Path:
    """Return a data set's channel, prepared now if it is not there. Raises NoDataset."""
    folder = data_folder(name)
    with _lock(f"data-{name}"):
        if not folder.is_dir():
            part = folder.with_suffix(".part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            prepare(name, part)
            part.rename(folder)
            remove_older(folder)
    return folder


def train(name: str) -> int:
    """Train, judge and export a recipe's smoke preset in this process, unless it is there.

    What it begins from is made first. Returns 0, or what the first job that failed ended with.
    Raises NoDataset.
    """
    found = recipe.load(name)
    for base in found.bases.values():
        if code := train(base):
            return code
    with _lock(name):
        if is_trained(name):
            return 0
        bases = {channel: model_folder(base) / MODEL for channel, base in found.bases.items()}
        way = RehearsalOptions(run_here, prepare_channel(found.dataset.name))
        code = rehearse({"recipe": name, "preset": "smoke"}, model_folder(name), bases, way)
        remove_older(model_folder(name))
        return code


def _lock(name: str) -> FileLock:
    SMOKE.mkdir(parents=True, exist_ok=True)
    return FileLock(SMOKE / f"{name}.lock")


def main(names: Sequence[str]) -> int:
    """Train recipes by their names; 1 where one failed, with its log's end on stderr."""
    processes = ProcessPool(modules_of({*names, *_bases(names)}))

    def train_in_fork(name: str) -> bool:
        log = SMOKE / f"{name}.log"
        done = processes.run(train, (name,), log, LIMIT_SECONDS)
        if done.code:
            print(f"{name}: {done.said}", file=sys.stderr)  # noqa: T201 - why the test fails
        return done.code == 0

    with ThreadPoolExecutor(WORKERS) as pool:
        return 0 if all(list(pool.map(train_in_fork, names))) else 1


def _bases(names: Sequence[str]) -> set[str]:
    bases = {base for name in names for base in recipe.load(name).bases.values()}
    return bases | _bases(sorted(bases)) if bases else bases


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
