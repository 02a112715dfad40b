"""Move branches from state to state, and apply Retry and Catch to errors.

Everything here happens in memory, under the execution's lock, between two commits.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from localcloud.stepfunctions.engine import data_flow, execution_events
from localcloud.stepfunctions.engine.action_tasks import ActionTask, Signal, TimerFired, TimerTask
from localcloud.stepfunctions.engine.records import (
    Branch,
    BranchPhase,
    ExecutionOutcome,
    ExecutionStatus,
)
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.engine.state_executor import StateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.error_handlers import find_catcher, next_attempt
from localcloud.stepfunctions.language.errors import ReportedError, StatesError
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import Catcher, RetryableState
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject

_LOG = logging.getLogger(__name__)
_ENDED = {
    ExecutionStatus.SUCCEEDED: "ExecutionSucceeded",
    ExecutionStatus.FAILED: "ExecutionFailed",
    ExecutionStatus.ABORTED: "ExecutionAborted",
    ExecutionStatus.TIMED_OUT: "ExecutionTimedOut",
}


class StateInterpreter:
    """Moves branches; `types` maps the name of a state type to its executor."""

    def __init__(self, types: Mapping[str, StateExecutor]) -> None:
        self._types = types

    def step(self, visit: StateVisit) -> None:
        """Take a ready branch into its state, and through it unless it waits."""
        if self._exceeds_history_limit(visit):
            return
        try:
            kind = self._types[visit.state.type]
            if visit.branch.phase is BranchPhase.AGAIN:
                kind.reenter(visit)
            else:
                kind.enter(visit)
        except Exception as error:  # noqa: BLE001 - see `_states_error`
            self._fail(visit, _states_error(error))
        self._report_end(visit)

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Give the branch the signal that it waits for."""
        try:
            kind = self._types[visit.state.type]
            if visit.branch.phase is BranchPhase.RETRYING:
                kind.reenter(visit)
            else:
                kind.receive(visit, signal)
        except Exception as error:  # noqa: BLE001 - see `_states_error`
            self._fail(visit, _states_error(error))
        self._report_end(visit)

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return the action tasks that run while the branch waits."""
        if visit.branch.phase is BranchPhase.RETRYING:
            due = visit.branch.data["due"]
            assert isinstance(due, int | float)
            return [TimerTask(due, "retry")]
        if visit.branch.phase in (BranchPhase.DONE, BranchPhase.ENTER, BranchPhase.AGAIN):
            return []
        return self._types[visit.state.type].action_tasks(visit)

    def _exceeds_history_limit(self, visit: StateVisit) -> bool:
        run = visit.run
        if (
            run.identity.kind == "EXPRESS"
            or run.next_event <= execution_events.MAX_EVENTS - execution_events.ROOM_TO_END
        ):
            return False
        limit = execution_events.MAX_EVENTS
        cause = f"The execution reached the maximum number of history events ({limit})."
        end_execution(visit, ExecutionStatus.FAILED, error=errors.RUNTIME, cause=cause)
        return True

    def _report_end(self, visit: StateVisit) -> None:
        """Report a branch that has reached its end to its parent, or end the execution."""
        if (
            visit.branch.phase is not BranchPhase.DONE
            or visit.run.status is not ExecutionStatus.RUNNING
        ):
            return
        visit.run.mark_changed(visit.branch)
        parent = visit.parent()
        if parent is None:
            end_execution(visit, ExecutionStatus.SUCCEEDED, output=visit.branch.data["output"])
            return
        try:
            self._types[parent.state.type].on_child_succeeded(parent, visit.branch)
        except Exception as error:  # noqa: BLE001 - see `_states_error`
            self._fail(parent, _states_error(error))
        self._report_end(parent)

    def _fail(self, visit: StateVisit, error: StatesError) -> None:
        """Retry, catch, or fail the parent branch or the execution."""
        stated = error
        if not isinstance(stated, ReportedError):
            visit.record_evaluation_failed(error)
            stated = ReportedError(error.name, visit.describe_error(error))
        if visit.inspection is not None:
            visit.inspection.error = stated
        state = visit.state
        if isinstance(state, RetryableState):
            if _schedule_retry(visit, state, stated):
                return
            if not _is_of_state(error):
                self._types[state.type].record_failure(visit)
            catcher = _find_catcher(state, stated)
            if catcher is not None:
                try:
                    _apply_catcher(visit, catcher, stated)
                except Exception as failure:  # noqa: BLE001 - see `_states_error`
                    wrong = _states_error(failure)
                    visit.record_evaluation_failed(wrong)
                    stated = ReportedError(wrong.name, visit.describe_error(wrong))
                else:
                    return
        self._fail_parent(visit, stated)

    def _fail_parent(self, visit: StateVisit, error: ReportedError) -> None:
        """Fail the parent branch, or the execution if there is none."""
        parent = visit.parent()
        if parent is None:
            end_execution(visit, ExecutionStatus.FAILED, error=error.name, cause=error.cause)
            return
        self._types[parent.state.type].on_child_failed(parent, visit.branch, error)
        self._fail(parent, error)


def _is_of_state(error: StatesError) -> bool:
    """Return whether the state itself raised States.Runtime, which no event but the end tells."""
    return error.name == errors.RUNTIME and not isinstance(error, ReportedError)


def _states_error(error: Exception) -> StatesError:
    """Return `error` as an error of the language.

    An unexpected error, for example of a definition that nests too deeply, becomes
    States.Runtime, so that the execution ends with a cause and does not run forever.
    """
    if isinstance(error, StatesError):
        return error
    _LOG.error("a state failed in a way that nobody foresaw", exc_info=error)
    return StatesError(errors.RUNTIME, f"{type(error).__name__}: {error}")


def _schedule_retry(visit: StateVisit, state: RetryableState, error: ReportedError) -> bool:
    branch = visit.branch
    attempts = (
        next_attempt(
            state.retry,
            name,
            branch.counts,
            visit.engine.random,
            reported_by_task=error.by_task,
        )
        for name in _error_names(error)
    )
    attempt = next((one for one in attempts if one is not None), None)
    if attempt is None:
        return False
    visit.run.remove_children(branch)
    visit.run.abandon(branch)
    branch.counts = list(attempt.counts)
    branch.retries += 1
    branch.enter_phase(BranchPhase.RETRYING, {"due": visit.engine.now() + attempt.delay_seconds})
    visit.run.start_tasks(branch)
    return True


def _error_names(error: ReportedError) -> tuple[str, ...]:
    return (error.name,) if error.also is None else (error.also, error.name)


def _find_catcher(state: RetryableState, error: ReportedError) -> Catcher | None:
    found = (
        find_catcher(state.catch, name, reported_by_task=error.by_task)
        for name in _error_names(error)
    )
    return next((one for one in found if one is not None), None)


def _apply_catcher(visit: StateVisit, catcher: Catcher, error: ReportedError) -> None:
    problem: JsonObject = {**error.output}
    if visit.state.uses_jsonata:
        output: Json = problem
        if catcher.output is not ABSENT:
            output = visit.evaluate(catcher.output, "Catch/Output", error_output=problem)
    else:
        output = payload_templates.merge(catcher.result_path, visit.branch.input, problem)
    assign = data_flow.evaluate_assign(visit, catcher.assign, problem, error_output=problem)
    visit.run.remove_children(visit.branch)
    visit.run.abandon(visit.branch)
    visit.leave(catcher.next, output, assign)


def end_execution(
    visit: StateVisit,
    status: ExecutionStatus,
    *,
    output: Json = None,
    error: str | None = None,
    cause: str | None = None,
) -> None:
    """End the execution. `visit` is that of the root, or of the branch whose error ends it."""
    run = visit.run
    if status is ExecutionStatus.SUCCEEDED:
        details = execution_events.data_details("output", output)
    else:
        details = execution_events.error_details(error, cause)
        for branch in run.branches.values():
            run.abandon(branch)
    outside = status in (ExecutionStatus.ABORTED, ExecutionStatus.TIMED_OUT)
    visit.record(_ENDED[status], details, previous=0 if outside else None)
    run.status = status
    run.outcome = ExecutionOutcome(status, output, error or None, cause or None)
    run.stopped = visit.engine.now()
    run.ready.clear()
    run.waiting.clear()
    run.changes.status_changed = True


def redrive_execution(root: StateVisit) -> None:
    """Redrive an ended execution: what failed or was aborted begins again.

    https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
    """
    run = root.run
    run.redrive_count += 1
    run.redriven = root.engine.now()
    run.status, run.outcome, run.stopped = ExecutionStatus.RUNNING, None, None
    run.changes.status_changed = True
    details: JsonObject = {"redriveCount": run.redrive_count}
    redriven = root.record("ExecutionRedriven", details, previous=run.next_event - 1)
    for branch in list(run.branches.values()):
        if branch.id in run.branches and not _is_still_running(run, branch):
            run.remove_children(branch)
            kept = {"map_run": branch.data["map_run"]} if "map_run" in branch.data else {}
            branch.counts, branch.retries = [], 0
            branch.enter_phase(BranchPhase.AGAIN, kept)
            branch.previous = redriven
            run.mark_changed(branch)
            run.ready.append(branch.id)


def _is_still_running(run: RunningExecution, branch: Branch) -> bool:
    if branch.phase is BranchPhase.DONE:
        return branch.parent is not None
    inner = run.children.get(branch.id, {}).values()
    return branch.phase is BranchPhase.SPLIT and any(
        child.phase is not BranchPhase.DONE for child in inner
    )


def is_awaited(signal: Signal, branch: Branch) -> bool:
    """Return whether a waiting branch accepts `signal`."""
    if branch.phase is BranchPhase.RETRYING:
        return signal == TimerFired("retry")
    return branch.phase not in (BranchPhase.ENTER, BranchPhase.AGAIN, BranchPhase.DONE)
