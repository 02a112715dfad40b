"""What the operations work with, and how they speak of ARNs, names and pages."""

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
from localcloud.stepfunctions.engine.engine import Engine
from localcloud.stepfunctions.engine.schedule import Schedule
from localcloud.stepfunctions.language.values import Json, dumps
from localcloud.stepfunctions.store.executions import Executions
from localcloud.stepfunctions.store.machines import Machines, Revision
from localcloud.stepfunctions.store.maps import Maps

Item = TypeVar("Item")

MAX_INPUT_BYTES = 262_144
_BAD_IN_NAMES = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_TOKEN = re.compile(r"\s*([A-Za-z_][\w-]*)")


@dataclass(frozen=True, slots=True)
class Parts:
    """The service, taken apart. `starting` is held while a name is looked up and taken."""

    surroundings: CloudContext
    machines: Machines
    executions: Executions
    maps: Maps
    engine: Engine
    schedule: Schedule
    new_id: Callable[[], str]
    starting: threading.Lock = field(default_factory=threading.Lock)

    def machine(self, arn: str) -> Revision:
        """Return a state machine. Raises InvalidArn or StateMachineDoesNotExist."""
        check_arn(arn)
        found = self.machines.find(arn)
        if found is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return found


class Operations:
    """A group of operations."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts


def check_arn(arn: str, *, refused_type: str | None = None) -> None:
    """Raise InvalidArn for what is no ARN, or names a resource of the refused type."""
    if not arn.startswith("arn:"):
        _invalid_arn(f"Invalid ARN prefix: {arn}")
    if refused_type is not None and arn.split(":")[5:6] == [refused_type]:
        _invalid_arn(f"Resource type not valid in this context: {refused_type}")


def _invalid_arn(why: str) -> NoReturn:
    raise AwsError("InvalidArn", f"Invalid Arn: '{why}'")


def check_name(name: str) -> None:
    """Raise InvalidName for a name that AWS would not take.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
    """
    if not name or len(name) > 80 or _BAD_IN_NAMES.search(name):
        raise AwsError("InvalidName", f"Invalid Name: '{name}'")


def execution_input(text: str) -> Json:
    """Read an execution's input. Raises InvalidExecutionInput."""
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
        raise _bad_input(_json_complaint(text, error)) from error
    return value


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"Unrecognized token '{name}'")


def _bad_input(why: str) -> AwsError:
    message = f"Invalid State Machine Execution Input: '{why}'"
    return AwsError("InvalidExecutionInput", message)


def _json_complaint(text: str, error: ValueError) -> str:
    at = error.pos if isinstance(error, json.JSONDecodeError) else 0
    token = _TOKEN.match(text, at)
    if token is not None:
        return (
            f"Unrecognized token '{token[1]}': was expecting (JSON String, Number, Array, "
            "Object or token 'null', 'true' or 'false')"
        )
    if text[at : at + 1] and "property name" in str(error):
        character = text[at]
        return (
            f"Unexpected character ('{character}' (code {ord(character)})): "
            "was expecting double-quote to start field name"
        )
    return str(error)


def page(
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
    """Return the error for a token, of a page or a task, that nobody was given."""
    return AwsError("InvalidToken", "Invalid Token: 'Invalid token'")


def moment(epoch: float) -> datetime:
    """Return a time as the wire wants it; AWS counts milliseconds."""
    return datetime.fromtimestamp(int(epoch * 1000) / 1000, UTC)


def told(**members: Any) -> dict[str, Any]:
    """Return the members that are not None."""
    return {name: value for name, value in members.items() if value is not None}
