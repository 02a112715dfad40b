"""The composition of customisation: its store, its runner and its operations."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from localcloud.bedrock.content import validation_error
from localcloud.bedrock.customisation.deployments import DeploymentOperations
from localcloud.bedrock.customisation.operations import CustomisationOperations
from localcloud.bedrock.customisation.runner import (
    ClientFactory,
    CustomisationRunner,
    PublishEvent,
    TrainCustomModel,
)
from localcloud.bedrock.customisation.store import CustomisationJob, CustomisationStore
from localcloud.bedrock.customisation.throughputs import (
    ThroughputOperations,
    is_provisioned,
)
from localcloud.bedrock.roles import check_role
from localcloud.clock import Clock
from localcloud.service import CloudContext


class CustomisationService:
    """Customisation jobs, custom models and their deployments."""

    def __init__(
        self,
        surroundings: CloudContext,
        clients: ClientFactory,
        publish: PublishEvent,
        train: TrainCustomModel,
        clock: Clock = time.time,
    ) -> None:
        """Open the store; nothing runs before `start`."""
        self._store = CustomisationStore(surroundings.folder("bedrock"), clock)
        self._runner = CustomisationRunner(surroundings, self._store, clients, publish, train)
        self.operations = CustomisationOperations(
            surroundings,
            self._store,
            partial(check_role, clients),
            self._runner.wake,
            self._runner.interrupt,
            self._runner.remove,
            lambda job_id: self.throughputs.require_none(job_id),
        )
        self.throughputs = ThroughputOperations(
            surroundings,
            surroundings.folder("bedrock"),
            self._store.model,
            lambda job_id: self.operations.model_arn(self._store.job(job_id)),
            clock,
        )
        self.deployments = DeploymentOperations(surroundings, self._store, self.operations)

    def start(self) -> None:
        """Run unfinished and new jobs."""
        self._runner.start()

    def stop(self) -> None:
        """Stop the running job, which the next start runs again, and close the store."""
        self._runner.stop()
        self._store.close()
        self.throughputs.close()

    def deployed(self, identifier: str) -> tuple[CustomisationJob, Path]:
        """Return the job of a deployed or provisioned model, and its file.

        Raises ResourceNotFoundException, and ValidationException while it is being deployed.
        """
        if is_provisioned(identifier):
            job = self._store.job(self.throughputs.job_of(identifier))
            return job, self._runner.model_path(job.id)
        deployment = self._store.deployment(identifier)
        if (status := self._store.deployment_status(deployment)) != "Active":
            raise validation_error(f"The custom model deployment is {status} and not yet Active.")
        return self._store.job(deployment.job_id), self._runner.model_path(deployment.job_id)
