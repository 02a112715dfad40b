"""The executor of Map in distributed mode: iterations are child executions in a Map Run.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import data_flow, execution_events, number_fields
from localcloud.stepfunctions.engine.action_tasks import (
    ActionTask,
    MapRunTask,
    Signal,
    WorkFailed,
    WorkSucceeded,
)
from localcloud.stepfunctions.engine.records import BranchPhase
from localcloud.stepfunctions.engine.state_executor import SimpleStateExecutor
from localcloud.stepfunctions.engine.state_visit import StateVisit
from localcloud.stepfunctions.language.errors import ReportedError
from localcloud.stepfunctions.language.jsonpath import payload_templates
from localcloud.stepfunctions.language.state_machine import (
    ItemBatcher,
    ItemReader,
    MapResultWriter,
    MapState,
)
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template
from localcloud.stepfunctions.state_executors import map_state


class DistributedMapExecutor(SimpleStateExecutor):
    """Starts a Map Run, whose plan is evaluated when the state is entered."""

    def enter(self, visit: StateVisit) -> None:
        """Enter the state and start a Map Run."""
        visit.record_entered()
        self.reenter(visit)

    def reenter(self, visit: StateVisit) -> None:
        """Start a Map Run, or restart the same one in a redrive."""
        branch = visit.branch
        known = branch.data.get("map_run")
        if known is not None:
            redriven = visit.run.redrive_count
            visit.record("MapRunRedriven", {"mapRunArn": known, "redriveCount": redriven})
            branch.enter_phase(BranchPhase.MAPPING, {"map_run": known, "redriven": redriven})
            visit.run.start_tasks(branch)
            return
        state = map_state.map_state_of(visit)
        plan = _begin_plan(visit, state)
        items = plan["items"]
        visit.record("MapStateStarted", {"length": len(items) if isinstance(items, list) else 0})
        plan |= _finish_plan(visit, state)
        arn = f"{_map_runs_arn(visit)}/{plan['label']}:{visit.engine.new_id()}"
        visit.record("MapRunStarted", {"mapRunArn": arn})
        branch.enter_phase(BranchPhase.MAPPING, {"map_run": arn, "plan": plan})
        visit.run.start_tasks(branch)

    def action_tasks(self, visit: StateVisit) -> list[ActionTask]:
        """Return the Map Run."""
        return [MapRunTask(str(visit.branch.data["map_run"]))]

    def receive(self, visit: StateVisit, signal: Signal) -> None:
        """Leave when the Map Run has ended."""
        match signal:
            case WorkSucceeded(output):
                visit.record("MapRunSucceeded")
                visit.record("MapStateSucceeded", previous=visit.branch.previous)
                data_flow.leave_with_result(visit, map_state.map_state_of(visit), output)
            case WorkFailed(error, cause):
                visit.record("MapRunFailed", execution_events.error_details(error, cause))
                raise ReportedError(error or "", cause or "")

    def record_failure(self, visit: StateVisit) -> None:
        """Record the failure."""
        visit.record("MapStateFailed")


def _map_runs_arn(visit: StateVisit) -> str:
    return visit.run.identity.machine_arn.replace(":stateMachine:", ":mapRun:", 1)


def _begin_plan(visit: StateVisit, state: MapState) -> JsonObject:
    """Return what AWS evaluates before it records that the state has started.

    A Map Run without a Label has an identifier in its place.
    """
    concurrency = map_state.max_concurrency(visit, state)
    items, members = (None, False)
    if state.item_reader is None:
        items, members = map_state.items_from_input(visit, state)
    return {
        "label": state.label or visit.engine.new_id(),
        "items": items,
        "members": members,
        "max_concurrency": concurrency,
    }


def _finish_plan(visit: StateVisit, state: MapState) -> JsonObject:
    """Return what AWS evaluates after it has recorded that the state has started."""
    reader, batcher, writer = state.item_reader, state.item_batcher, state.result_writer
    return {
        "tolerated_count": tolerated_count(visit, state),
        "tolerated_percentage": tolerated_percentage(visit, state),
        "reader": None if reader is None else _reader(visit, reader),
        "batch": None if batcher is None else batch_plan(visit, batcher),
        "writer": None if writer is None else _writer(visit, writer),
    }


def tolerated_count(visit: StateVisit, state: MapState) -> int | None:
    """Return ToleratedFailureCount, or None if the state sets none."""
    path = state.tolerated_failure_count_path
    count = number_fields.evaluate_integer(
        visit, state.tolerated_failure_count, path, "ToleratedFailureCount"
    )
    if count is not None and count < 0:
        field = "ToleratedFailureCount"
        raise number_fields.out_of_range(path, field, f"{field} cannot be negative.")
    return count


def tolerated_percentage(visit: StateVisit, state: MapState) -> float | None:
    """Return ToleratedFailurePercentage, or None if the state sets none."""
    path = state.tolerated_failure_percentage_path
    percentage = number_fields.evaluate_number(
        visit, state.tolerated_failure_percentage, path, "ToleratedFailurePercentage"
    )
    if percentage is not None and not 0 <= percentage <= 100:
        field = "ToleratedFailurePercentage"
        raise number_fields.out_of_range(path, field, f"{field} must be between 0 and 100.")
    return percentage


def _evaluate_arguments(
    visit: StateVisit, parameters: Template, arguments: Template, field: str
) -> Json:
    if visit.state.uses_jsonata:
        return {} if arguments is ABSENT else visit.evaluate(arguments, f"{field}/Arguments")
    if parameters is ABSENT:
        return {}
    return payload_templates.fill(parameters, visit.effective_input(), visit.environment())


def _reader(visit: StateVisit, reader: ItemReader) -> JsonObject:
    config = reader.reader_config
    return {
        "resource": reader.resource,
        "arguments": _evaluate_arguments(visit, reader.parameters, reader.arguments, "ItemReader"),
        "max_items": number_fields.evaluate_integer(
            visit, config.max_items, config.max_items_path, "MaxItems"
        ),
    }


def batch_plan(visit: StateVisit, batcher: ItemBatcher) -> JsonObject:
    """Return the limits of ItemBatcher and its evaluated BatchInput."""
    given: Json = None
    if batcher.batch_input is not ABSENT:
        if visit.state.uses_jsonata:
            given = visit.evaluate(batcher.batch_input, "ItemBatcher/BatchInput")
        else:
            given = payload_templates.fill(
                batcher.batch_input, visit.effective_input(), visit.environment()
            )
    return {
        "batch_input": given,
        "max_items": number_fields.evaluate_positive(
            visit,
            batcher.max_items_per_batch,
            batcher.max_items_per_batch_path,
            "MaxItemsPerBatch",
        ),
        "max_bytes": number_fields.evaluate_positive(
            visit,
            batcher.max_input_bytes_per_batch,
            batcher.max_input_bytes_per_batch_path,
            "MaxInputBytesPerBatch",
        ),
    }


def _writer(visit: StateVisit, writer: MapResultWriter) -> JsonObject:
    return {
        "resource": writer.resource,
        "arguments": _evaluate_arguments(
            visit, writer.parameters, writer.arguments, "ResultWriter"
        ),
        "transformation": writer.transformation,
        "output_type": writer.output_type,
    }
