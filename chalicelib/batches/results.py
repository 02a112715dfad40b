"""The lines of a batch's results: in our form, or as OpenAI's clients read them. Pure.

https://platform.openai.com/docs/api-reference/batch/request-output
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_core import to_json

from chalicelib.contracts.batches import BatchForm, ItemError, ItemOutcome
from chalicelib.contracts.http import kind_of, said
from chalicelib.errors import HeadraceError
from chalicelib.openai.errors import error_response

EXPIRED = "Expired"
_NEVER_ASKED = {EXPIRED: "batch_expired", "Cancelled": "batch_cancelled"}


def item_error(error: HeadraceError) -> ItemError:
    """Return what is told of `error`."""
    return ItemError(
        type=kind_of(error).__name__, message=said(error), field=error.field, limit=error.limit
    )


def refused_line(n: int, id_: str, form: BatchForm, error: HeadraceError) -> dict[str, Any]:
    """Return the line of `errors.jsonl` for what ended by an error of ours."""
    if form == "own":
        return failed_line(n, id_, form, item_error(error))
    status, body = error_response(error, _request_id(n))
    return response_line(n, id_, status, body.model_dump(mode="json"))


def failed_line(n: int, id_: str, form: BatchForm, error: ItemError) -> dict[str, Any]:
    """Return the line of `errors.jsonl` for what was never answered, or not to its end."""
    if form == "own":
        return {"id": id_, "line": n + 1, "error": error.model_dump(mode="json", exclude_none=True)}
    code = _NEVER_ASKED.get(error.type, error.type.lower())
    return {
        "id": _request_id(n),
        "custom_id": id_,
        "response": None,
        "error": {"code": code, "message": error.message},
    }


def written(line: Mapping[str, Any]) -> bytes:
    """Return a line as it stands in a file."""
    return to_json(line) + b"\n"


def result_line(outcome_body: bytes) -> bytes:
    """Return the line of the result that the object of an outcome holds."""
    return written(ItemOutcome.model_validate_json(outcome_body).line)


def response_line(n: int, id_: str, status: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of OpenAI's form that tells of a response."""
    return {
        "id": _request_id(n),
        "custom_id": id_,
        "response": {"status_code": status, "request_id": _request_id(n), "body": body},
        "error": None,
    }


def _request_id(n: int) -> str:
    return f"batch_req_{n:08d}"
