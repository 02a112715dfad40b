"""TestState: run one state without a state machine, and show how it treats its data.

https://docs.aws.amazon.com/step-functions/latest/dg/test-state-isolation.html
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any, Final

from localcloud.service import Params, Result
from localcloud.stepfunctions.engine.action_tasks import (
    Signal,
    TimerFired,
    WorkFailed,
    WorkSucceeded,
)
from localcloud.stepfunctions.engine.records import (
    BranchPhase,
    ExecutionIdentity,
    ExecutionStatus,
)
from localcloud.stepfunctions.engine.running_execution import RunningExecution
from localcloud.stepfunctions.engine.state_interpreter import StateInterpreter, end_execution
from localcloud.stepfunctions.engine.state_visit import EngineContext, StateInspection, StateVisit
from localcloud.stepfunctions.integrations.task_caller import TaskCaller
from localcloud.stepfunctions.language import errors
from localcloud.stepfunctions.language.error_handlers import matches_error
from localcloud.stepfunctions.language.state_machine import (
    Catcher,
    FailState,
    Retrier,
    RetryableState,
    StateGraph,
    TaskState,
)
from localcloud.stepfunctions.language.values import Json, replace_surrogates
from localcloud.stepfunctions.operations.requests import OperationGroup, omit_none
from localcloud.stepfunctions.operations.state_test_requests import StateTest, parse_state_test
from localcloud.stepfunctions.state_executors.mocked_states import (
    MockedMapExecutor,
    MockedParallelExecutor,
    MockedWork,
)
from localcloud.stepfunctions.state_executors.registry import STATE_TYPES

MAX_SECONDS: Final = 300.0
"""https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html"""

_NUMBERS: Final = frozenset(
    {"maxConcurrency", "toleratedFailureCount", "toleratedFailurePercentage"}
)
"""The members of InspectionData that are numbers; every other one is JSON text."""


class StateTestOperations(OperationGroup):
    """The operation that tests a state."""

    def test_state(self, params: Params) -> Result:
        """Run a state once, and return its output, its error and where it leads."""
        test = parse_state_test(params)
        visit = self._visit(test)
        work = test.work if test.work is not None else MockedWork()
        types = {
            **STATE_TYPES,
            "Map": MockedMapExecutor(work, test.failures, test.items_read),
            "Parallel": MockedParallelExecutor(work),
        }
        interpreter = StateInterpreter(types)
        interpreter.step(visit)
        signal = self._end_of_wait(test, visit)
        if signal is not None:
            interpreter.receive(visit, signal)
        return _shown(test, visit)

    def _visit(self, test: StateTest) -> StateVisit:
        """Return a visit of the state in an Express execution that is nowhere stored."""
        deps, started = self._deps, self._deps.schedule.now()
        machine, execution = deps.new_id(), deps.new_id()
        identity = ExecutionIdentity(
            arn=deps.surroundings.arn("states", f"express:{machine}:{execution}"),
            name=execution,
            machine_arn=deps.surroundings.arn("states", f"stateMachine:{machine}"),
            machine_name=machine,
            role_arn=test.role_arn or "",
            kind="EXPRESS",
            input=test.input,
            started=started,
            revision=0,
            is_synchronous=True,
        )
        graph = StateGraph(start_at=test.name, states={test.name: test.state})
        run = RunningExecution(identity, graph)
        branch = run.add_branch(None, 0, test.name, test.input)
        branch.variables, branch.retries = dict(test.variables), test.retries
        if isinstance(test.state, RetryableState):
            branch.counts = [test.retries] * len(test.state.retry)
        engine = EngineContext(
            lambda: started,
            deps.random,
            deps.new_id,
            deps.surroundings.region,
            lambda _: True,
        )
        inspection = StateInspection(test.context, {"input": test.input})
        if isinstance(test.state, FailState) and not test.state.uses_jsonata:
            inspection.data["afterInputPath"] = test.input
        return StateVisit(run, branch, engine, inspection)

    def _end_of_wait(self, test: StateTest, visit: StateVisit) -> Signal | None:
        """Return what ends the wait of a Task or a Wait; None if the state does not wait."""
        phase = visit.branch.phase
        if phase is BranchPhase.WAITING:
            return _await(visit)
        if phase is not BranchPhase.SCHEDULED:
            return None
        if test.work is not None:
            error = test.work.error
            if error is not None:
                return WorkFailed(error.name, error.cause)
            return WorkSucceeded(test.work.result)
        return self._call(visit)

    def _call(self, visit: StateVisit) -> Signal:
        """Make the call of a Task, for as long as its timeout or the test lasts."""
        state, data = visit.state, visit.branch.data
        assert isinstance(state, TaskState)
        answers: list[Signal] = []
        caller = TaskCaller(self._deps.clients)

        def call() -> None:
            answers.append(caller.call(visit.run, state.resource, dict(data), is_repeat=False))

        thread = threading.Thread(target=call, name="stepfunctions-test", daemon=True)
        thread.start()
        timeout = data.get("timeout")
        seconds = float(timeout) if isinstance(timeout, int | float) else MAX_SECONDS
        thread.join(min(seconds, MAX_SECONDS))
        if answers:
            return answers[0]
        return WorkFailed(errors.TIMEOUT, None)


def _await(visit: StateVisit) -> Signal | None:
    """Wait for as long as a Wait says; fail with States.Timeout after five minutes."""
    due = visit.branch.data["due"]
    assert isinstance(due, int | float)
    seconds = due - visit.engine.now()
    if seconds > 0:
        time.sleep(min(seconds, MAX_SECONDS))
    if seconds <= MAX_SECONDS:
        return TimerFired("wait")
    end_execution(visit, ExecutionStatus.FAILED, error=errors.TIMEOUT)
    return None


def _shown(test: StateTest, visit: StateVisit) -> Result:
    run, branch, inspection = visit.run, visit.branch, visit.inspection
    assert inspection is not None
    error, outcome = inspection.error, run.outcome
    shown: dict[str, Any] = {}
    if run.status is ExecutionStatus.FAILED:
        assert outcome is not None
        shown = omit_none(status="FAILED", error=outcome.error, cause=outcome.cause)
    elif branch.phase is BranchPhase.RETRYING:
        assert error is not None
        shown = omit_none(status="RETRIABLE", error=error.name, cause=error.cause or None)
    else:
        output = outcome.output if outcome is not None else branch.input
        shown = {"status": "SUCCEEDED", "output": _text(output)}
        if outcome is None:
            shown["nextState"] = branch.state
        if error is not None:
            shown |= omit_none(status="CAUGHT_ERROR", error=error.name, cause=error.cause or None)
    if test.level != "INFO":
        shown["inspectionData"] = _inspection_data(test, visit)
    return shown


def _inspection_data(test: StateTest, visit: StateVisit) -> dict[str, Any]:
    inspection, branch = visit.inspection, visit.branch
    assert inspection is not None
    data: dict[str, Any] = {
        name: value if name in _NUMBERS else _text(value) for name, value in inspection.data.items()
    }
    if branch.variables:
        data["variables"] = _text(dict(branch.variables))
    details = _error_details(test, visit)
    return {**data, "errorDetails": details} if details else data


def _error_details(test: StateTest, visit: StateVisit) -> dict[str, Any]:
    """Return the retrier and the catcher that match the error, and the delay of a retry."""
    state, inspection, branch = test.state, visit.inspection, visit.branch
    assert inspection is not None
    if inspection.error is None or not isinstance(state, RetryableState):
        return {}
    details: dict[str, Any] = {}
    retrier = _matching(visit, state.retry)
    if retrier is not None:
        details["retryIndex"] = retrier
    if branch.phase is BranchPhase.RETRYING:
        due = branch.data["due"]
        assert isinstance(due, int | float)
        details["retryBackoffIntervalSeconds"] = round(due - visit.engine.now())
    elif visit.run.status is not ExecutionStatus.FAILED:
        details["catchIndex"] = _matching(visit, state.catch)
    return details


def _matching(visit: StateVisit, entries: Sequence[Retrier | Catcher]) -> int | None:
    assert visit.inspection is not None
    error = visit.inspection.error
    assert error is not None
    names = (error.name,) if error.also is None else (error.also, error.name)
    for name in names:
        for index, entry in enumerate(entries):
            if matches_error(entry.error_equals, name, reported_by_task=error.by_task):
                return index
    return None


def _text(value: Json) -> str:
    """Return JSON text as TestState writes it, with spaces after separators."""
    return replace_surrogates(json.dumps(value, ensure_ascii=False))
