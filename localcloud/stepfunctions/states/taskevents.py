"""The events of a task: `Task…` for service integrations, `LambdaFunction…` for plain ARNs.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

from typing import Protocol

from localcloud.stepfunctions.engine import history
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.integrations.resource import Resource
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps


class TaskEvents(Protocol):
    """Records what becomes of a task."""

    def scheduled(self, visit: Visit, data: JsonObject) -> None: ...

    def started(self, visit: Visit) -> None: ...

    def submitted(self, visit: Visit, output: Json) -> None: ...

    def succeeded(self, visit: Visit, output: Json) -> None: ...

    def failed(self, visit: Visit, error: str, cause: str) -> None: ...

    def timed_out(self, visit: Visit, error: str) -> None: ...


def events_for(resource: Resource) -> TaskEvents:
    """Return the events that tasks of `resource` have."""
    return _LambdaEvents(resource) if resource.is_function else _ServiceEvents(resource)


def _times(data: JsonObject) -> JsonObject:
    names = {"timeout": "timeoutInSeconds", "heartbeat": "heartbeatInSeconds"}
    return {member: data[name] for name, member in names.items() if name in data}


class _ServiceEvents:
    def __init__(self, resource: Resource) -> None:
        self._names: JsonObject = {
            "resourceType": resource.resource_type,
            "resource": resource.resource,
        }

    def scheduled(self, visit: Visit, data: JsonObject) -> None:
        details: JsonObject = {
            **self._names,
            "region": visit.surround.region,
            "parameters": dumps(data["parameters"]),
            **_times(data),
        }
        if "role" in data:
            details["taskCredentials"] = {"roleArn": data["role"]}
        visit.record("TaskScheduled", details)

    def started(self, visit: Visit) -> None:
        visit.record("TaskStarted", self._names)

    def submitted(self, visit: Visit, output: Json) -> None:
        visit.record("TaskSubmitted", {**self._names, **history.given("output", output)})

    def succeeded(self, visit: Visit, output: Json) -> None:
        visit.record("TaskSucceeded", {**self._names, **history.given("output", output)})

    def failed(self, visit: Visit, error: str, cause: str) -> None:
        visit.record("TaskFailed", {**self._names, **history.problem(error, cause)})

    def timed_out(self, visit: Visit, error: str) -> None:
        visit.record("TaskTimedOut", {**self._names, "error": error})


class _LambdaEvents:
    def __init__(self, resource: Resource) -> None:
        self._arn = resource.arn

    def scheduled(self, visit: Visit, data: JsonObject) -> None:
        details: JsonObject = {
            "resource": self._arn,
            **history.given("input", data["parameters"]),
            **_times(data),
        }
        if "role" in data:
            details["taskCredentials"] = {"roleArn": data["role"]}
        visit.record("LambdaFunctionScheduled", details)

    def started(self, visit: Visit) -> None:
        visit.record("LambdaFunctionStarted")

    def submitted(self, visit: Visit, output: Json) -> None:
        raise LookupError("a plain function is never submitted")

    def succeeded(self, visit: Visit, output: Json) -> None:
        visit.record("LambdaFunctionSucceeded", history.given("output", output))

    def failed(self, visit: Visit, error: str, cause: str) -> None:
        visit.record("LambdaFunctionFailed", history.problem(error, cause))

    def timed_out(self, visit: Visit, error: str) -> None:
        visit.record("LambdaFunctionTimedOut", {"error": error})
