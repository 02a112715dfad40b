"""The executor of Task.

A task is recorded as scheduled, then as started when its call is about to be made. After a
restart the call is made again if no response was recorded: AWS guarantees at least once.
https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import data_flow, number_fields
from localcloud.stepfunctions.engine.action_tasks import (
    ActionTask,
    CallStarted,
    CallTask,
    HeartbeatReceived,
    JobSubmitted,
    PollTask,
    Signal,
    TimerFired,
    TimerTask,
    WorkerStarted,
    WorkFailed,
    WorkSucceeded,
)
from localcloud.stepfunctions.engine.records import BranchPhase
from localcloud.stepfunctions.engine.state_executor import SimpleStateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.integrations.integration import IntegrationPattern, TaskResource
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError, StatesError
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import TaskState
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, dumps, size_of
from localcloud.stepfunctions.state_executors.task_events import TaskEventRecorder, recorder_for

_TIMERS = ("timeout", "heartbeat")


class TaskExecutor(SimpleStateExecutor):
    """Calls the resource of a Task."""

    def enter(self, visit: StateVisit) -> None:
        """Enter the state and schedule the task."""
        visit.record_entered()
        self.reenter(visit)

    def reenter(self, visit: StateVisit) -> None:
        """Schedule the task."""
        branch, run = visit.branch, visit.run
        state = _task(visit)
        resource = TaskResource.parse(state.resource)
        if resource.is_activity and not visit.engine.has_activity(resource.arn):
            raise StatesError(errors.RUNTIME, f"The activity {resource.arn} does not exist.")
        waits = resource.pattern is not IntegrationPattern.REQUEST
        token = visit.engine.new_id() if waits else None
        shown = token is not None and not resource.is_activity
        branch.enter_phase(BranchPhase.SCHEDULED, {"token": token} if shown else {})
        data = _schedule_data(visit, state)
        visit.check_size(data["parameters"])
        branch.data |= data
        recorder_for(resource).record_scheduled(visit, data)
        if token is not None:
            run.changes.tokens.append((token, branch.id))
        if token is not None and resource.is_activity:
            task = (resource.arn, token, dumps(data["parameters"]))
            run.changes.activity_tasks.append(task)
        run.start_tasks(branch)

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return the call, the timers and, for a submitted job, its poll."""
        data = visit.branch.data
        wanted: list[ActionTask] = [*_timers(data)]
        if TaskResource.parse(_task(visit).resource).is_activity:
            return wanted
        if visit.branch.phase is not BranchPhase.SUBMITTED:
            wanted.append(CallTask(is_repeat=visit.branch.phase is BranchPhase.CALLED))
        elif "job" in data:
            wanted.append(PollTask())
        return wanted

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Continue with the signal, or fail."""
        match signal:
            case CallStarted():
                self._on_call_started(visit)
            case JobSubmitted():
                self._on_submitted(visit, signal)
            case WorkSucceeded(output):
                self._on_succeeded(visit, output)
            case WorkFailed(error, cause):
                self._recorder(visit).record_failed(visit, error, cause)
                raise ReportedError(error or "", cause or "", by_task=True, nullable=True)
            case TimerFired(timer):
                self._on_timer(visit, timer)
            case WorkerStarted(name):
                self._on_worker_started(visit, name)
            case HeartbeatReceived():
                _extend_heartbeat(visit)

    def _recorder(self, visit: StateVisit) -> TaskEventRecorder:
        return recorder_for(TaskResource.parse(_task(visit).resource))

    def _on_call_started(self, visit: StateVisit) -> None:
        if visit.branch.phase is BranchPhase.SCHEDULED:
            visit.branch.phase = BranchPhase.CALLED
            self._recorder(visit).record_started(visit)

    def _on_worker_started(self, visit: StateVisit, name: str | None) -> None:
        """Count the times of an activity's task from when a worker has taken it."""
        if visit.branch.phase is not BranchPhase.SCHEDULED:
            return
        visit.branch.phase = BranchPhase.CALLED
        data = visit.branch.data
        data["worker"] = name
        data |= _due_times(data, visit.engine.now())
        self._recorder(visit).record_started(visit)
        for timer in _timers(data):
            visit.run.start_task(visit.branch, timer)

    def _on_submitted(self, visit: StateVisit, signal: JobSubmitted) -> None:
        visit.check_size(signal.output)
        self._recorder(visit).record_submitted(visit, signal.output)
        visit.branch.phase = BranchPhase.SUBMITTED
        if signal.job is not None:
            visit.branch.data["job"] = signal.job
            visit.run.start_task(visit.branch, PollTask())

    def _on_succeeded(self, visit: StateVisit, output: Json) -> None:
        if size_of(output) > errors.MAX_DATA_BYTES:
            resource = TaskResource.parse(_task(visit).resource)
            error = errors.data_limit_exceeded(resource.name, by_task=True)
            self._recorder(visit).record_failed(visit, error.name, error.cause)
            raise error
        visit.inspect("result", output)
        self._recorder(visit).record_succeeded(visit, output)
        data_flow.leave_with_result(visit, _task(visit), output)

    def _on_timer(self, visit: StateVisit, timer: str) -> None:
        due = visit.branch.data.get(f"{timer}_due")
        if isinstance(due, int | float) and due > visit.engine.now():
            visit.run.start_task(visit.branch, TimerTask(due, timer))
            return
        self._recorder(visit).record_timed_out(visit, errors.TIMEOUT)
        also = None if timer == "timeout" else errors.HEARTBEAT_TIMEOUT
        raise ReportedError(errors.TIMEOUT, also=also, by_task=True)


