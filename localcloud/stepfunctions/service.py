"""The Step Functions service, composed of its engine, stores and operations."""

from __future__ import annotations

import random as standard_random
import uuid
from collections.abc import Callable

from localcloud.database import Database
from localcloud.event_outbox import EventOutbox, Publish
from localcloud.service import CloudContext
from localcloud.stepfunctions.engine.execution_engine import STEPS_PER_COMMIT, ExecutionEngine
from localcloud.stepfunctions.engine.execution_events import status_event
from localcloud.stepfunctions.engine.execution_log import ExecutionLog
from localcloud.stepfunctions.engine.state_interpreter import StateInterpreter
from localcloud.stepfunctions.engine.state_visit import EngineContext
from localcloud.stepfunctions.engine.work_scheduler import ThreadedScheduler, WorkScheduler
from localcloud.stepfunctions.integrations.integration import RoleClients
from localcloud.stepfunctions.integrations.task_caller import TaskCaller
from localcloud.stepfunctions.map_runs.coordinator import MapRunCoordinator
from localcloud.stepfunctions.operations.activities import ActivityOperations
from localcloud.stepfunctions.operations.aliases import AliasOperations
from localcloud.stepfunctions.operations.executions import ExecutionOperations
from localcloud.stepfunctions.operations.map_runs import MapRunOperations
from localcloud.stepfunctions.operations.requests import StepFunctionsDeps
from localcloud.stepfunctions.operations.state_machines import StateMachineOperations
from localcloud.stepfunctions.operations.state_tests import StateTestOperations
from localcloud.stepfunctions.operations.task_tokens import TaskTokenOperations
from localcloud.stepfunctions.operations.versions import VersionOperations
from localcloud.stepfunctions.state_executors.registry import STATE_TYPES
from localcloud.stepfunctions.store.activities import ActivityStore
from localcloud.stepfunctions.store.aliases import MachineAliasStore
from localcloud.stepfunctions.store.executions import ExecutionStore
from localcloud.stepfunctions.store.map_runs import MapRunStore
from localcloud.stepfunctions.store.schema import SCHEMA
from localcloud.stepfunctions.store.state_machines import StateMachineStore
from localcloud.stepfunctions.store.versions import MachineVersionStore


class StepFunctionsService(
    ActivityOperations,
    StateMachineOperations,
    VersionOperations,
    AliasOperations,
    ExecutionOperations,
    MapRunOperations,
    StateTestOperations,
    TaskTokenOperations,
):
    """AWS Step Functions.

    `role_clients` gives the clients through which tasks call as their role; `publish` puts an
    event on the default event bus. Tests replace the scheduler, randomness, identifiers and the
    number of steps per commit.
    """

    name = "stepfunctions"

    def __init__(
        self,
        surroundings: CloudContext,
        role_clients: RoleClients,
        publish: Publish,
        *,
        schedule: WorkScheduler | None = None,
        random: Callable[[], float] = standard_random.random,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
        steps_per_commit: int = STEPS_PER_COMMIT,
    ) -> None:
        folder = surroundings.folder("stepfunctions")
        self._database = Database(folder / "stepfunctions.sqlite3", SCHEMA)
        self._schedule = schedule if schedule is not None else ThreadedScheduler()
        self._outbox = EventOutbox(self._database, publish, "stepfunctions")
        executions = ExecutionStore(self._database, status_event, self._outbox.wake)
        maps = MapRunStore(self._database, executions)
        machines = StateMachineStore(self._database)
        activities = ActivityStore(self._database)
        engine = ExecutionEngine(
            StateInterpreter(STATE_TYPES),
            executions,
            self._schedule,
            EngineContext(
                self._schedule.now,
                random,
                new_id,
                surroundings.region,
                lambda arn: activities.find(arn) is not None,
            ),
            TaskCaller(role_clients.clients),
            log=ExecutionLog(
                self._schedule,
                role_clients.clients,
                lambda number: machines.revision(number).body["loggingConfiguration"],
            ).write,
            steps_per_commit=steps_per_commit,
        )
        deps = StepFunctionsDeps(
            surroundings,
            machines,
            executions,
            activities,
            MachineVersionStore(self._database),
            MachineAliasStore(self._database),
            maps,
            engine,
            self._schedule,
            new_id,
            random,
            role_clients.clients,
        )
        super().__init__(deps)
        self._conductor = MapRunCoordinator(deps, role_clients)
        engine.set_map_runs(self._conductor)

    def start(self) -> None:
        """Resume every execution that was running, and publish the events in the outbox."""
        self._deps.executions.purge(self._schedule.now())
        self._outbox.start()
        self._conductor.recover()
        for found in self._deps.executions.running():
            if found.identity.map_run_arn is None:
                run = self._deps.executions.restore(found, self.machine_of(found.identity))
                self._deps.engine.resume(run)

    def stop(self) -> None:
        """Stop taking steps; everything that was acknowledged is stored."""
        self._deps.engine.stop()
        self._schedule.stop()
        self._outbox.stop()
        self._database.close()
