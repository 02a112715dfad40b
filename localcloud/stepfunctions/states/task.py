"""Task.

A task is recorded as scheduled, then as started when its call is about to be made. A restart
makes the call again if no answer was recorded: AWS promises no more than at least once.
https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine.errands import (
    Alarm,
    Answered,
    Beat,
    Call,
    Due,
    Errand,
    Failed,
    Follow,
    Signal,
    Started,
    Submitted,
)
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.model import Phase
from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.integrations.resource import Pattern, Resource
from localcloud.stepfunctions.language import errors, payload
from localcloud.stepfunctions.language.states import Task
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject
from localcloud.stepfunctions.states import dataflow
from localcloud.stepfunctions.states.taskevents import TaskEvents, events_for


class TaskState(SimpleState):
    """Has a resource do the work."""

    def enter(self, visit: Visit) -> None:
        """Enter and schedule."""
        visit.record_entered()
        self.again(visit)

    def again(self, visit: Visit) -> None:
        """Schedule the task."""
        strand, run = visit.strand, visit.run
        state = _task(visit)
        resource = Resource.parse(state.resource)
        token = visit.surround.new_id() if resource.pattern is Pattern.TOKEN else None
        strand.move(Phase.SCHEDULED, {} if token is None else {"token": token})
        data = _plan(visit, state)
        visit.check_size(data["parameters"])
        strand.data |= data
        events_for(resource).scheduled(visit, data)
        if token is not None:
            run.changes.tokens.append((token, strand.id))
        run.wake(strand)

    def errands(self, visit: Visit) -> list[Errand]:
        """Return the call, the alarms and, for a submitted job, its follow-up."""
        data = visit.strand.data
        wanted: list[Errand] = []
        for alarm in ("timeout", "heartbeat"):
            due = data.get(f"{alarm}_due")
            if isinstance(due, int | float):
                wanted.append(Alarm(due, alarm))
        if visit.strand.phase is not Phase.SUBMITTED:
            wanted.append(Call(again=visit.strand.phase is Phase.CALLED))
        elif "job" in data:
            wanted.append(Follow())
        return wanted

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Go on with the answer, or fail."""
        match signal:
            case Started():
                self._started(visit)
            case Submitted():
                self._submitted(visit, signal)
            case Answered(output):
                self._answered(visit, output)
            case Failed(error, cause):
                self._events(visit).failed(visit, error, cause)
                raise Stated(error, cause, by_task=True)
            case Due(alarm):
                self._overdue(visit, alarm)
            case Beat():
                _beaten(visit)

    def _events(self, visit: Visit) -> TaskEvents:
        return events_for(Resource.parse(_task(visit).resource))

    def _started(self, visit: Visit) -> None:
        if visit.strand.phase is Phase.SCHEDULED:
            visit.strand.phase = Phase.CALLED
            self._events(visit).started(visit)

    def _submitted(self, visit: Visit, signal: Submitted) -> None:
        visit.check_size(signal.output)
        self._events(visit).submitted(visit, signal.output)
        visit.strand.phase = Phase.SUBMITTED
        if signal.job is not None:
            visit.strand.data["job"] = signal.job
            visit.run.send(visit.strand, Follow())

    def _answered(self, visit: Visit, output: Json) -> None:
        visit.check_size(output, by_task=True)
        self._events(visit).succeeded(visit, output)
        dataflow.leave_with_result(visit, _task(visit), output)

    def _overdue(self, visit: Visit, alarm: str) -> None:
        due = visit.strand.data.get(f"{alarm}_due")
        if isinstance(due, int | float) and due > visit.surround.now():
            visit.run.send(visit.strand, Alarm(due, alarm))
            return
        self._events(visit).timed_out(visit, errors.TIMEOUT)
        also = None if alarm == "timeout" else errors.HEARTBEAT_TIMEOUT
        raise Stated(errors.TIMEOUT, also=also, by_task=True)


def _task(visit: Visit) -> Task:
    state = visit.state
    assert isinstance(state, Task)
    return state


def _plan(visit: Visit, state: Task) -> JsonObject:
    """Return what a scheduled task keeps: its parameters and its times, in epoch seconds."""
    now = visit.surround.now()
    data: JsonObject = {
        "parameters": dataflow.arguments(visit, state),
        "scheduled": now,
        "name": visit.surround.new_id(),
    }
    timeout = dataflow.whole(
        visit, state.timeout_seconds, state.timeout_seconds_path, "TimeoutSeconds"
    )
    heartbeat = dataflow.whole(
        visit, state.heartbeat_seconds, state.heartbeat_seconds_path, "HeartbeatSeconds"
    )
    if timeout is not None:
        data |= {"timeout": timeout, "timeout_due": now + timeout}
    if heartbeat is not None:
        data |= {"heartbeat": heartbeat, "heartbeat_due": now + heartbeat}
    role = _role(visit, state)
    if role is not None:
        data["role"] = role
    return data


def _role(visit: Visit, state: Task) -> Json:
    if state.credentials is ABSENT:
        return None
    if state.uses_jsonata:
        filled = visit.evaluate(state.credentials, "Credentials")
    else:
        filled = payload.fill(state.credentials, visit.effective_input(), visit.environment())
    return filled.get("RoleArn") if isinstance(filled, dict) else None


def _beaten(visit: Visit) -> None:
    """Move the heartbeat's time on; its alarm looks at it when it rings."""
    data = visit.strand.data
    heartbeat = data.get("heartbeat")
    if isinstance(heartbeat, int | float):
        data["heartbeat_due"] = visit.surround.now() + heartbeat
        visit.run.touch(visit.strand)
