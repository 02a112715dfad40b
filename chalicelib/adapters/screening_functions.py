"""Screening by the functions that do it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from pydantic import ValidationError

from chalicelib.adapters.function_invocations import invoke_function
from chalicelib.contracts.screening import (
    MAX_TEXTS,
    Category,
    Finding,
    OriginText,
    ScreenImageRequest,
    ScreenImageResult,
    ScreenTextRequest,
    ScreenTextResult,
)
from chalicelib.errors import InvalidInput, ModelFailure

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class ScreenTextFunction:
    """The function `screen_text`. Its client's timeout and retries bound the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def screen(
        self,
        texts: Sequence[OriginText],
        categories: Collection[Category],
        least: float,
        correlation_id: str,
    ) -> tuple[Finding, ...]:
        """Return what is found of `categories`, of all where there is none, from `least` on.

        Raises `InvalidInput` for more or longer texts than the function takes, and otherwise as
        `EmbedFunction.embed` does.
        """
        try:
            request = ScreenTextRequest(
                texts=tuple(texts),
                categories=tuple(categories),
                least=least,
                correlation_id=correlation_id,
            )
        except ValidationError as error:
            raise InvalidInput(
                f"{len(texts)} texts cannot be screened at once; {MAX_TEXTS} can.",
                field="texts",
                limit=str(MAX_TEXTS),
            ) from error
        result = invoke_function(self._client, self._name, request, "screening", ScreenTextResult)
        for finding in result.findings:
            if finding.text >= len(texts) or finding.end > len(texts[finding.text].text):
                raise ModelFailure("The screening function found something where there is no text.")
        return result.findings


class ScreenImageFunction:
    """The function `screen_image`. Its client's timeout and retries bound the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def look(self, picture: bytes, correlation_id: str) -> ScreenImageResult:
        """Return how likely a picture is pornographic; raise as `EmbedFunction.embed` does."""
        request = ScreenImageRequest.model_construct(data=picture, correlation_id=correlation_id)
        return invoke_function(self._client, self._name, request, "screening", ScreenImageResult)
