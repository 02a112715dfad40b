"""Programs of the training environment, that train custom models and convert imported ones."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.bedrock.customisation.runner import (
    CustomisationTask,
)
from localcloud.bedrock.model_jobs import ModelJobFailed, ModelJobInterrupted
from localcloud.sagemaker.jobs.program import INTERPRETER

PROGRAM = "models.custom_model"
_POLL_S = 0.2
_GRACE_S = 30.0
_LOG_BYTES = 2000


@dataclass(frozen=True, slots=True)
class CustomModelTrainer:
    """Trains by the program `models.custom_model`, with the Python of the training environment."""

    interpreter: Path = INTERPRETER

    def __call__(self, task: CustomisationTask) -> Sequence[float]:
        """Train, and return the loss of each step.

        Raises:
            ModelJobFailed: there is no training environment, or the program failed.
            ModelJobInterrupted: the task was told to stop.
        """
        lines = (json.dumps({"messages": turns}) + "\n" for turns in task.conversations)
        (task.folder / "conversations.jsonl").write_text("".join(lines), encoding="utf-8")
        (task.folder / "settings.json").write_text(json.dumps(dict(task.settings)), "utf-8")
        run_program(PROGRAM, task.folder, task.stopping, self.interpreter)
        losses = json.loads((task.folder / "losses.json").read_text(encoding="utf-8"))
        return [float(loss) for loss in losses]


@dataclass(frozen=True, slots=True)
class ImportedModelConverter:
    """Converts by the program `models.imported_model`, as trainings run."""

    interpreter: Path = INTERPRETER

    def __call__(self, folder: Path, stopping: threading.Event) -> None:
        """Convert the files in `source` of a folder. Raises as `run_program` does."""
        run_program("models.imported_model", folder, stopping, self.interpreter)


def run_program(program: str, folder: Path, stopping: threading.Event, interpreter: Path) -> None:
    """Run a program of `models` on a folder to its end.

    Raises:
        ModelJobFailed: there is no training environment, or the program failed; its last line
            is the reason.
        ModelJobInterrupted: `stopping` was set.
    """
    if not interpreter.exists():
        raise ModelJobFailed(
            f"The local cloud has no training environment at {interpreter}; "
            "`make training` makes it."
        )
    log = folder / "log.txt"
    command = [str(interpreter), "-m", program, str(folder)]
    with log.open("wb") as out:
        process = subprocess.Popen(  # noqa: S603 - our own module
            command, cwd=interpreter.parents[2], stdout=out, stderr=out
        )
        try:
            while process.poll() is None:
                if stopping.wait(_POLL_S):
                    raise ModelJobInterrupted
        finally:
            _end(process)
    if process.returncode:
        said = log.read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace").strip()
        reason = said.splitlines()[-1] if said else f"exit code {process.returncode}"
        raise ModelJobFailed(f"{program} failed: {reason}")


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
