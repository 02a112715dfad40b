"""The dependencies of the operations, and the validation of ARNs, names, inputs and pages."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from localcloud.errors import AwsError
from localcloud.service import CloudContext
from localcloud.stepfunctions.engine.execution_engine import ExecutionEngine
from localcloud.stepfunctions.engine.work_scheduler import WorkScheduler
from localcloud.stepfunctions.integrations.integration import ClientFactory
from localcloud.stepfunctions.language.values import Json, describe_json_error, dumps
from localcloud.stepfunctions.store.activities import ActivityStore
from localcloud.stepfunctions.store.aliases import MachineAliasStore, StateMachineAlias
from localcloud.stepfunctions.store.executions import ExecutionStore
from localcloud.stepfunctions.store.map_runs import MapRunStore
from localcloud.stepfunctions.store.state_machines import StateMachineRevision, StateMachineStore
from localcloud.stepfunctions.store.versions import MachineVersionStore, StateMachineVersion

Item = TypeVar("Item")

MAX_INPUT_BYTES = 262_144
_BAD_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class StartTarget:
    """The revision that an ARN of StartExecution names, by a version, an alias, or neither."""

    machine: StateMachineRevision
    version: StateMachineVersion | None = None
    alias: StateMachineAlias | None = None


@dataclass(frozen=True, slots=True)
class StepFunctionsDeps:
    """The collaborators of the operations; `starting` is held while a name is reserved.

    `random` returns a number of [0, 1).
    """

    surroundings: CloudContext
    machines: StateMachineStore
    executions: ExecutionStore
    activities: ActivityStore
    versions: MachineVersionStore
    aliases: MachineAliasStore
    maps: MapRunStore
    engine: ExecutionEngine
    schedule: WorkScheduler
    new_id: Callable[[], str]
    random: Callable[[], float]
    clients: ClientFactory
    starting: threading.Lock = field(default_factory=threading.Lock)

    def machine(self, arn: str) -> StateMachineRevision:
        """Return a state machine. Raises InvalidArn or StateMachineDoesNotExist."""
        check_arn(arn, "stateMachine")
        found = self.machines.find(arn)
        if found is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return found

    def revision_of(self, arn: str) -> tuple[StateMachineRevision, StateMachineVersion | None]:
        """Return what an ARN names: a state machine's present revision, or a version's."""
        version = self.versions.find(arn)
        if version is None:
            return self.machine(arn), None
        return self.machines.revision(version.revision), version

    def start_target(self, arn: str) -> StartTarget:
        """Return what an ARN starts; an alias chooses among its versions at random.

        https://docs.aws.amazon.com/step-functions/latest/dg/concepts-state-machine-alias.html
        """
        alias = self.aliases.find(arn)
        if alias is None:
            return StartTarget(*self.revision_of(arn))
        [(first, weight), *others] = alias.routes
        chosen = others[0][0] if others and self.random() * 100 >= weight else first
        return StartTarget(*self.revision_of(chosen), alias)


class OperationGroup:
    """The base of a group of operations."""

    def __init__(self, deps: StepFunctionsDeps) -> None:
        self._deps = deps


def check_arn(arn: str, kind: str | None = None) -> None:
    """Raise InvalidArn for an invalid ARN, or one of another type of resource than `kind`."""
    if not arn.startswith("arn:"):
        _invalid_arn(f"Invalid ARN prefix: {arn}")
    found = arn.split(":")[5:6]
    if kind is not None and found and found != [kind]:
        _invalid_arn(f"Resource type not valid in this context: {found[0]}")


def _invalid_arn(why: str) -> NoReturn:
    raise AwsError("InvalidArn", f"Invalid Arn: '{why}'")


def check_name(name: str) -> None:
    """Raise InvalidName for a name that AWS does not accept.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    if not name or len(name) > 80 or _BAD_IN_NAMES.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def parse_execution_input(text: str) -> Json:
    """Parse an execution's input. Raises InvalidExecutionInput."""
    if len(text.encode()) > MAX_INPUT_BYTES:
        raise AwsError(
            "ValidationException",
            "1 validation error detected: Value at 'input' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MAX_INPUT_BYTES}",
        )
    if not text.strip():
        raise _bad_input("Invalid execution input.")
    try:
        value: Json = json.loads(text, parse_constant=_no_constant)
        dumps(value).encode()
    except RecursionError as error:
        raise _bad_input("The input nests too deeply.") from error
    except UnicodeEncodeError as error:
        raise _bad_input("The input holds half a surrogate pair.") from error
    except ValueError as error:
        raise _bad_input(describe_json_error(text, error)) from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"Unrecognized token '{name}'")


def _bad_input(why: str) -> AwsError:
    message = f"Invalid State Machine Execution Input: '{why}'"
    return AwsError("InvalidExecutionInput", message)


def paginate(
    items: Sequence[Item], name: Callable[[Item], str], params: dict[str, Any], default: int = 100
) -> tuple[list[Item], str | None]:
    """Return the page after the item that `nextToken` names, and the next page's token."""
    limit = params.get("maxResults") or default
    token = params.get("nextToken")
    begin = 0
    if token is not None:
        begin = next((at for at, item in enumerate(items, 1) if name(item) == token), 0)
        if not begin:
            raise invalid_token()
    chosen = list(items[begin : begin + limit])
    more = begin + limit < len(items)
    return chosen, name(chosen[-1]) if more else None


def invalid_token() -> AwsError:
    """Return the error for an unknown token of a page or a task."""
    return AwsError("InvalidToken", "Invalid Token: 'Invalid token'")


def to_datetime(epoch: float) -> datetime:
    """Return an epoch time as a datetime; AWS has milliseconds."""
    return datetime.fromtimestamp(int(epoch * 1000) / 1000, UTC)


def omit_none(**members: Any) -> dict[str, Any]:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}
