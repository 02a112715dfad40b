"""How a strand goes from state to state, and what an error does to it.

Everything here happens in memory, under the run's lock, between two commits.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from localcloud.stepfunctions.engine import history
from localcloud.stepfunctions.engine.errands import Alarm, Due, Errand, Signal
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.model import Ending, Phase, Run, Status, Strand
from localcloud.stepfunctions.engine.statetype import StateType
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import errors, payload
from localcloud.stepfunctions.language.errors import StatesError
from localcloud.stepfunctions.language.retry import catcher_for, next_attempt
from localcloud.stepfunctions.language.states import Catcher, Working
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject
from localcloud.stepfunctions.states import dataflow

_LOG = logging.getLogger(__name__)
_ENDED = {
    Status.SUCCEEDED: "ExecutionSucceeded",
    Status.FAILED: "ExecutionFailed",
    Status.ABORTED: "ExecutionAborted",
    Status.TIMED_OUT: "ExecutionTimedOut",
}
_ROOM_TO_END = 8
"""Events kept free below the history limit, so that a failure can still be recorded."""


class Walk:
    """Moves strands; `types` holds the behaviour of each type of state."""

    def __init__(self, types: Mapping[str, StateType]) -> None:
        self._types = types

    def step(self, visit: Visit) -> None:
        """Take a ready strand one step: into its state, and through it if it need not wait."""
        if self._too_long(visit):
            return
        try:
            kind = self._types[visit.state.type]
            if visit.strand.phase is Phase.AGAIN:
                kind.again(visit)
            else:
                kind.enter(visit)
        except Exception as error:  # noqa: BLE001 - see `_states_error`
            self._fail(visit, _states_error(error))
        self._settle(visit)

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Hand the strand what it waits for."""
        try:
            kind = self._types[visit.state.type]
            if visit.strand.phase is Phase.RETRYING:
                kind.again(visit)
            else:
                kind.receive(visit, signal)
        except Exception as error:  # noqa: BLE001 - see `_states_error`
            self._fail(visit, _states_error(error))
        self._settle(visit)

    def errands(self, visit: Visit) -> list[Errand]:
        """Return what has to go on while the strand waits."""
        if visit.strand.phase is Phase.RETRYING:
            due = visit.strand.data["due"]
            assert isinstance(due, int | float)
            return [Alarm(due, "retry")]
        if visit.strand.phase in (Phase.DONE, Phase.ENTER, Phase.AGAIN):
            return []
        return self._types[visit.state.type].errands(visit)

    def _too_long(self, visit: Visit) -> bool:
        run = visit.run
        if run.identity.kind == "EXPRESS" or run.next_event <= history.MAX_EVENTS - _ROOM_TO_END:
            return False
        cause = (
            f"The execution reached the maximum number of history events ({history.MAX_EVENTS})."
        )
        end(visit, Status.FAILED, error=errors.RUNTIME, cause=cause)
        return True

    def _settle(self, visit: Visit) -> None:
        """Tell whoever waits for a strand that has come to its end."""
        if visit.strand.phase is not Phase.DONE or visit.run.status is not Status.RUNNING:
            return
        visit.run.touch(visit.strand)
        parent = visit.parent()
        if parent is None:
            end(visit, Status.SUCCEEDED, output=visit.strand.data["output"])
            return
        try:
            self._types[parent.state.type].child_done(parent, visit.strand)
        except Exception as error:  # noqa: BLE001 - see `_states_error`
            self._fail(parent, _states_error(error))
        self._settle(parent)

    def _fail(self, visit: Visit, error: StatesError) -> None:
        """Retry, catch, or let the branch or the execution fail."""
        stated = error
        if not isinstance(stated, Stated):
            stated = Stated(error.name, visit.explain(error))
        state = visit.state
        if isinstance(state, Working):
            if _retried(visit, state, stated):
                return
            self._types[state.type].gave_up(visit)
            catcher = _catcher(state, stated)
            if catcher is not None:
                try:
                    _caught(visit, catcher, stated)
                except Exception as failure:  # noqa: BLE001 - see `_states_error`
                    wrong = _states_error(failure)
                    stated = Stated(wrong.name, visit.explain(wrong))
                else:
                    return
        self._rise(visit, stated)

    def _rise(self, visit: Visit, error: Stated) -> None:
        """Fail what the strand is a part of."""
        parent = visit.parent()
        if parent is None:
            end(visit, Status.FAILED, error=error.name, cause=error.cause)
            return
        self._types[parent.state.type].child_failed(parent, visit.strand, error)
        self._fail(parent, error)


