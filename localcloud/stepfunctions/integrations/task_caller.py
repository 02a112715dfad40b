"""Make the calls of tasks and turn their results into signals."""

from __future__ import annotations

import logging

from localcloud.stepfunctions.engine.action_tasks import (
    JobSubmitted,
    Signal,
    WorkFailed,
    WorkSucceeded,
)
from localcloud.stepfunctions.engine.records import AbandonedWork
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.integrations.integration import (
    ClientFactory,
    Integration,
    IntegrationPattern,
    JobIntegration,
    TaskCall,
    TaskResource,
)
from localcloud.stepfunctions.integrations.registry import integration_for
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.values import Json, JsonObject

_LOG = logging.getLogger(__name__)


class TaskCaller:
    """Calls through the integrations; an unexpected error fails the task."""

    def __init__(self, clients: ClientFactory) -> None:
        self._clients = clients

    def call(
        self, run: RunningExecution, resource_arn: str, data: JsonObject, *, is_repeat: bool
    ) -> Signal:
        """Make the call of a scheduled task, whose data is `data`; never raises."""
        resource = TaskResource.parse(resource_arn)
        try:
            integration = _integration_for(resource)
            output = integration.call(_request(run, resource, data, is_repeat), self._clients)
        except ReportedError as error:
            return WorkFailed(error.name, error.cause)
        except Exception as error:  # noqa: BLE001 - a task that cannot be called must fail, not hang
            _LOG.exception("the call of %s failed", resource_arn)
            return WorkFailed(errors.RUNTIME, f"The call failed: {error!r}")
        if resource.pattern is IntegrationPattern.REQUEST:
            return WorkSucceeded(output)
        if resource.pattern is IntegrationPattern.TOKEN:
            return JobSubmitted(output)
        assert isinstance(integration, JobIntegration)
        return JobSubmitted(output, integration.job(output))

    def poll(self, run: RunningExecution, resource_arn: str, data: JsonObject) -> Signal | None:
        """Poll a submitted job; return None while it runs."""
        resource = TaskResource.parse(resource_arn)
        integration = _integration_for(resource)
        assert isinstance(integration, JobIntegration)
        try:
            output = integration.poll(
                resource.pattern, data["job"], _role(run, data), self._clients
            )
        except ReportedError as error:
            if error.name.endswith(".SdkClientException"):
                return None
            return WorkFailed(error.name, error.cause)
        except Exception as error:  # noqa: BLE001 - a job that cannot be followed must not hang
            _LOG.exception("the job %s cannot be followed", data["job"])
            return WorkFailed(errors.RUNTIME, f"The job cannot be followed: {error!r}")
        return None if output is None else WorkSucceeded(output)

    def cancel(self, abandoned: AbandonedWork, role_arn: str) -> None:
        """Stop a job; one that cannot be stopped is left running, as AWS does."""
        integration = _integration_for(TaskResource.parse(abandoned.resource))
        if not isinstance(integration, JobIntegration):
            return
        try:
            integration.cancel(abandoned.job, role_arn, self._clients)
        except ReportedError as error:
            _LOG.info("the job %s was not stopped: %s", abandoned.job, error)


def _integration_for(resource: TaskResource) -> Integration:
    integration = integration_for(resource)
    if integration is None:
        raise ReportedError(errors.RUNTIME, f"Nothing serves the resource {resource.arn}")
    return integration


def _role(run: RunningExecution, data: JsonObject) -> str:
    role: Json = data.get("role")
    return role if isinstance(role, str) else run.identity.role_arn


def _request(
    run: RunningExecution, resource: TaskResource, data: JsonObject, is_repeat: bool
) -> TaskCall:
    parameters, scheduled = data["parameters"], data["scheduled"]
    if not isinstance(parameters, dict) and not resource.is_function:
        raise ReportedError(errors.RUNTIME, "The parameters of a task must be an object.")
    assert isinstance(scheduled, int | float)
    return TaskCall(
        resource=resource,
        payload=parameters,
        parameters=parameters if isinstance(parameters, dict) else {},
        role_arn=_role(run, data),
        machine_arn=run.identity.machine_arn,
        execution_arn=run.identity.arn,
        name=str(data["name"]),
        scheduled=scheduled,
        is_repeat=is_repeat,
    )
