"""Refusals of the function `transcribe_speech`, in the caller's words."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest

from chalicelib.adapters.speech_function import TranscribeFunction
from chalicelib.contracts.functions.transcribe_speech import TranscribeRequest
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure


class FailingLambda:
    """A client of Lambda whose function raises."""

    def __init__(self, error: str, message: str) -> None:
        self._told = {"errorType": error, "errorMessage": message}

    def invoke(self, **_: Any) -> dict[str, Any]:
        return {
            "FunctionError": "Unhandled",
            "Payload": io.BytesIO(json.dumps(self._told).encode()),
        }


@pytest.mark.parametrize(
    ("error", "field", "message"),
    [
        (InvalidInput, "file", "It is too long."),
        (ModelFailure, None, "The transcribing function failed: It is too long."),
    ],
)
def test_a_refusal_names_the_file_and_a_failure_the_function(
    error: type[HeadraceError], field: str | None, message: str
) -> None:
    client = cast("Any", FailingLambda(error.__name__, "It is too long."))
    request = TranscribeRequest.model_construct(data=b"RIFF")

    with pytest.raises(error) as raised:
        TranscribeFunction(client, "ours").write_down(request)

    assert (raised.value.field, raised.value.message) == (field, message)
