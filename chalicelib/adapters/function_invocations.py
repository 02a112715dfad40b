"""A function of ours asked for an answer, and its errors in our words."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from chalicelib.adapters.aws import translated
from chalicelib.contracts.base import Contract
from chalicelib.errors import (
    Conflict,
    HeadraceError,
    InvalidInput,
    ModelFailure,
    NotFound,
    Throttled,
    Transient,
    Unsupported,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_Answer = TypeVar("_Answer", bound=Contract)

_NAMED: dict[str, type[HeadraceError]] = {
    kind.__name__: kind
    for kind in (
        *(InvalidInput, Unsupported, NotFound, Conflict),
        *(Throttled, Transient, ModelFailure),
    )
}


def invoke_function(
    client: LambdaClient,
    name: str,
    request: Contract,
    doing: str,
    kind: type[_Answer],
    field: str | None = None,
) -> _Answer:
    """Return what a function answered to `request`; raises our errors. The `seconds` of one that
    the function failed by are those that it worked in vain: it is billed for them.

    `field` is the part of the caller's request that the function refuses if it refuses any. Its
    words are then the caller's, as they are.
    """
    began = time.monotonic()
    with translated(f"{doing} by {name}"):
        answer = client.invoke(FunctionName=name, Payload=request.model_dump_json().encode())
        payload: bytes = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise _failure(payload, doing, _since(began), field)
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        told = f"The {doing} function's answer is malformed."
        raise ModelFailure(told, seconds=_since(began)) from error


def _since(began: float) -> float:
    return round(time.monotonic() - began, 6)


def _failure(payload: bytes, doing: str, seconds: float, field: str | None) -> HeadraceError:
    try:
        told: Any = json.loads(payload)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    kind = _NAMED.get(str(told.get("errorType")), Transient)
    reason = str(told.get("errorMessage", "no message"))
    if field is not None and kind in (InvalidInput, Unsupported):
        return kind(reason, field=field, seconds=seconds)
    return kind(f"The {doing} function failed: {reason}", seconds=seconds)
