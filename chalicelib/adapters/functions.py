"""The functions that the API calls: text embedding, by `lambda:Invoke`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from chalicelib.adapters.aws import translated
from chalicelib.contracts import EmbedTextRequest, EmbedTextResult
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Throttled,
    Transient,
    Unsupported,
)

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_NAMED: dict[str, type[HeadraceError]] = {
    kind.__name__: kind for kind in (InvalidInput, Unsupported, Throttled, Transient, ModelFailure)
}


class EmbedFunction:
    """The function `embed_text`."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def embed(self, texts: Sequence[str], correlation_id: str, model: str = "") -> EmbedTextResult:
        """Return one vector a text, in order; a long text is embedded by its beginning.

        Raises what the function raised where it is one of our errors, `Transient` where the
        function itself failed, timed out or was killed, and `ModelFailure` for a wrong answer.
        """
        request = EmbedTextRequest(
            texts=tuple(texts), model=model, truncate=True, correlation_id=correlation_id
        )
        with translated("embedding a text"):
            answer = self._client.invoke(
                FunctionName=self._name, Payload=request.model_dump_json().encode()
            )
            payload = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise _failure(payload)
        try:
            result = EmbedTextResult.model_validate_json(payload)
        except ValidationError as error:
            raise ModelFailure("The embedding function's answer is malformed.") from error
        if len(result.vectors) != len(texts):
            raise ModelFailure(
                f"The embedding function gave {len(result.vectors)} vectors for {len(texts)} texts."
            )
        return result


def _failure(payload: bytes) -> HeadraceError:
    try:
        told: Any = json.loads(payload)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    kind = _NAMED.get(str(told.get("errorType")), Transient)
    return kind(f"The embedding function failed: {told.get('errorMessage', 'no message')}")
