"""Execute one Map Run: read its items, run a child for each, write the results."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

from localcloud.errors import AwsError
from localcloud.stepfunctions.engine.action_tasks import Signal, WorkFailed, WorkSucceeded
from localcloud.stepfunctions.engine.execution_engine import MAX_STANDARD_SECONDS, OnEnd
from localcloud.stepfunctions.engine.records import ExecutionOutcome, ExecutionStatus
from localcloud.stepfunctions.engine.running_execution import RunningExecution, find_state_graph
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.engine.work_scheduler import Work
from localcloud.stepfunctions.integrations.integration import RoleClients
from localcloud.stepfunctions.language import errors, map_items
from localcloud.stepfunctions.language.definition_parser import parse
from localcloud.stepfunctions.language.errors import ReportedError, StatesError
from localcloud.stepfunctions.language.state_machine import MapState, StateGraph
from localcloud.stepfunctions.language.values import Json, JsonObject
from localcloud.stepfunctions.map_runs import item_reader, result_writer
from localcloud.stepfunctions.operations.requests import StepFunctionsDeps
from localcloud.stepfunctions.state_executors import map_state
from localcloud.stepfunctions.store.map_runs import ChildExecution, MapRun, child_identity

_LOG = logging.getLogger(__name__)
MAX_CONCURRENCY = 100
"""The max_items children at once on one machine, whatever the state machine allows."""

EXPRESS_SECONDS = 300.0


class MapRunExecutor:
    """Runs the children of a Map Run. `ticket` is that of the branch that waits for it.

    The outcome of a child is stored before the next one starts, so that a restart starts only
    children without one.
    """

    def __init__(
        self, deps: StepFunctionsDeps, role_clients: RoleClients, run: MapRun, ticket: int
    ) -> None:
        self._deps = deps
        self._role_clients = role_clients
        self._run = run
        self._ticket = ticket
        self._lock = threading.Lock()
        self._running: dict[int, ChildExecution] = {}
        self._total = self._failed = 0
        self._closed = False
        self._machine: StateGraph | None = None

    def run(self) -> None:
        """Read the items unless they are stored already, and run the children."""
        try:
            self._check_role()
            if not self._run.loaded:
                self._deps.maps.add_children(self._run, self._children())
        except StatesError as error:
            self._finish(ExecutionStatus.FAILED, WorkFailed(error.name, error.cause))
            return
        counts = self._deps.maps.count_children(self._run.arn)
        self._total = sum(size for _, size in counts.values())
        self._failed = sum(counts.get(name, (0, 0))[1] for name in ("FAILED", "TIMED_OUT"))
        self._resume_children()
        self._continue()

    def _check_role(self) -> None:
        """Raise States.Permissions unless the role may start executions of its own machine.

        https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
        """
        plan = self._run.plan
        try:
            self._role_clients.check_start(plan.role_arn, plan.machine_arn.rpartition("/")[0])
        except AwsError as error:
            raise ReportedError(errors.PERMISSIONS, error.message) from error

    def start_children(self) -> None:
        """Start as many children as may run, or end if none are left."""
        maps = self._deps.maps
        with self._lock:
            if self._closed:
                return
            limits = maps.limits(self._run.arn)
            allowed = limits.max_concurrency if limits is not None else 0
            free = min(allowed or MAX_CONCURRENCY, MAX_CONCURRENCY) - len(self._running)
            begun = maps.children_with_status(self._run.arn, "PENDING", free) if free > 0 else []
            if begun:
                maps.mark_started(self._run.arn, begun, self._deps.schedule.now())
            self._running |= {child.number: child for child in begun}
            done = not self._running
            self._closed = done
        for child in begun:
            self._begin(child)
        if done:
            self._deps.schedule.run_blocking(self.guard(self._succeed))

    def abort(self) -> None:
        """Stop every child; the execution continues without this Map Run."""
        self._close()
        result: JsonObject = {"aborted": True}
        now = self._deps.schedule.now()
        self._deps.maps.finish(self._run.arn, ExecutionStatus.ABORTED, now, result)

    def _children(self) -> Iterator[tuple[str, Json, int]]:
        """Yield the ARN, the input and the number of items of each child."""
        plan = self._run.plan
        values = iter(self._select_items())
        if plan.batch is None:
            for value in values:
                yield self._child_arn(), value, 1
            return
        sizes = [plan.batch["max_items"], plan.batch["max_bytes"]]
        max_items, size = (one if isinstance(one, int) else None for one in sizes)
        for batch in map_items.batch_items(values, max_items, size, plan.batch["batch_input"]):
            grouped = batch["Items"]
            yield self._child_arn(), batch, len(grouped) if isinstance(grouped, list) else 1

    def _select_items(self) -> list[Json]:
        """Return the items, each transformed by ItemSelector."""
        plan, values, source = self._run.plan, self._run.plan.items, "STATE_DATA"
        state = self._state()
        if plan.reader is not None:
            arguments = plan.reader["arguments"]
            given = arguments if isinstance(arguments, dict) else {}
            resource, limit = str(plan.reader["resource"]), plan.reader["max_items"]
            assert state.item_reader is not None
            client = self._role_clients.clients("s3", plan.role_arn)
            config = state.item_reader.reader_config
            max_items = _checked_limit(limit)
            values = list(item_reader.read_items(client, resource, given, config, max_items))
            source = item_reader.item_source(resource, given)
        made: list[Json] = []
        failure: list[StatesError] = []

        def select(visit: StateVisit) -> None:
            try:
                for index, item in enumerate(values or []):
                    about = map_state.item_context(
                        index, item, is_member=plan.members, source=source
                    )
                    made.append(map_state.select_item(visit, state, item, about))
            except StatesError as error:
                visit.record_evaluation_failed(error)
                failure.append(ReportedError(error.name, visit.describe_error(error)))

        if not self._deps.engine.run_in_branch(self._run.execution_arn, self._run.branch, select):
            raise ReportedError(errors.TASK_FAILED, "The execution has ended.")
        if failure:
            raise failure[0]
        return made

    def _state(self) -> MapState:
        path = self._run.plan.machine_path
        revision = self._deps.machines.revision(self._run.plan.revision)
        holder = find_state_graph(parse(revision.body["definition"]), path[:-3])
        state = holder.states[str(path[-2])]
        assert isinstance(state, MapState)
        return state

    def _child_arn(self) -> str:
        kind = "express" if self._run.plan.kind == "EXPRESS" else "execution"
        begin = self._run.plan.machine_arn.replace(":stateMachine:", f":{kind}:", 1)
        own = self._deps.new_id()
        return f"{begin}:{own}:{self._deps.new_id()}" if kind == "express" else f"{begin}:{own}"

    def _resume_children(self) -> None:
        """Resume the children that ran before a restart."""
        children = self._deps.maps.children_with_status(self._run.arn, "RUNNING")
        with self._lock:
            self._running = {child.number: child for child in children}
        for child in children:
            found = self._deps.executions.find(child.arn)
            if found is None or found.redrive_count < child.redrive_count:
                self._begin(child)
                continue
            run = self._deps.executions.restore(found, self._machine_of_child())
            if found.status is ExecutionStatus.RUNNING:
                self._deps.engine.resume(run, self._on_child_end(child))
            else:
                output = None if found.output is None else json.loads(found.output)
                run.outcome = ExecutionOutcome(found.status, output, found.error, found.cause)
                self._child_ended(run, child)

    def _begin(self, child: ChildExecution) -> None:
        engine, kind = self._deps.engine, self._run.plan.kind
        found = self._deps.executions.find(child.arn) if kind == "STANDARD" else None
        if found is not None:
            run = self._deps.executions.restore(found, self._machine_of_child())
            engine.redrive(run, self._on_child_end(child))
            return
        seconds = EXPRESS_SECONDS if kind == "EXPRESS" else MAX_STANDARD_SECONDS
        identity = child_identity(self._run, child, self._deps.schedule.now(), seconds)
        run = RunningExecution(identity, self._machine_of_child())
        engine.begin(run, self._on_child_end(child))

    def _on_child_end(self, child: ChildExecution) -> OnEnd:
        return lambda run: self.guard(lambda: self._child_ended(run, child))()

    def guard(self, work: Work) -> Work:
        """Return `work` wrapped so that any error in it fails the Map Run."""

        def guarded() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 - a Map Run must not hang
                self._fail_unexpectedly(error)

        return guarded

    def _fail_unexpectedly(self, error: Exception) -> None:
        """Fail the Map Run after an unexpected error."""
        _LOG.error("the Map Run %s broke", self._run.arn, exc_info=error)
        self._close()
        self._finish(
            ExecutionStatus.FAILED, WorkFailed(errors.RUNTIME, f"{type(error).__name__}: {error}")
        )

    def _machine_of_child(self) -> StateGraph:
        if self._machine is None:
            self._machine = self._state().item_processor
        return self._machine

    def _child_ended(self, run: RunningExecution, child: ChildExecution) -> None:
        outcome, now = run.outcome, self._deps.schedule.now()
        if outcome is None:
            raise LookupError(f"{child.arn} has not ended")
        with self._lock:
            if self._running.pop(child.number, None) is None:
                return
            self._deps.maps.mark_ended(self._run.arn, child.number, outcome, now)
            if outcome.status in (ExecutionStatus.FAILED, ExecutionStatus.TIMED_OUT):
                self._failed += child.items
            if self._closed:
                return
        self._continue()

    def _continue(self) -> None:
        """Start the next children unless the tolerated failures are exceeded."""
        with self._lock:
            beyond = not self._closed and not self._is_tolerated()
        if not beyond:
            self.start_children()
            return
        cause = "The specified tolerated failure threshold was exceeded"
        failed = WorkFailed(errors.EXCEED_TOLERATED_FAILURE_THRESHOLD, cause)
        self._close()
        self._deps.schedule.run_blocking(self.guard(lambda: self._fail(failed)))

    def _is_tolerated(self) -> bool:
        if self._failed == 0:
            return True
        limits = self._deps.maps.limits(self._run.arn)
        return limits is None or map_items.failures_tolerated(
            self._failed, self._total, limits.tolerated_count, limits.tolerated_percentage
        )

    def _close(self) -> None:
        """Start no more children and end those that run."""
        deps, status = self._deps, ExecutionStatus.ABORTED
        with self._lock:
            self._closed = True
            self._running.clear()
        for child in deps.maps.children_with_status(self._run.arn, "RUNNING"):
            if not deps.engine.halt(child.arn, status, None, None):
                found = deps.executions.find(child.arn)
                if found is not None and found.status is ExecutionStatus.RUNNING:
                    run = deps.executions.restore(found, self._machine_of_child())
                    deps.engine.end_restored(run, status)
            now = deps.schedule.now()
            deps.maps.mark_ended(self._run.arn, child.number, ExecutionOutcome(status), now)

    def _succeed(self) -> None:
        try:
            output = self._write_output()
        except ReportedError as error:
            self._finish(ExecutionStatus.FAILED, WorkFailed(error.name, error.cause))
            return
        self._finish(ExecutionStatus.SUCCEEDED, WorkSucceeded(output))

    def _fail(self, failed: WorkFailed) -> None:
        """Fail with `failed`; the results are written all the same."""
        try:
            self._write_output()
        except ReportedError as error:
            failed = WorkFailed(error.name, error.cause)
        self._finish(ExecutionStatus.FAILED, failed)

    def _write_output(self) -> Json:
        children = self._deps.maps.all_children(self._run.arn)
        writer = self._run.plan.writer
        if writer is None or writer["resource"] is None:
            return result_writer.collect_outputs(self._run, children)
        return result_writer.write_results(
            self._role_clients.clients("s3", self._run.plan.role_arn), self._run, children
        )

    def _finish(self, status: ExecutionStatus, signal: Signal) -> None:
        result: JsonObject = {}
        match signal:
            case WorkSucceeded(output):
                result = {"output": output}
            case WorkFailed(error, cause):
                result = {"error": error, "cause": cause}
        self._deps.maps.finish(self._run.arn, status, self._deps.schedule.now(), result)
        self.send_result(signal)

    def send_result(self, signal: Signal) -> None:
        """Signal the result of the Map Run to the waiting branch."""
        run = self._run
        self._deps.engine.signal(run.execution_arn, run.branch, self._ticket, signal)


def _checked_limit(limit: Json) -> int | None:
    """Return MaxItems, where 0 means that every item is read."""
    if not isinstance(limit, int) or limit == 0:
        return None
    if limit < 0:
        raise ReportedError(errors.ITEM_READER_FAILED, "field MaxItems must be positive")
    return limit
