"""The function that writes down speech."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.adapters.function_invocations import invoke_function
from chalicelib.contracts.functions.transcribe_speech import TranscribeRequest, TranscribeResult

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class TranscribeFunction:
    """The function `transcribe_speech`. Its client's timeout bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def write_down(self, request: TranscribeRequest) -> TranscribeResult:
        """Return the speech of a WAV file.

        Raises:
            InvalidInput, Unsupported: the file cannot be read.
            ModelFailure: the model failed.
            Throttled, Transient: try again later.
        """
        return invoke_function(
            self._client, self._name, request, "transcribing", TranscribeResult, field="file"
        )
