"""A strand at its state: what a state type's code reads, records and decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from localcloud.stepfunctions.engine import history
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.model import Event, Phase, Run, Strand, iso
from localcloud.stepfunctions.language import errors, jsonata, payload
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.states import State, Transforming, Working
from localcloud.stepfunctions.language.values import (
    ABSENT,
    Environment,
    Json,
    JsonObject,
    Template,
    size_of,
)

MAX_DATA_BYTES = 262_144
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


@dataclass(frozen=True, slots=True)
class Surround:
    """The engine as a state type's code may know it. `now` is epoch seconds."""

    now: Callable[[], float]
    random: Callable[[], float]
    new_id: Callable[[], str]
    region: str


@dataclass(frozen=True, slots=True)
class Visit:
    """One strand at one state of one execution."""

    run: Run
    strand: Strand
    surround: Surround

    @property
    def state(self) -> State:
        """The state that the strand is at."""
        return self.run.state_of(self.strand)

    def of(self, strand: Strand) -> Visit:
        """Return the visit of another strand of the same execution."""
        return Visit(self.run, strand, self.surround)

    def parent(self) -> Visit | None:
        """Return the visit of the strand that this one is a branch of, if it is one."""
        if self.strand.parent is None:
            return None
        return self.of(self.run.strands[self.strand.parent])

    def record(
        self, event_type: str, details: JsonObject | None = None, previous: int | None = None
    ) -> int:
        """Append a history event and return its id.

        It follows `previous` and leads nowhere if that is given; else it follows what this
        strand recorded last, and the next one follows it.
        """
        run = self.run
        event = Event(
            id=run.next_event,
            previous=self.strand.previous if previous is None else previous,
            at=self.surround.now(),
            type=event_type,
            details=details,
        )
        run.next_event += 1
        run.changes.events.append(event)
        if previous is None:
            self.strand.previous = event.id
            self.run.touch(self.strand)
        return event.id

    def record_entered(self) -> None:
        """Record that the state is entered, with its raw input."""
        strand = self.strand
        strand.entered_at = self.surround.now()
        strand.entered = self.record(
            f"{self.state.type}StateEntered", history.entered(strand.state, strand.input)
        )

    def context(self) -> JsonObject:
        """Return the context object.

        https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
        """
        run, strand = self.run, self.strand
        identity = run.identity
        execution: JsonObject = {
            "Id": identity.arn,
            "Input": identity.input,
            "StartTime": iso(identity.started),
            "Name": identity.name,
            "RoleArn": identity.role_arn,
        }
        if identity.kind == "STANDARD":
            execution["RedriveCount"] = run.redrive_count
            if run.redriven is not None:
                execution["RedriveTime"] = iso(run.redriven)
        state: JsonObject = {"Name": strand.state, "EnteredTime": iso(strand.entered_at)}
        if isinstance(self.state, Working):
            state["RetryCount"] = strand.retries
        machine: JsonObject = {"Id": identity.machine_arn, "Name": identity.machine_name}
        context: JsonObject = {"Execution": execution, "StateMachine": machine, "State": state}
        item = self._map_item()
        if item is not None:
            context["Map"] = {"Item": item}
        if "token" in strand.data:
            context["Task"] = {"Token": strand.data["token"]}
        return context

    def _map_item(self) -> Json:
        strand: Strand | None = self.strand
        while strand is not None:
            if strand.item is not None:
                return strand.item
            strand = None if strand.parent is None else self.run.strands[strand.parent]
        return None

    def environment(self, context: JsonObject | None = None) -> Environment:
        """Return what expressions may read besides their input."""
        return Environment(
            context=self.context() if context is None else context,
            variables=self.run.scope_of(self.strand).visible(),
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
        """Evaluate a JSONata template; a failure is also recorded as an event."""
        environment = self.environment(context)
        bindings = jsonata.Bindings(
            input=self.strand.input,
            context=environment.context,
            result=result,
            error_output=error_output,
            variables=environment.variables,
        )
        try:
            return jsonata.evaluate(template, bindings, where)
        except StatesError as error:
            if error.name == errors.QUERY_EVALUATION_ERROR:
                details = history.problem(error.name, self.explain(error))
                details |= {"location": where, "state": self.strand.state}
                self.record("EvaluationFailed", details)
            raise

    def effective_input(self) -> Json:
        """Return what InputPath selects; in JSONata, the raw input."""
        state = self.state
        if state.uses_jsonata or not isinstance(state, Transforming):
            return self.strand.input
        return payload.select(state.input_path, self.strand.input, self.environment(), "InputPath")

    def explain(self, error: StatesError) -> str:
        """Return the cause of an error in the language, as AWS words it."""
        return (
            f"An error occurred while executing the state '{self.strand.state}' "
            f"(entered at the event id #{self.strand.entered}). {error.cause}"
        )

    def leave(self, next_state: str | None, output: Json, assign: JsonObject | None = None) -> None:
        """Exit the state with `output`, set variables, and go on to `next_state` or end."""
        self.check_size(output)
        strand = self.strand
        if assign:
            scope = self.run.scope_of(strand).assign(assign)
            strand.variables = dict(scope.own)
        self.record(f"{self.state.type}StateExited", history.exited(strand.state, output, assign))
        if next_state is None:
            strand.move(Phase.DONE, {"output": output})
            return
        strand.state = next_state
        strand.input = output
        strand.counts, strand.retries = [], 0
        strand.move(Phase.ENTER)
        self.run.touch(strand)
        self.run.ready.append(strand.id)

    def check_size(self, value: Json, *, by_task: bool = False) -> None:
        """Raise `StatesError` if `value` is more than a state may pass on."""
        if size_of(value) > MAX_DATA_BYTES:
            raise Stated(
                errors.DATA_LIMIT_EXCEEDED,
                f"The state/task '{self.strand.state}' returned a result with a size exceeding "
                "the maximum number of bytes service limit.",
                by_task=by_task,
            )