def _states_error(error: Exception) -> StatesError:
    """Return `error` as one of the language.

    What no code here foresaw, a definition that nests too deeply say, is States.Runtime, so
    that the execution ends with a reason and does not run for ever.
    """
    if isinstance(error, StatesError):
        return error
    _LOG.error("a state failed in a way that nobody foresaw", exc_info=error)
    return StatesError(errors.RUNTIME, f"{type(error).__name__}: {error}")


def _retried(visit: Visit, state: Working, error: Stated) -> bool:
    strand = visit.strand
    attempts = (
        next_attempt(
            state.retry,
            name,
            strand.counts,
            visit.surround.random,
            reported_by_task=error.by_task,
        )
        for name in _names(error)
    )
    attempt = next((one for one in attempts if one is not None), None)
    if attempt is None:
        return False
    visit.run.prune(strand)
    visit.run.abandon(strand)
    strand.counts = list(attempt.counts)
    strand.retries += 1
    strand.move(Phase.RETRYING, {"due": visit.surround.now() + attempt.delay_seconds})
    visit.run.wake(strand)
    return True


def _names(error: Stated) -> tuple[str, ...]:
    return (error.name,) if error.also is None else (error.also, error.name)


def _catcher(state: Working, error: Stated) -> Catcher | None:
    found = (
        catcher_for(state.catch, name, reported_by_task=error.by_task) for name in _names(error)
    )
    return next((one for one in found if one is not None), None)


def _caught(visit: Visit, catcher: Catcher, error: Stated) -> None:
    problem: JsonObject = {"Error": error.name, "Cause": error.cause}
    if visit.state.uses_jsonata:
        output: Json = problem
        if catcher.output is not ABSENT:
            output = visit.evaluate(catcher.output, "Catch/Output", error_output=problem)
    else:
        output = payload.merge(catcher.result_path, visit.strand.input, problem)
    assign = dataflow.assigned(visit, catcher.assign, problem, error_output=problem)
    visit.run.prune(visit.strand)
    visit.run.abandon(visit.strand)
    visit.leave(catcher.next, output, assign)


def end(
    visit: Visit,
    status: Status,
    *,
    output: Json = None,
    error: str | None = None,
    cause: str | None = None,
) -> None:
    """End the execution: `visit` is the root's, or that of the strand whose error ends it."""
    run = visit.run
    if status is Status.SUCCEEDED:
        details = history.given("output", output)
    else:
        details = history.problem(error, cause)
        for strand in run.strands.values():
            run.abandon(strand)
    outside = status in (Status.ABORTED, Status.TIMED_OUT)
    visit.record(_ENDED[status], details, previous=0 if outside else None)
    run.status = status
    run.ending = Ending(status, output, error or None, cause or None)
    run.stopped = visit.surround.now()
    run.ready.clear()
    run.woken.clear()
    run.changes.status_changed = True


def redrive(root: Visit) -> None:
    """Make an ended run go on: what had failed or was cut off begins anew.

    https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """
    run = root.run
    run.redrive_count += 1
    run.redriven = root.surround.now()
    run.status, run.ending, run.stopped = Status.RUNNING, None, None
    run.changes.status_changed = True
    details: JsonObject = {"redriveCount": run.redrive_count}
    redriven = root.record("ExecutionRedriven", details, previous=run.next_event - 1)
    for strand in list(run.strands.values()):
        if strand.id in run.strands and not _goes_on(run, strand):
            run.prune(strand)
            kept = {"map_run": strand.data["map_run"]} if "map_run" in strand.data else {}
            strand.counts, strand.retries = [], 0
            strand.move(Phase.AGAIN, kept)
            strand.previous = redriven
            run.touch(strand)
            run.ready.append(strand.id)


def _goes_on(run: Run, strand: Strand) -> bool:
    if strand.phase is Phase.DONE:
        return strand.parent is not None
    inner = run.children.get(strand.id, {}).values()
    return strand.phase is Phase.SPLIT and any(child.phase is not Phase.DONE for child in inner)


def is_awaited(signal: Signal, strand: Strand) -> bool:
    """Return whether a strand that waits takes `signal`."""
    if strand.phase is Phase.RETRYING:
        return signal == Due("retry")
    return strand.phase not in (Phase.ENTER, Phase.AGAIN, Phase.DONE)