def _task(visit: StateVisit) -> TaskState:
    state = visit.state
    assert isinstance(state, TaskState)
    return state


def _schedule_data(visit: StateVisit, state: TaskState) -> JsonObject:
    """Return the data of a scheduled task: parameters and times, in epoch seconds."""
    now = visit.engine.now()
    data: JsonObject = {
        "parameters": data_flow.evaluate_arguments(visit, state),
        "scheduled": now,
        "name": visit.engine.new_id(),
    }
    timeout = number_fields.evaluate_positive(
        visit, state.timeout_seconds, state.timeout_seconds_path, "TimeoutSeconds"
    )
    heartbeat = number_fields.evaluate_positive(
        visit, state.heartbeat_seconds, state.heartbeat_seconds_path, "HeartbeatSeconds"
    )
    if timeout is not None:
        data["timeout"] = timeout
    if heartbeat is not None:
        data["heartbeat"] = heartbeat
    if not TaskResource.parse(state.resource).is_activity:
        data |= _due_times(data, now)
    role = _role(visit, state)
    if role is not None:
        data["role"] = role
    return data


def _due_times(data: JsonObject, now: float) -> JsonObject:
    """Return when the times of a task that starts now are over."""
    lengths = {name: data.get(name) for name in _TIMERS}
    return {
        f"{name}_due": now + length
        for name, length in lengths.items()
        if isinstance(length, int | float)
    }


def _timers(data: JsonObject) -> list[TimerTask]:
    dues = {name: data.get(f"{name}_due") for name in _TIMERS}
    return [TimerTask(due, name) for name, due in dues.items() if isinstance(due, int | float)]


def _role(visit: StateVisit, state: TaskState) -> Json:
    if state.credentials is ABSENT:
        return None
    if state.uses_jsonata:
        filled = visit.evaluate(state.credentials, "Credentials")
    else:
        filled = payload_templates.fill(
            state.credentials, visit.effective_input(), visit.environment()
        )
    return filled.get("RoleArn") if isinstance(filled, dict) else None


def _extend_heartbeat(visit: StateVisit) -> None:
    """Extend the heartbeat's due time; its timer checks it when it fires."""
    data = visit.branch.data
    heartbeat = data.get("heartbeat")
    if isinstance(heartbeat, int | float):
        data["heartbeat_due"] = visit.engine.now() + heartbeat
        visit.run.mark_changed(visit.branch)
