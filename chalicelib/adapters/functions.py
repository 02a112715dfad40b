"""The functions that the API calls, by `lambda:Invoke`: embedding, reranking, support check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from chalicelib.adapters.aws import translated
from chalicelib.contracts import (
    CheckRequest,
    CheckResult,
    CheckSource,
    EmbedTextRequest,
    EmbedTextResult,
    Hit,
)
from chalicelib.contracts.base import Contract
from chalicelib.contracts.reranking import RerankResult
from chalicelib.errors import (
    HeadraceError,
    InvalidInput,
    ModelFailure,
    Throttled,
    Transient,
    Unsupported,
)
from chalicelib.retrieval.reranking import rerank_request

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

_Answer = TypeVar("_Answer", bound=Contract)

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
        result = _asked(self._client, self._name, request, "embedding", EmbedTextResult)
        if len(result.vectors) != len(texts):
            raise ModelFailure(
                f"The embedding function gave {len(result.vectors)} vectors for {len(texts)} texts."
            )
        return result


class CheckFunction:
    """The function `check_support`. Its client's timeout and retries bound the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def check(
        self,
        question: str,
        claims: Sequence[str],
        sources: Sequence[CheckSource],
        correlation_id: str,
    ) -> CheckResult:
        """Return a verdict a claim, in order.

        Raises `InvalidInput` for more or longer texts than the function takes, and otherwise as
        `EmbedFunction.embed` does.
        """
        try:
            request = CheckRequest(
                question=question,
                claims=tuple(claims),
                sources=tuple(sources),
                correlation_id=correlation_id,
            )
        except ValidationError as error:
            raise InvalidInput(f"The answer cannot be checked: {error}") from error
        result = _asked(self._client, self._name, request, "checking", CheckResult)
        if len(result.verdicts) != len(claims):
            raise ModelFailure(
                f"The checking function gave {len(result.verdicts)} verdicts on"
                f" {len(claims)} claims."
            )
        return result


class RerankFunction:
    """The function `rerank_passages`. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def rerank(self, query: str, passages: Sequence[Hit], correlation_id: str) -> RerankResult:
        """Return a score a passage, in order.

        Raises `InvalidInput` for more passages than the function takes, and otherwise as
        `EmbedFunction.embed` does.
        """
        try:
            request = rerank_request(query, passages, correlation_id)
        except ValidationError as error:
            raise InvalidInput(f"The passages cannot be reranked: {error}") from error
        result = _asked(self._client, self._name, request, "reranking", RerankResult)
        if len(result.scores) != len(passages):
            raise ModelFailure(
                f"The reranking function gave {len(result.scores)} scores for"
                f" {len(passages)} passages."
            )
        return result


def _asked(
    client: LambdaClient, name: str, request: Contract, doing: str, kind: type[_Answer]
) -> _Answer:
    """Return what a function answered to `request`; raises our errors."""
    payload = _invoked(client, name, request, doing)
    try:
        return kind.model_validate_json(payload)
    except ValidationError as error:
        raise ModelFailure(f"The {doing} function's answer is malformed.") from error


def _invoked(client: LambdaClient, name: str, request: Contract, doing: str) -> bytes:
    """Return what a function answered to `request`; raises our errors."""
    with translated(f"{doing} a text"):
        answer = client.invoke(FunctionName=name, Payload=request.model_dump_json().encode())
        payload: bytes = answer["Payload"].read()
    if answer.get("FunctionError"):
        raise _failure(payload, doing)
    return payload


def _failure(payload: bytes, doing: str) -> HeadraceError:
    try:
        told: Any = json.loads(payload)
    except ValueError:
        told = {}
    told = told if isinstance(told, dict) else {}
    kind = _NAMED.get(str(told.get("errorType")), Transient)
    return kind(f"The {doing} function failed: {told.get('errorMessage', 'no message')}")
