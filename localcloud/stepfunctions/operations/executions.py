"""Start, stop, redrive, describe and list executions; return their history."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine import execution_events
from localcloud.stepfunctions.engine.execution_engine import MAX_STANDARD_SECONDS
from localcloud.stepfunctions.engine.records import ExecutionIdentity, ExecutionStatus
from localcloud.stepfunctions.engine.running_execution import RunningExecution, find_state_graph
from localcloud.stepfunctions.language.definition_parser import parse
from localcloud.stepfunctions.language.values import JsonObject, dumps
from localcloud.stepfunctions.operations.requests import (
    OperationGroup,
    StartTarget,
    check_arn,
    check_name,
    invalid_token,
    omit_none,
    paginate,
    parse_execution_input,
    to_datetime,
)
from localcloud.stepfunctions.operations.state_machines import (
    definition_members,
    describe_revision,
)
from localcloud.stepfunctions.store.executions import StoredExecution

EXPRESS_SECONDS = 300
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


_REDRIVABLE_SECONDS = 14 * 24 * 3600
_MAX_REDRIVABLE_EVENTS = execution_events.MAX_EVENTS - execution_events.ROOM_TO_END - 2
"""A redrive needs room for ExecutionRedriven and one event more."""


def redrive_status(found: StoredExecution, now: float, events: int) -> tuple[str, str | None]:
    """Return `redriveStatus` and, if it is negative, `redriveStatusReason`.

    `events` is the length of the history.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html
    """
    reason = None
    if found.status in (
        ExecutionStatus.RUNNING,
        ExecutionStatus.SUCCEEDED,
        ExecutionStatus.PENDING_REDRIVE,
    ):
        reason = f"Execution is {found.status} and cannot be redriven"
    elif events > _MAX_REDRIVABLE_EVENTS:
        reason = "Execution history event limit exceeded"
    elif now - found.identity.started >= MAX_STANDARD_SECONDS:
        reason = "Execution has exceeded the max execution time"
    elif found.stopped is not None and now - found.stopped > _REDRIVABLE_SECONDS:
        reason = "Execution redrivable period exceeded"
    if reason is not None:
        return "NOT_REDRIVABLE", reason
    return "REDRIVABLE" if found.identity.map_run_arn is None else "REDRIVABLE_BY_MAP_RUN", None


class ExecutionOperations(OperationGroup):
    """The operations on executions.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """

    def start_execution(self, params: Params) -> Result:
        """Start an execution, or return the running one of that name and input."""
        deps = self._deps
        target = deps.start_target(params["stateMachineArn"])
        text = params.get("input", "{}")
        value = parse_execution_input(text)
        name = params.get("name") or deps.new_id()
        check_name(name)
        machine = target.machine
        if machine.body["type"] == "EXPRESS":
            run = self._run(target, name, value)
            deps.engine.begin(run)
            return _start_result(run.identity)
        with deps.starting:
            arn = execution_arn(machine.machine_arn, name)
            found = deps.executions.find(arn)
            if found is not None:
                same = found.status is ExecutionStatus.RUNNING and found.identity.input == value
                if not same:
                    raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
                return _start_result(found.identity)
            run = self._run(target, name, value)
            deps.engine.begin(run)
        return _start_result(run.identity)

    def start_sync_execution(self, params: Params) -> Result:
        """Run an Express execution and return its outcome."""
        deps = self._deps
        target = deps.start_target(params["stateMachineArn"])
        if target.machine.body["type"] != "EXPRESS":
            raise _type_not_supported()
        value = parse_execution_input(params.get("input", "{}"))
        name = params.get("name") or deps.new_id()
        check_name(name)
        run = self._run(target, name, value, is_synchronous=True)
        ended = threading.Event()
        deps.engine.begin(run, lambda _: ended.set())
        if not ended.wait(EXPRESS_SECONDS + 60):
            deps.engine.halt(run.identity.arn, ExecutionStatus.TIMED_OUT, "States.Timeout", None)
        return _sync_result(run, params.get("input", "{}"))

    def stop_execution(self, params: Params) -> Result:
        """Stop a running execution; one that has ended is left unchanged."""
        arn = params["executionArn"]
        self._find(arn)
        deps = self._deps
        deps.engine.halt(arn, ExecutionStatus.ABORTED, params.get("error"), params.get("cause"))
        deps.engine.check_open()
        found = self._find(arn)
        stopped = found.stopped if found.stopped is not None else deps.schedule.now()
        return {"stopDate": to_datetime(stopped)}

    def describe_execution(self, params: Params) -> Result:
        """Describe an execution."""
        found = self._find(params["executionArn"])
        identity = found.identity
        status, reason = self._redrive_status(found)
        shown = omit_none(
            executionArn=identity.arn,
            stateMachineArn=identity.machine_arn,
            stateMachineVersionArn=identity.version_arn,
            stateMachineAliasArn=identity.alias_arn,
            name=identity.name,
            status=found.status,
            startDate=to_datetime(identity.started),
            stopDate=None if found.stopped is None else to_datetime(found.stopped),
            mapRunArn=identity.map_run_arn,
            error=found.error,
            cause=found.cause,
            redriveCount=found.redrive_count,
            redriveDate=None if found.redriven is None else to_datetime(found.redriven),
            redriveStatus=status,
            redriveStatusReason=reason,
        )
        if params.get("includedData") == "METADATA_ONLY":
            return shown
        shown |= {"input": dumps(identity.input), "inputDetails": {"included": True}}
        if found.output is not None:
            shown |= {"output": found.output, "outputDetails": {"included": True}}
        return shown

    def describe_state_machine_for_execution(self, params: Params) -> Result:
        """Describe the state machine as it was when the execution started."""
        found = self._find(params["executionArn"])
        identity = found.identity
        revision = self._deps.machines.revision(identity.revision)
        shown = describe_revision(revision, with_data=params.get("includedData") != "METADATA_ONLY")
        shown |= {
            "stateMachineArn": identity.machine_arn,
            "name": identity.machine_name,
            "updateDate": to_datetime(revision.updated),
        }
        if identity.map_run_arn is not None:
            label = identity.machine_name.partition("/")[2]
            shown |= {"mapRunArn": identity.map_run_arn, "label": label}
            if "definition" in shown:
                definition = _definition_at(shown["definition"], identity.machine_path)
                shown |= definition_members(definition)
        return shown

    def list_executions(self, params: Params) -> Result:
        """List the executions of a state machine, or the children of a Map Run, newest first.

        https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListExecutions.html
        """
        found = sorted(self._select_executions(params), key=_listed_time, reverse=True)
        wanted = params.get("statusFilter")
        if wanted is not None:
            found = [one for one in found if one.status == wanted]
        redriven = params.get("redriveFilter")
        if redriven is not None:
            found = [one for one in found if (one.redrive_count > 0) == (redriven == "REDRIVEN")]
        chosen, token = paginate(found, lambda one: one.identity.arn, dict(params))
        return omit_none(executions=[_execution_summary(one) for one in chosen], nextToken=token)

    def _select_executions(self, params: Params) -> list[StoredExecution]:
        deps = self._deps
        map_run, machine_arn = params.get("mapRunArn"), params.get("stateMachineArn")
        if (map_run is None) == (machine_arn is None):
            raise AwsError(
                "ValidationException",
                "Exactly one of stateMachineArn and mapRunArn must be specified",
            )
        if map_run is not None:
            check_arn(map_run, "mapRun")
            if deps.maps.find(map_run) is None:
                raise AwsError(
                    "ResourceNotFound", f"Resource not found: '{map_run}'", resourceName=map_run
                )
            return deps.maps.child_executions(map_run)
        if "redriveFilter" in params:
            raise AwsError(
                "ValidationException", "redriveFilter can be specified with mapRunArn only"
            )
        if params.get("statusFilter") == ExecutionStatus.PENDING_REDRIVE:
            raise AwsError(
                "ValidationException",
                "The statusFilter PENDING_REDRIVE can be specified with mapRunArn only",
            )
        target = deps.start_target(str(machine_arn))
        if target.machine.body["type"] == "EXPRESS":
            raise _type_not_supported()
        found = deps.executions.of_machine(target.machine.machine_arn)
        if machine_arn == target.machine.machine_arn:
            return found
        return [
            one
            for one in found
            if machine_arn in (one.identity.version_arn, one.identity.alias_arn)
        ]

    def get_execution_history(self, params: Params) -> Result:
        """Return a page of an execution's history."""
        arn = params["executionArn"]
        self._find(arn)
        backwards = bool(params.get("reverseOrder"))
        limit = params.get("maxResults") or 100
        after = execution_events.MAX_EVENTS * 10 if backwards else 0
        token = params.get("nextToken")
        if token is not None:
            if not token.isdecimal():
                raise invalid_token()
            after = int(token)
        events = self._deps.executions.history(arn, after, limit + 1, newest_first=backwards)
        with_data = params.get("includeExecutionData", True)
        shown = [execution_events.to_api_event(one, with_data=with_data) for one in events[:limit]]
        return omit_none(
            events=shown, nextToken=str(events[limit - 1].id) if events[limit:] else None
        )

    def redrive_execution(self, params: Params) -> Result:
        """Redrive a failed execution from where it failed."""
        deps, arn = self._deps, params["executionArn"]
        token = params.get("clientToken")
        with deps.starting:
            found = self._find(arn)
            earlier = None if token is None else deps.executions.redriven_with(arn, token)
            if earlier is not None:
                return {"redriveDate": to_datetime(earlier)}
            status, reason = self._redrive_status(found)
            if status != "REDRIVABLE":
                raise AwsError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{reason}'")
            run = deps.executions.restore(found, self.machine_of(found.identity))
            deps.engine.redrive(run)
            now = run.redriven or deps.schedule.now()
            if token is not None:
                deps.executions.note_redrive(arn, token, now)
        return {"redriveDate": to_datetime(now)}

    def _redrive_status(self, found: StoredExecution) -> tuple[str, str | None]:
        events = self._deps.executions.last_event(found.identity.arn)
        return redrive_status(found, self._deps.schedule.now(), events)

    def machine_of(self, identity: ExecutionIdentity) -> Any:
        """Return the machine that an execution runs."""
        revision = self._deps.machines.revision(identity.revision)
        return find_state_graph(parse(revision.body["definition"]), identity.machine_path)

    def _find(self, arn: str) -> StoredExecution:
        check_arn(arn, "execution")
        found = self._deps.executions.find(arn)
        if found is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return found

    def _run(
        self,
        target: StartTarget,
        name: str,
        value: Any,
        *,
        is_synchronous: bool = False,
    ) -> RunningExecution:
        machine, version, alias = target.machine, target.version, target.alias
        definition = parse(machine.body["definition"])
        express = machine.body["type"] == "EXPRESS"
        longest = EXPRESS_SECONDS if express else MAX_STANDARD_SECONDS
        arn = execution_arn(machine.machine_arn, name)
        if express:
            arn = f"{arn.replace(':execution:', ':express:', 1)}:{self._deps.new_id()}"
        identity = ExecutionIdentity(
            arn=arn,
            name=name,
            machine_arn=machine.machine_arn,
            machine_name=machine.name,
            role_arn=machine.body["roleArn"],
            kind="EXPRESS" if express else "STANDARD",
            input=value,
            started=self._deps.schedule.now(),
            revision=machine.number,
            timeout_seconds=min(longest, definition.timeout_seconds or longest),
            is_synchronous=is_synchronous,
            version_arn=None if version is None else version.arn,
            alias_arn=None if alias is None else alias.arn,
        )
        return RunningExecution(identity, definition)


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of a Standard execution."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def _start_result(identity: ExecutionIdentity) -> Result:
    return {"executionArn": identity.arn, "startDate": to_datetime(identity.started)}


