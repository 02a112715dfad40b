"""Trained models, and the training environment, for benchmarks of models."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from benchmarks.bench_environment import ALONE
from chalicelib.contracts.model_manifest import FILE

PROJECT = Path(__file__).resolve().parent.parent
INTERPRETER = PROJECT / ".venv-training" / "bin" / "python"
BUILT = PROJECT / "build" / "trained"
"""Where `make train-all` leaves its models."""

SEED = 0
LONGEST_S = 3600


class NotTrained(RuntimeError):  # noqa: N818 - a failure that says what is not there
    """Raised when a model is not trained, or nothing can be trained here."""


def found(folder: Path, recipes: Iterable[str]) -> Mapping[str, Path]:
    """Return the folder of each recipe's first-seed model, below that of `make train-all`.

    Raises:
        NotTrained: one does not exist; the message says which, and what trains it.
    """
    places = {name: folder / name / str(SEED) / "finish" / "model" for name in recipes}
    missing = [name for name, place in places.items() if not (place / FILE).is_file()]
    if missing:
        names, python = " ".join(missing), INTERPRETER.relative_to(PROJECT)
        raise NotTrained(
            f"{folder} has no model of {names.replace(' ', ', ')}. make train-all trains every one,"
            f" {python} -m models.train_all {names} --seeds 1 --into {folder} these alone;"
            " --trained names another folder."
        )
    return places


def interpreter() -> Path:
    """Return the training Python, as a path below the project. Raises NotTrained."""
    if not INTERPRETER.is_file():
        raise NotTrained(f"{INTERPRETER} is not there; make training makes it.")
    return INTERPRETER.relative_to(PROJECT)


def environment() -> dict[str, str]:
    """Return the environment of a process with one thread and no network."""
    return {**os.environ, **ALONE}


def run(module: str, *arguments: str) -> str:
    """Run a module in the training environment and return its output.

    Raises:
        NotTrained: there is no such environment.
        RuntimeError: it failed; the message ends with its output.
    """
    done = subprocess.run(
        [str(PROJECT / interpreter()), "-m", module, *arguments],
        cwd=PROJECT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join([module, *arguments])} failed: {done.stderr[-2000:]}")
    return done.stdout
