"""The history events of a task: `Task…` of integrations, `LambdaFunction…`, `Activity…`.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

from typing import Protocol

from localcloud.stepfunctions.engine import execution_events
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.integrations.integration import TaskResource
from localcloud.stepfunctions.language.values import Json, JsonObject, dumps


class TaskEventRecorder(Protocol):
    """Records the history events of a task."""

    def record_scheduled(self, visit: StateVisit, data: JsonObject) -> None: ...

    def record_started(self, visit: StateVisit) -> None: ...

    def record_submitted(self, visit: StateVisit, output: Json) -> None: ...

    def record_succeeded(self, visit: StateVisit, output: Json) -> None: ...

    def record_failed(self, visit: StateVisit, error: str | None, cause: str | None) -> None: ...

    def record_timed_out(self, visit: StateVisit, error: str) -> None: ...


def recorder_for(resource: TaskResource) -> TaskEventRecorder:
    """Return the recorder for tasks of `resource`."""
    if resource.is_function:
        return _FunctionEventRecorder(resource, "LambdaFunction")
    if resource.is_activity:
        return _FunctionEventRecorder(resource, "Activity")
    return _ServiceEventRecorder(resource)


def _times(data: JsonObject) -> JsonObject:
    names = {"timeout": "timeoutInSeconds", "heartbeat": "heartbeatInSeconds"}
    return {member: data[name] for name, member in names.items() if name in data}


class _ServiceEventRecorder:
    def __init__(self, resource: TaskResource) -> None:
        self._names: JsonObject = {
            "resourceType": resource.resource_type,
            "resource": resource.resource,
        }

    def record_scheduled(self, visit: StateVisit, data: JsonObject) -> None:
        details: JsonObject = {
            **self._names,
            "region": visit.engine.region,
            "parameters": dumps(data["parameters"]),
            **_times(data),
        }
        if "role" in data:
            details["taskCredentials"] = {"roleArn": data["role"]}
        visit.record("TaskScheduled", details)

    def record_started(self, visit: StateVisit) -> None:
        visit.record("TaskStarted", self._names)

    def record_submitted(self, visit: StateVisit, output: Json) -> None:
        visit.record(
            "TaskSubmitted", {**self._names, **execution_events.data_details("output", output)}
        )

    def record_succeeded(self, visit: StateVisit, output: Json) -> None:
        visit.record(
            "TaskSucceeded", {**self._names, **execution_events.data_details("output", output)}
        )

    def record_failed(self, visit: StateVisit, error: str | None, cause: str | None) -> None:
        visit.record("TaskFailed", {**self._names, **execution_events.error_details(error, cause)})

    def record_timed_out(self, visit: StateVisit, error: str) -> None:
        visit.record("TaskTimedOut", {**self._names, "error": error})


class _FunctionEventRecorder:
    """Records the events of a function or an activity, which are named alike."""

    def __init__(self, resource: TaskResource, prefix: str) -> None:
        self._arn = resource.arn
        self._prefix = prefix

    def record_scheduled(self, visit: StateVisit, data: JsonObject) -> None:
        details: JsonObject = {
            "resource": self._arn,
            **execution_events.data_details("input", data["parameters"]),
            **_times(data),
        }
        if "role" in data:
            details["taskCredentials"] = {"roleArn": data["role"]}
        visit.record(f"{self._prefix}Scheduled", details)

    def record_started(self, visit: StateVisit) -> None:
        worker = visit.branch.data.get("worker")
        named: JsonObject = {} if worker is None else {"workerName": worker}
        visit.record(f"{self._prefix}Started", named if self._prefix == "Activity" else None)

    def record_submitted(self, visit: StateVisit, output: Json) -> None:
        raise LookupError("a function or an activity is never submitted")

    def record_succeeded(self, visit: StateVisit, output: Json) -> None:
        visit.record(f"{self._prefix}Succeeded", execution_events.data_details("output", output))

    def record_failed(self, visit: StateVisit, error: str | None, cause: str | None) -> None:
        visit.record(f"{self._prefix}Failed", execution_events.error_details(error, cause))

    def record_timed_out(self, visit: StateVisit, error: str) -> None:
        visit.record(f"{self._prefix}TimedOut", {"error": error})
