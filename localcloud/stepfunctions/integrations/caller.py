"""Makes the calls of tasks and turns what comes of them into signals."""

from __future__ import annotations

import logging

from localcloud.stepfunctions.engine.errands import Answered, Failed, Signal, Submitted
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.model import Abandoned, Run
from localcloud.stepfunctions.integrations.contract import (
    Clients,
    Integration,
    JobIntegration,
    Request,
)
from localcloud.stepfunctions.integrations.registry import integration_for
from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.values import Json, JsonObject

_LOG = logging.getLogger(__name__)


class IntegrationCaller:
    """Calls through the integrations. An error that none of them names fails the task."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def call(self, run: Run, resource_arn: str, data: JsonObject, *, again: bool) -> Signal:
        """Make a task's call."""
        resource = Resource.parse(resource_arn)
        try:
            serving = _serving(resource)
            output = serving.call(_request(run, resource, data, again), self._clients)
        except Stated as error:
            return Failed(error.name, error.cause)
        except Exception as error:  # noqa: BLE001 - a task that cannot be called must fail, not hang
            _LOG.exception("the call of %s failed", resource_arn)
            return Failed(errors.RUNTIME, f"The call failed: {error!r}")
        if resource.pattern is Pattern.REQUEST:
            return Answered(output)
        if resource.pattern is Pattern.TOKEN:
            return Submitted(output)
        assert isinstance(serving, JobIntegration)
        return Submitted(output, serving.job(output))

    def follow(self, run: Run, resource_arn: str, data: JsonObject) -> Signal | None:
        """Ask how a job stands."""
        resource = Resource.parse(resource_arn)
        serving = _serving(resource)
        assert isinstance(serving, JobIntegration)
        try:
            output = serving.follow(resource.pattern, data["job"], _role(run, data), self._clients)
        except Stated as error:
            if error.name.endswith(".SdkClientException"):
                return None
            return Failed(error.name, error.cause)
        except Exception as error:  # noqa: BLE001 - a job that cannot be followed must not hang
            _LOG.exception("the job %s cannot be followed", data["job"])
            return Failed(errors.RUNTIME, f"The job cannot be followed: {error!r}")
        return None if output is None else Answered(output)

    def cancel(self, abandoned: Abandoned, role_arn: str) -> None:
        """Stop a job; one that cannot be stopped is left, as AWS does."""
        serving = _serving(Resource.parse(abandoned.resource))
        if not isinstance(serving, JobIntegration):
            return
        try:
            serving.cancel(abandoned.job, role_arn, self._clients)
        except Stated as error:
            _LOG.info("the job %s was not stopped: %s", abandoned.job, error)


def _serving(resource: Resource) -> Integration:
    serving = integration_for(resource)
    if serving is None:
        raise Stated(errors.RUNTIME, f"Nothing serves the resource {resource.arn}")
    return serving


def _role(run: Run, data: JsonObject) -> str:
    role: Json = data.get("role")
    return role if isinstance(role, str) else run.identity.role_arn


def _request(run: Run, resource: Resource, data: JsonObject, again: bool) -> Request:
    parameters, scheduled = data["parameters"], data["scheduled"]
    if not isinstance(parameters, dict) and not resource.is_function:
        raise Stated(errors.RUNTIME, "The parameters of a task must be an object.")
    assert isinstance(scheduled, int | float)
    return Request(
        resource=resource,
        payload=parameters,
        parameters=parameters if isinstance(parameters, dict) else {},
        role_arn=_role(run, data),
        machine_arn=run.identity.machine_arn,
        execution_arn=run.identity.arn,
        name=str(data["name"]),
        scheduled=scheduled,
        again=again,
    )