def _type_not_supported() -> AwsError:
    return AwsError(
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )


def _listed_time(one: StoredExecution) -> float:
    """Return what a listing is ordered by: the end, or the last start of what has not ended."""
    if one.stopped is not None:
        return one.stopped
    return one.identity.started if one.redriven is None else one.redriven


def _execution_summary(one: StoredExecution) -> dict[str, Any]:
    identity = one.identity
    return omit_none(
        executionArn=identity.arn,
        stateMachineArn=identity.machine_arn,
        stateMachineVersionArn=identity.version_arn,
        stateMachineAliasArn=identity.alias_arn,
        name=identity.name,
        status=one.status,
        startDate=to_datetime(identity.started),
        stopDate=None if one.stopped is None else to_datetime(one.stopped),
        mapRunArn=identity.map_run_arn,
        itemCount=identity.item_count,
        redriveCount=one.redrive_count,
        redriveDate=None if one.redriven is None else to_datetime(one.redriven),
    )


def _sync_result(run: RunningExecution, given: str) -> Result:
    identity, outcome = run.identity, run.outcome
    stopped = run.stopped if run.stopped is not None else identity.started
    hundreds = max(1, math.ceil((stopped - identity.started) * 10))
    shown = omit_none(
        executionArn=identity.arn,
        stateMachineArn=identity.machine_arn,
        name=identity.name,
        startDate=to_datetime(identity.started),
        stopDate=to_datetime(stopped),
        status=run.status,
        error=outcome.error if outcome else None,
        cause=outcome.cause if outcome else None,
        input=given,
    )
    if run.status is ExecutionStatus.SUCCEEDED and outcome is not None:
        shown["output"] = dumps(outcome.output)
    return {
        **shown,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True},
        "billingDetails": {
            "billedMemoryUsedInMB": 64,
            "billedDurationInMilliseconds": hundreds * 100,
        },
    }


def _definition_at(definition: str, path: tuple[str | int, ...]) -> str:
    here: Any = json.loads(definition)
    for key in path:
        older = key == "ItemProcessor" and key not in here
        here = here["Iterator" if older else key]
    found: JsonObject = here
    return dumps(found)
