"""A branch at its state: what a state executor reads, records and decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from localcloud.stepfunctions.engine import execution_events
from localcloud.stepfunctions.engine.records import Branch, BranchPhase, HistoryEvent
from localcloud.stepfunctions.engine.running_execution import RunningExecution, format_epoch
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.errors import ReportedError, StatesError
from localcloud.stepfunctions.language.jsonata import templates
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import RetryableState, State, TransformingState
from localcloud.stepfunctions.language.values import (
    ABSENT,
    Environment,
    Json,
    JsonObject,
    Template,
    size_of,
)


@dataclass(frozen=True, slots=True)
class EngineContext:
    """The functions of the engine that state executors use. `now` returns epoch seconds.

    `has_activity` returns whether there is an activity of that ARN.
    """

    now: Callable[[], float]
    random: Callable[[], float]
    new_id: Callable[[], str]
    region: str
    has_activity: Callable[[str], bool]


@dataclass(slots=True)
class StateInspection:
    """The data and the error of a state under TestState.

    `data` holds the members of InspectionData; `context`, if given, replaces the context object.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_InspectionData.html
    """

    context: JsonObject | None = None
    data: dict[str, Json] = field(default_factory=dict)
    error: ReportedError | None = None


@dataclass(frozen=True, slots=True)
class StateVisit:
    """One branch at one state of one execution; TestState inspects it."""

    run: RunningExecution
    branch: Branch
    engine: EngineContext
    inspection: StateInspection | None = None

    @property
    def state(self) -> State:
        """The state that the branch is at."""
        return self.run.state_of(self.branch)

    def for_branch(self, branch: Branch) -> StateVisit:
        """Return the visit of another branch of the same execution."""
        return StateVisit(self.run, branch, self.engine, self.inspection)

    def parent(self) -> StateVisit | None:
        """Return the visit of the parent branch, or None for the root."""
        if self.branch.parent is None:
            return None
        return self.for_branch(self.run.branches[self.branch.parent])

    def record(
        self, event_type: str, details: JsonObject | None = None, previous: int | None = None
    ) -> int:
        """Append a history event and return its id.

        If `previous` is given, the event follows it and nothing follows the event. Otherwise it
        follows this branch's last event, and the next one follows it.
        """
        run = self.run
        event = HistoryEvent(
            id=run.next_event,
            previous=self.branch.previous if previous is None else previous,
            at=self.engine.now(),
            type=event_type,
            details=details,
        )
        run.next_event += 1
        run.changes.events.append(event)
        if previous is None:
            self.branch.previous = event.id
            self.run.mark_changed(self.branch)
        return event.id

    def record_entered(self) -> None:
        """Record that the state is entered, with its raw input."""
        branch = self.branch
        branch.entered_at, branch.before = self.engine.now(), branch.previous
        branch.entered = self.record(
            f"{self.state.type}StateEntered",
            execution_events.state_entered_details(branch.state, branch.input),
        )

    def context(self) -> JsonObject:
        """Return the context object.

        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
        """
        if self.inspection is not None and self.inspection.context is not None:
            return self.inspection.context
        run, branch = self.run, self.branch
        identity = run.identity
        execution: JsonObject = {
            "Id": identity.arn,
            "Input": identity.input,
            "StartTime": format_epoch(identity.started),
            "Name": identity.name,
            "RoleArn": identity.role_arn or None,
        }
        if not identity.is_synchronous:
            execution["RedriveCount"] = run.redrive_count
            if run.redriven is not None:
                execution["RedriveTime"] = format_epoch(run.redriven)
        state: JsonObject = {"Name": branch.state, "EnteredTime": format_epoch(branch.entered_at)}
        if isinstance(self.state, RetryableState):
            state["RetryCount"] = branch.retries
        machine: JsonObject = {"Id": identity.machine_arn, "Name": identity.machine_name}
        context: JsonObject = {"Execution": execution, "StateMachine": machine, "State": state}
        item = self._map_item()
        if item is not None:
            context["Map"] = {"Item": item}
        if "token" in branch.data:
            context["Task"] = {"Token": branch.data["token"]}
        return context

    def _map_item(self) -> Json:
        branch: Branch | None = self.branch
        while branch is not None:
            if branch.item is not None:
                return branch.item
            branch = None if branch.parent is None else self.run.branches[branch.parent]
        return None

    def environment(self, context: JsonObject | None = None) -> Environment:
        """Return the context object and variables that expressions may read."""
        return Environment(
            context=self.context() if context is None else context,
            variables=self.run.scope_of(self.branch).visible(),
        )

    def evaluate(
        self,
        template: Json,
        where: str,
        *,
        context: JsonObject | None = None,
        result: Template = ABSENT,
        error_output: Template = ABSENT,
    ) -> Json:
        """Evaluate a JSONata template."""
        environment = self.environment(context)
        bindings = templates.Bindings(
            input=self.branch.input,
            context=environment.context,
            result=result,
            error_output=error_output,
            variables=environment.variables,
        )
        return templates.evaluate(template, bindings, where)

    def record_evaluation_failed(self, error: StatesError) -> None:
        """Record that an evaluation has failed, if that is the error.

        If nothing has happened since the state was entered, AWS has the event follow what led to
        the state and not the entry.
        """
        if error.name != errors.QUERY_EVALUATION_ERROR:
            return
        if self.branch.previous == self.branch.entered:
            self.branch.previous = self.branch.before
        details = execution_events.error_details(error.name, self.describe_error(error))
        if error.where is not None:
            details["location"] = error.where
        self.record("EvaluationFailed", {**details, "state": self.branch.state})

    def effective_input(self) -> Json:
        """Return the input that InputPath selects; in JSONata, the raw input."""
        state = self.state
        if state.uses_jsonata or not isinstance(state, TransformingState):
            return self.branch.input
        effective = payload_templates.select(
            state.input_path, self.branch.input, self.environment(), "InputPath"
        )
        self.inspect("afterInputPath", effective)
        return effective

    def inspect(self, member: str, value: Json) -> None:
        """Show `value` as a member of InspectionData if TestState inspects the state."""
        if self.inspection is not None:
            self.inspection.data[member] = value

    def describe_error(self, error: StatesError) -> str:
        """Return the cause of an error of the language in AWS's words.

        TestState, which has no history, leaves out where the state was entered.
        """
        if self.inspection is not None:
            return error.cause
        return (
            f"An error occurred while executing the state '{self.branch.state}' "
            f"(entered at the event id #{self.branch.entered}). {error.cause}"
        )

    def leave(self, next_state: str | None, output: Json, assign: JsonObject | None = None) -> None:
        """Exit the state with `output`, assign variables, and go to `next_state` or end."""
        self.check_size(output)
        branch = self.branch
        if assign:
            scope = self.run.scope_of(branch).assign(assign)
            branch.variables = dict(scope.own)
        self.record(
            f"{self.state.type}StateExited",
            execution_events.state_exited_details(branch.state, output, assign),
        )
        if next_state is None:
            branch.enter_phase(BranchPhase.DONE, {"output": output})
            return
        branch.state = next_state
        branch.input = output
        branch.counts, branch.retries = [], 0
        branch.enter_phase(BranchPhase.ENTER)
        self.run.mark_changed(branch)
        self.run.ready.append(branch.id)

    def check_size(self, value: Json) -> None:
        """Raise DataLimitExceeded if `value` is larger than a state may output."""
        if size_of(value) > errors.MAX_DATA_BYTES:
            raise errors.data_limit_exceeded(self.branch.state)
