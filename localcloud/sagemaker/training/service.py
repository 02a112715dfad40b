"""Training put together: the jobs' records, the keeper that runs them, and their operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from localcloud.lambdas.process import Spawner
from localcloud.sagemaker.logs import ContainerLogs
from localcloud.sagemaker.roles import CheckRole
from localcloud.sagemaker.training.jobs import TrainingOperations
from localcloud.sagemaker.training.keeping import Keeper
from localcloud.sagemaker.training.record import Records
from localcloud.sagemaker.training.running import GRACE_S, Tools
from localcloud.service import Surroundings

INTERPRETER = Path(__file__).parents[3] / ".venv-training" / "bin" / "python"
"""The Python of the training environment, as `make training` makes it."""


@dataclass(frozen=True, slots=True)
class Trainer:
    """By what jobs run, and how long a program has after SIGTERM."""

    interpreter: Path = INTERPRETER
    grace_s: float = GRACE_S


class Training:
    """Training jobs. `operations` are those of the API."""

    def __init__(
        self,
        surroundings: Surroundings,
        trainer: Trainer,
        spawner: Spawner,
        logs: ContainerLogs,
        s3_as: Callable[[str], Any],
        identity: Callable[[str], Mapping[str, str]],
        check_role: CheckRole,
    ) -> None:
        """Open what is kept; nothing runs before `start`."""
        folder = surroundings.folder("sagemaker")
        self._records = Records(folder)
        tools = Tools(spawner, trainer.interpreter, s3_as, identity, trainer.grace_s)
        self._keeper = Keeper(self._records, folder / "training", tools, logs)
        self.operations = TrainingOperations(
            surroundings, self._records, self._keeper, check_role, trainer.interpreter
        )

    def start(self) -> None:
        """Go on with what was left."""
        self._keeper.start()

    def stop(self) -> None:
        """End what runs; it is begun again at the next start."""
        self._keeper.stop()
        self._records.close()
