"""The executor of Map in distributed mode: iterations are child executions in a Map Run.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import data_flow, execution_events
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
        plan = _plan(visit, state)
        items = plan["items"]
        length = len(items) if isinstance(items, list) else 0
        visit.record("MapStateStarted", {"length": length})
        arn = _map_run_arn(visit, state)
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
                raise ReportedError(error, cause)

    def record_failure(self, visit: StateVisit) -> None:
        """Record the failure."""
        visit.record("MapStateFailed")


def label_of(visit: StateVisit, state: MapState) -> str:
    """Return the label of the Map Run: the one written, or the state's name made valid."""
    if state.label:
        return state.label
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in state.name)[:40]


def _map_run_arn(visit: StateVisit, state: MapState) -> str:
    identity = visit.run.identity
    begin = identity.machine_arn.replace(":stateMachine:", ":mapRun:", 1)
    return f"{begin}/{label_of(visit, state)}:{visit.engine.new_id()}"


def _plan(visit: StateVisit, state: MapState) -> JsonObject:
    """Return the evaluated plan of the Map Run."""
    reader = state.item_reader
    items, members = (None, False) if reader else map_state.items_from_input(visit, state)
    percentage = data_flow.evaluate_number(
        visit,
        state.tolerated_failure_percentage,
        state.tolerated_failure_percentage_path,
        "ToleratedFailurePercentage",
    )
    return {
        "label": label_of(visit, state),
        "items": items,
        "members": members,
        "reader": None if reader is None else _reader(visit, reader),
        "batch": None if state.item_batcher is None else _batch(visit, state.item_batcher),
        "writer": None if state.result_writer is None else _writer(visit, state.result_writer),
        "max_concurrency": map_state.max_concurrency(visit, state),
        "tolerated_count": data_flow.evaluate_integer(
            visit,
            state.tolerated_failure_count,
            state.tolerated_failure_count_path,
            "ToleratedFailureCount",
        ),
        "tolerated_percentage": percentage,
    }


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
        "max_items": data_flow.evaluate_integer(
            visit, config.max_items, config.max_items_path, "MaxItems"
        ),
    }


def _batch(visit: StateVisit, batcher: ItemBatcher) -> JsonObject:
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
        "max_items": data_flow.evaluate_integer(
            visit,
            batcher.max_items_per_batch,
            batcher.max_items_per_batch_path,
            "MaxItemsPerBatch",
        ),
        "max_bytes": data_flow.evaluate_integer(
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
