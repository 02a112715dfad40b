"""Map in distributed mode: its iterations are executions of their own, in a Map Run.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

from localcloud.stepfunctions.engine import history
from localcloud.stepfunctions.engine.errands import Answered, Conduct, Errand, Failed, Signal
from localcloud.stepfunctions.engine.faults import Stated
from localcloud.stepfunctions.engine.model import Phase
from localcloud.stepfunctions.engine.statetype import SimpleState
from localcloud.stepfunctions.engine.visit import Visit
from localcloud.stepfunctions.language import payload
from localcloud.stepfunctions.language.states import ItemBatcher, ItemReader, Map, ResultWriter
from localcloud.stepfunctions.language.values import ABSENT, Json, JsonObject, Template
from localcloud.stepfunctions.states import dataflow, mapitems


class DistributedMap(SimpleState):
    """Has a Map Run conducted; the plan for it is evaluated when the state is entered."""

    def enter(self, visit: Visit) -> None:
        """Enter and begin a Map Run."""
        visit.record_entered()
        self.again(visit)

    def again(self, visit: Visit) -> None:
        """Begin a Map Run, or in a redrive the same one anew."""
        strand = visit.strand
        known = strand.data.get("map_run")
        if known is not None:
            redriven = visit.run.redrive_count
            visit.record("MapRunRedriven", {"mapRunArn": known, "redriveCount": redriven})
            strand.move(Phase.MAPPING, {"map_run": known, "redriven": redriven})
            visit.run.wake(strand)
            return
        state = mapitems.map_of(visit)
        plan = _plan(visit, state)
        items = plan["items"]
        length = len(items) if isinstance(items, list) else 0
        visit.record("MapStateStarted", {"length": length})
        arn = _map_run_arn(visit, state)
        visit.record("MapRunStarted", {"mapRunArn": arn})
        strand.move(Phase.MAPPING, {"map_run": arn, "plan": plan})
        visit.run.wake(strand)

    def errands(self, visit: Visit) -> list[Errand]:
        """Return the Map Run."""
        return [Conduct(str(visit.strand.data["map_run"]))]

    def receive(self, visit: Visit, signal: Signal) -> None:
        """Leave when the Map Run has ended."""
        match signal:
            case Answered(output):
                visit.record("MapRunSucceeded")
                visit.record("MapStateSucceeded", previous=visit.strand.previous)
                dataflow.leave_with_result(visit, mapitems.map_of(visit), output)
            case Failed(error, cause):
                visit.record("MapRunFailed", history.problem(error, cause))
                raise Stated(error, cause)

    def gave_up(self, visit: Visit) -> None:
        """Record the failure."""
        visit.record("MapStateFailed")


def label_of(visit: Visit, state: Map) -> str:
    """Return the label of the Map Run: the one written, or the state's name made fit."""
    if state.label:
        return state.label
    return "".join(one if one.isalnum() or one in "-_" else "_" for one in state.name)[:40]


def _map_run_arn(visit: Visit, state: Map) -> str:
    identity = visit.run.identity
    begin = identity.machine_arn.replace(":stateMachine:", ":mapRun:", 1)
    return f"{begin}/{label_of(visit, state)}:{visit.surround.new_id()}"


def _plan(visit: Visit, state: Map) -> JsonObject:
    """Return what the Map Run has to know, evaluated."""
    reader = state.item_reader
    items, members = (None, False) if reader else mapitems.from_state_input(visit, state)
    percentage = dataflow.number(
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
        "max_concurrency": mapitems.concurrency(visit, state),
        "tolerated_count": dataflow.whole(
            visit,
            state.tolerated_failure_count,
            state.tolerated_failure_count_path,
            "ToleratedFailureCount",
        ),
        "tolerated_percentage": percentage,
    }


def _evaluated(visit: Visit, parameters: Template, arguments: Template, field: str) -> Json:
    if visit.state.uses_jsonata:
        return {} if arguments is ABSENT else visit.evaluate(arguments, f"{field}/Arguments")
    if parameters is ABSENT:
        return {}
    return payload.fill(parameters, visit.effective_input(), visit.environment())


def _reader(visit: Visit, reader: ItemReader) -> JsonObject:
    config = reader.reader_config
    return {
        "resource": reader.resource,
        "arguments": _evaluated(visit, reader.parameters, reader.arguments, "ItemReader"),
        "max_items": dataflow.whole(visit, config.max_items, config.max_items_path, "MaxItems"),
    }


def _batch(visit: Visit, batcher: ItemBatcher) -> JsonObject:
    given: Json = None
    if batcher.batch_input is not ABSENT:
        if visit.state.uses_jsonata:
            given = visit.evaluate(batcher.batch_input, "ItemBatcher/BatchInput")
        else:
            given = payload.fill(batcher.batch_input, visit.effective_input(), visit.environment())
    return {
        "batch_input": given,
        "max_items": dataflow.whole(
            visit,
            batcher.max_items_per_batch,
            batcher.max_items_per_batch_path,
            "MaxItemsPerBatch",
        ),
        "max_bytes": dataflow.whole(
            visit,
            batcher.max_input_bytes_per_batch,
            batcher.max_input_bytes_per_batch_path,
            "MaxInputBytesPerBatch",
        ),
    }


def _writer(visit: Visit, writer: ResultWriter) -> JsonObject:
    return {
        "resource": writer.resource,
        "arguments": _evaluated(visit, writer.parameters, writer.arguments, "ResultWriter"),
        "transformation": writer.transformation,
        "output_type": writer.output_type,
    }
