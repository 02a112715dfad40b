"""The service: everything put together."""

from __future__ import annotations

import random as chance
import uuid
from collections.abc import Callable

from localcloud.database import Database
from localcloud.service import CloudContext
from localcloud.stepfunctions.engine.engine import STEPS_A_COMMIT, Engine
from localcloud.stepfunctions.engine.schedule import Schedule, Threads
from localcloud.stepfunctions.engine.visit import Surround
from localcloud.stepfunctions.engine.walk import Walk
from localcloud.stepfunctions.integrations.caller import IntegrationCaller
from localcloud.stepfunctions.integrations.contract import Callings
from localcloud.stepfunctions.mapruns.conductor import Conductor
from localcloud.stepfunctions.operations.executions import ExecutionOperations
from localcloud.stepfunctions.operations.machines import MachineOperations
from localcloud.stepfunctions.operations.mapruns import MapRunOperations
from localcloud.stepfunctions.operations.parts import Parts
from localcloud.stepfunctions.operations.tasks import TaskOperations
from localcloud.stepfunctions.states.types import STATE_TYPES
from localcloud.stepfunctions.statusevents import status_event
from localcloud.stepfunctions.store.executions import Executions
from localcloud.stepfunctions.store.machines import Machines
from localcloud.stepfunctions.store.maps import Maps
from localcloud.stepfunctions.store.outbox import Outbox, Publish
from localcloud.stepfunctions.store.schema import SCHEMA


class StepFunctionsService(
    MachineOperations, ExecutionOperations, MapRunOperations, TaskOperations
):
    """AWS Step Functions.

    `callings` gives the clients that tasks call through, each as its role, `publish`
    puts an event on the default event bus. What a test may want in its own hands is given by
    name: the schedule, chance, identifiers and how many steps go into one commit.
    """

    name = "stepfunctions"

    def __init__(
        self,
        surroundings: CloudContext,
        callings: Callings,
        publish: Publish,
        *,
        schedule: Schedule | None = None,
        random: Callable[[], float] = chance.random,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        steps_a_commit: int = STEPS_A_COMMIT,
    ) -> None:
        folder = surroundings.folder("stepfunctions")
        self._database = Database(folder / "stepfunctions.sqlite3", SCHEMA)
        self._schedule = schedule if schedule is not None else Threads()
        self._outbox = Outbox(self._database, publish)
        executions = Executions(self._database, status_event, self._outbox.wake)
        maps = Maps(self._database, executions)
        machines = Machines(self._database)
        engine = Engine(
            Walk(STATE_TYPES),
            executions,
            self._schedule,
            Surround(self._schedule.now, random, new_id, surroundings.region),
            IntegrationCaller(callings.clients),
            steps_a_commit=steps_a_commit,
        )
        parts = Parts(surroundings, machines, executions, maps, engine, self._schedule, new_id)
        super().__init__(parts)
        self._conductor = Conductor(parts, callings)
        engine.conduct_with(self._conductor)

    def start(self) -> None:
        """Let every execution that was running go on, and publish what was not yet published."""
        self._parts.executions.purge(self._schedule.now())
        self._outbox.start()
        self._conductor.recover()
        for found in self._parts.executions.running():
            if found.identity.map_run_arn is None:
                run = self._parts.executions.restore(found, self.machine_of(found.identity))
                self._parts.engine.resume(run)

    def stop(self) -> None:
        """Take no more steps; nothing that was acknowledged is lost."""
        self._parts.engine.stop()
        self._schedule.stop()
        self._outbox.stop()
        self._database.close()
