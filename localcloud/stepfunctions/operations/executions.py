"""Executions: start, stop, describe, list, history."""

from __future__ import annotations

import json
import math
import threading
from typing import Any

from localcloud.errors import AwsError
from localcloud.service import Params, Result
from localcloud.stepfunctions.engine import history
from localcloud.stepfunctions.engine.model import Identity, Run, Status, machine_at
from localcloud.stepfunctions.language.definition import parse
from localcloud.stepfunctions.language.values import JsonObject, dumps
from localcloud.stepfunctions.operations.machines import described
from localcloud.stepfunctions.operations.parts import (
    Operations,
    check_arn,
    check_name,
    execution_input,
    invalid_token,
    moment,
    page,
    told,
)
from localcloud.stepfunctions.operations.redrivable import redrive_status
from localcloud.stepfunctions.store.executions import Execution
from localcloud.stepfunctions.store.machines import Revision

STANDARD_SECONDS = 365 * 24 * 3600
EXPRESS_SECONDS = 300
"""https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html"""


class ExecutionOperations(Operations):
    """https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html"""

    def start_execution(self, params: Params) -> Result:
        """Start an execution, or find the running one of that name and input."""
        parts = self._parts
        machine = parts.machine(params["stateMachineArn"])
        text = params.get("input", "{}")
        value = execution_input(text)
        name = params.get("name") or parts.new_id()
        check_name(name)
        if machine.body["type"] == "EXPRESS":
            run = self._run(machine, name, value)
            parts.engine.begin(run)
            return _started(run.identity)
        with parts.starting:
            arn = execution_arn(machine.machine_arn, name)
            found = parts.executions.find(arn)
            if found is not None:
                same = found.status is Status.RUNNING and found.identity.input == value
                if not same:
                    raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
                return _started(found.identity)
            run = self._run(machine, name, value)
            parts.engine.begin(run)
        return _started(run.identity)

    def start_sync_execution(self, params: Params) -> Result:
        """Run an Express execution and tell how it ended."""
        parts = self._parts
        machine = parts.machine(params["stateMachineArn"])
        if machine.body["type"] != "EXPRESS":
            raise _type_not_supported()
        value = execution_input(params.get("input", "{}"))
        name = params.get("name") or parts.new_id()
        check_name(name)
        run, ended = self._run(machine, name, value), threading.Event()
        parts.engine.begin(run, lambda _: ended.set())
        if not ended.wait(EXPRESS_SECONDS + 60):
            parts.engine.halt(run.identity.arn, Status.TIMED_OUT, "States.Timeout", None)
        return _sync_result(run, params.get("input", "{}"))

    def stop_execution(self, params: Params) -> Result:
        """Stop a running execution; one that has ended stays as it is."""
        arn = params["executionArn"]
        self._find(arn)
        parts = self._parts
        parts.engine.halt(arn, Status.ABORTED, params.get("error"), params.get("cause"))
        parts.engine.check_open()
        found = self._find(arn)
        stopped = found.stopped if found.stopped is not None else parts.schedule.now()
        return {"stopDate": moment(stopped)}

    def describe_execution(self, params: Params) -> Result:
        """Tell how an execution stands."""
        found = self._find(params["executionArn"])
        identity = found.identity
        status, reason = redrive_status(found, self._parts.schedule.now())
        shown = told(
            executionArn=identity.arn,
            stateMachineArn=identity.machine_arn,
            name=identity.name,
            status=found.status,
            startDate=moment(identity.started),
            stopDate=None if found.stopped is None else moment(found.stopped),
            mapRunArn=identity.map_run_arn,
            error=found.error,
            cause=found.cause,
            redriveCount=found.redrive_count,
            redriveDate=None if found.redriven is None else moment(found.redriven),
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
        """Describe the state machine as it was when the execution began."""
        found = self._find(params["executionArn"])
        identity = found.identity
        revision = self._parts.machines.revision(identity.revision)
        shown = described(revision, with_data=params.get("includedData") != "METADATA_ONLY")
        shown |= {
            "stateMachineArn": identity.machine_arn,
            "name": identity.machine_name,
            "updateDate": moment(revision.updated),
        }
        if identity.map_run_arn is not None:
            label = identity.machine_name.partition("/")[2]
            shown |= {"mapRunArn": identity.map_run_arn, "label": label}
            if "definition" in shown:
                shown["definition"] = _part_of(shown["definition"], identity.machine_path)
        return shown

    def list_executions(self, params: Params) -> Result:
        """List the executions of a state machine, or the children of a Map Run, newest first."""
        found = self._listed(params)
        wanted = params.get("statusFilter")
        if wanted is not None:
            found = [one for one in found if one.status == wanted]
        redriven = params.get("redriveFilter")
        if redriven is not None:
            found = [one for one in found if (one.redrive_count > 0) == (redriven == "REDRIVEN")]
        chosen, token = page(found, lambda one: one.identity.arn, dict(params))
        return told(executions=[_listed(one) for one in chosen], nextToken=token)

    def _listed(self, params: Params) -> list[Execution]:
        parts = self._parts
        map_run, machine_arn = params.get("mapRunArn"), params.get("stateMachineArn")
        if (map_run is None) == (machine_arn is None):
            raise AwsError(
                "ValidationException",
                "Exactly one of stateMachineArn and mapRunArn must be specified",
            )
        if map_run is not None:
            check_arn(map_run)
            return parts.maps.children(map_run)
        if "redriveFilter" in params:
            raise AwsError(
                "ValidationException", "redriveFilter can be specified with mapRunArn only"
            )
        machine = parts.machine(str(machine_arn))
        if machine.body["type"] == "EXPRESS":
            raise _type_not_supported()
        return parts.executions.of_machine(machine.machine_arn)

    def get_execution_history(self, params: Params) -> Result:
        """Return a page of an execution's history."""
        arn = params["executionArn"]
        self._find(arn)
        backwards = bool(params.get("reverseOrder"))
        limit = params.get("maxResults") or 100
        after = history.MAX_EVENTS * 10 if backwards else 0
        token = params.get("nextToken")
        if token is not None:
            if not token.isdecimal():
                raise invalid_token()
            after = int(token)
        events = self._parts.executions.history(arn, after, limit + 1, newest_first=backwards)
        with_data = params.get("includeExecutionData", True)
        shown = [history.on_the_wire(one, with_data=with_data) for one in events[:limit]]
        return told(events=shown, nextToken=str(events[limit - 1].id) if events[limit:] else None)

    def redrive_execution(self, params: Params) -> Result:
        """Let a failed execution go on from where it failed."""
        parts, arn = self._parts, params["executionArn"]
        token = params.get("clientToken")
        with parts.starting:
            found = self._find(arn)
            earlier = None if token is None else parts.executions.redriven_with(arn, token)
            if earlier is not None:
                return {"redriveDate": moment(earlier)}
            status, reason = redrive_status(found, parts.schedule.now())
            if status != "REDRIVABLE":
                raise AwsError("ExecutionNotRedrivable", f"Execution Not Redrivable: '{reason}'")
            run = parts.executions.restore(found, self.machine_of(found.identity))
            parts.engine.redrive(run)
            now = run.redriven or parts.schedule.now()
            if token is not None:
                parts.executions.note_redrive(arn, token, now)
        return {"redriveDate": moment(now)}

    def machine_of(self, identity: Identity) -> Any:
        """Return the machine that an execution runs."""
        revision = self._parts.machines.revision(identity.revision)
        return machine_at(parse(revision.body["definition"]), identity.machine_path)

    def _find(self, arn: str) -> Execution:
        check_arn(arn, refused_type="express")
        found = self._parts.executions.find(arn)
        if found is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return found

    def _run(self, machine: Revision, name: str, value: Any) -> Run:
        definition = parse(machine.body["definition"])
        express = machine.body["type"] == "EXPRESS"
        longest = EXPRESS_SECONDS if express else STANDARD_SECONDS
        arn = execution_arn(machine.machine_arn, name)
        if express:
            arn = f"{arn.replace(':execution:', ':express:', 1)}:{self._parts.new_id()}"
        identity = Identity(
            arn=arn,
            name=name,
            machine_arn=machine.machine_arn,
            machine_name=machine.name,
            role_arn=machine.body["roleArn"],
            kind="EXPRESS" if express else "STANDARD",
            input=value,
            started=self._parts.schedule.now(),
            revision=machine.number,
            timeout_seconds=min(longest, definition.timeout_seconds or longest),
        )
        return Run(identity, definition)


def execution_arn(machine_arn: str, name: str) -> str:
    """Return the ARN of a Standard execution."""
    return f"{machine_arn.replace(':stateMachine:', ':execution:', 1)}:{name}"


def _started(identity: Identity) -> Result:
    return {"executionArn": identity.arn, "startDate": moment(identity.started)}


def _type_not_supported() -> AwsError:
    return AwsError(
        "StateMachineTypeNotSupported",
        "This operation is not supported by this type of state machine",
    )


def _listed(one: Execution) -> dict[str, Any]:
    identity = one.identity
    return told(
        executionArn=identity.arn,
        stateMachineArn=identity.machine_arn,
        name=identity.name,
        status=one.status,
        startDate=moment(identity.started),
        stopDate=None if one.stopped is None else moment(one.stopped),
        mapRunArn=identity.map_run_arn,
        itemCount=identity.item_count,
        redriveCount=one.redrive_count,
        redriveDate=None if one.redriven is None else moment(one.redriven),
    )


def _sync_result(run: Run, given: str) -> Result:
    identity, ending = run.identity, run.ending
    stopped = run.stopped if run.stopped is not None else identity.started
    hundreds = max(1, math.ceil((stopped - identity.started) * 10))
    shown = told(
        executionArn=identity.arn,
        stateMachineArn=identity.machine_arn,
        name=identity.name,
        startDate=moment(identity.started),
        stopDate=moment(stopped),
        status=run.status,
        error=ending.error if ending else None,
        cause=ending.cause if ending else None,
        input=given,
    )
    if run.status is Status.SUCCEEDED and ending is not None:
        shown["output"] = dumps(ending.output)
    return {
        **shown,
        "inputDetails": {"included": True},
        "outputDetails": {"included": True},
        "billingDetails": {
            "billedMemoryUsedInMB": 64,
            "billedDurationInMilliseconds": hundreds * 100,
        },
    }


def _part_of(definition: str, path: tuple[str | int, ...]) -> str:
    here: Any = json.loads(definition)
    for key in path:
        older = key == "ItemProcessor" and key not in here
        here = here["Iterator" if older else key]
    found: JsonObject = here
    return dumps(found)
