"""Training put together: the jobs' records, the keeper that runs them, and their operations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from localcloud.sagemaker.training.jobs import TrainingOperations
from localcloud.sagemaker.training.keeping import Keeper
from localcloud.sagemaker.training.record import Records
from localcloud.sagemaker.training.running import GRACE_S, Tools
from localcloud.sagemaker.workplace import Workplace

INTERPRETER = Path(__file__).parents[3] / ".venv-training" / "bin" / "python"
"""The Python of the training environment, as `make training` makes it."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """By what jobs run, and how long a program has after SIGTERM."""

    interpreter: Path = INTERPRETER
    grace_s: float = GRACE_S


class Training:
    """Training jobs. `operations` are those of the API."""

    def __init__(self, workplace: Workplace, trainer: Trainer, ended: Callable[[], None]) -> None:
        """Open what is kept; nothing runs before `start`, and `ended` is told of each end."""
        folder = workplace.surroundings.folder("sagemaker")
        self._records = Records(folder)
        tools = Tools(
            workplace.spawner,
            trainer.interpreter,
            workplace.s3_as,
            workplace.identity,
            trainer.grace_s,
        )
        self._keeper = Keeper(self._records, folder / "training", tools, workplace.logs, ended)
        self.operations = TrainingOperations(
            workplace.surroundings,
            self._records,
            self._keeper,
            workplace.check_role,
            trainer.interpreter,
        )

    def start(self) -> None:
        """Go on with what was left."""
        self._keeper.start()

    def stop(self) -> None:
        """End what runs; it is begun again at the next start."""
        self._keeper.stop()
        self._records.close()
