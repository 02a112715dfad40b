"""The training of a custom model: a process of the training environment."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.bedrock.customisation.runner import (
    CustomisationFailed,
    CustomisationInterrupted,
    CustomisationTask,
)
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
            CustomisationFailed: there is no training environment, or the program failed.
            CustomisationInterrupted: the task was told to stop.
        """
        if not self.interpreter.exists():
            raise CustomisationFailed(
                f"The local cloud has no training environment at {self.interpreter}; "
                "`make training` makes it."
            )
        lines = (json.dumps({"messages": turns}) + "\n" for turns in task.conversations)
        (task.folder / "conversations.jsonl").write_text("".join(lines), encoding="utf-8")
        (task.folder / "settings.json").write_text(json.dumps(dict(task.settings)), "utf-8")
        log = task.folder / "log.txt"
        if code := self._run(task, log):
            said = log.read_bytes()[-_LOG_BYTES:].decode("utf-8", "replace").strip()
            reason = said.splitlines()[-1] if said else f"exit code {code}"
            raise CustomisationFailed(f"The training failed: {reason}")
        losses = json.loads((task.folder / "losses.json").read_text(encoding="utf-8"))
        return [float(loss) for loss in losses]

    def _run(self, task: CustomisationTask, log: Path) -> int:
        command = [str(self.interpreter), "-m", PROGRAM, str(task.folder)]
        with log.open("wb") as out:
            process = subprocess.Popen(  # noqa: S603 - our own module
                command, cwd=self.interpreter.parents[2], stdout=out, stderr=out
            )
            try:
                while process.poll() is None:
                    if task.stopping.wait(_POLL_S):
                        raise CustomisationInterrupted
            finally:
                _end(process)
        return process.returncode


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
