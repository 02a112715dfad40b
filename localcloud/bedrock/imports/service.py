"""The composition of imports: their store, their runner, their operations, and cold starts."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

from localcloud.bedrock.customisation.runner import ClientFactory
from localcloud.bedrock.imports.operations import ImportOperations
from localcloud.bedrock.imports.runner import ConvertModel, ImportRunner
from localcloud.bedrock.imports.store import ImportJob, ImportStore
from localcloud.bedrock.roles import check_role
from localcloud.clock import Clock
from localcloud.errors import AwsError
from localcloud.service import CloudContext

IDLE_S = 300.0
"""After so long without a call a model is unloaded, and costs nothing more."""
RESTORE_S = 3.0
"""How long a model is restored. On AWS it takes a minute or more."""


class ImportService:
    """Import jobs and imported models."""

    def __init__(
        self,
        surroundings: CloudContext,
        clients: ClientFactory,
        convert: ConvertModel,
        clock: Clock = time.time,
    ) -> None:
        """Open the store; nothing runs before `start`."""
        self._store = ImportStore(surroundings.folder("bedrock"), clock)
        self._runner = ImportRunner(surroundings, self._store, clients, convert)
        self._now = clock
        self._warm_until: dict[str, float] = {}
        self._ready_at: dict[str, float] = {}
        self._guard = threading.Lock()
        self.operations = ImportOperations(
            surroundings,
            self._store,
            partial(check_role, clients),
            self._runner.wake,
            self._runner.remove,
        )

    def start(self) -> None:
        """Run unfinished and new jobs."""
        self._runner.start()

    def stop(self) -> None:
        """Stop the running job, which the next start runs again, and close the store."""
        self._runner.stop()
        self._store.close()

    def imported(self, identifier: str) -> tuple[ImportJob, Path]:
        """Return the job of an imported model that answers, and its file.

        Raises:
            AwsError: ResourceNotFoundException; or ModelNotReadyException while a model that was
                not called for `IDLE_S` is restored, which its first call begins.
        """
        job = self._store.model(identifier)
        with self._guard:
            now = self._now()
            if now >= self._warm_until.get(job.id, 0.0):
                self._ready_at[job.id] = now + RESTORE_S
            self._warm_until[job.id] = now + IDLE_S
            if now < self._ready_at[job.id]:
                raise AwsError(
                    "ModelNotReadyException",
                    "Model is not ready for inference. Wait and try your request again.",
                    429,
                )
        return job, self._runner.model_path(job.id)
