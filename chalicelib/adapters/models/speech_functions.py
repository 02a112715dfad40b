"""Speech by functions of ours: `read_media` decodes a file, `transcribe_speech` transcribes it."""

from __future__ import annotations

import io
import wave
from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.adapters.function_invocations import invoke_function
from chalicelib.adapters.models.call_limits import client_timeout
from chalicelib.adapters.models.function_client import require_call
from chalicelib.contracts.functions.read_media import DecodedSound, DecodeSoundRequest
from chalicelib.contracts.functions.transcribe_speech import TranscribeRequest, TranscribeResult
from chalicelib.contracts.generations import Call, Reply, Usage
from chalicelib.contracts.speech import TranscribeCall, TranscribeOutput

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

    from chalicelib.generation.dependencies import CallContext
    from chalicelib.generation.models import ServedModel

SAMPLE_RATE, SAMPLE_BYTES = 16_000, 2


class TranscribeFunction:
    """The function `transcribe_speech`."""

    def __init__(self, client: Callable[[int], LambdaClient], name: str, seconds: int) -> None:
        """Invoke the function `name` by clients of a given timeout, `seconds` at most."""
        self._client = client
        self._name = name
        self._seconds = seconds

    def answer(self, model: ServedModel, call: Call, asking: CallContext) -> Reply:
        """Return what is said in a recording.

        Raises as `AnsweringFunction.answer` does; `InvalidInput` has the field `file`.
        """
        wanted = require_call(TranscribeCall, model, call)
        request = TranscribeRequest.model_construct(
            data=_wav_file(wanted.sound),
            language=wanted.language,
            translate=wanted.translate,
            prompt=wanted.prompt,
            temperature=wanted.temperature,
            correlation_id=asking.correlation_id,
            transcriber=model.name,
        )
        client = self._client(client_timeout(asking.seconds_left, self._seconds))
        result = invoke_function(
            client, self._name, request, "transcribing", TranscribeResult, field="file"
        )
        return Reply(
            model=model.name,
            answered_by=result.model,
            output=TranscribeOutput(transcript=result.transcript),
            usage=Usage(audio_seconds=wanted.seconds),
            seconds=round(result.seconds, 6),
        )


class SoundFunction:
    """The function `read_media`, as it decodes files of calls. Its client bounds the wait."""

    def __init__(self, client: LambdaClient, name: str) -> None:
        self._client = client
        self._name = name

    def decode(self, data: bytes, start_ms: int, correlation_id: str) -> DecodedSound:
        """Return the sound of a file from `start_ms` on, up to a pause within two minutes.

        Raises:
            InvalidInput, Unsupported: the file cannot be read, or is too long.
            ModelFailure: the function answered with something else.
            Throttled, Transient: try again later.
        """
        request = DecodeSoundRequest.model_construct(
            data=data, start_ms=start_ms, correlation_id=correlation_id
        )
        return invoke_function(
            self._client, self._name, request, "decoding", DecodedSound, field="file"
        )


def _wav_file(sound: bytes) -> bytes:
    """Return `sound`, signed 16-bit samples of one channel at 16 kHz, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(SAMPLE_BYTES)
        written.setframerate(SAMPLE_RATE)
        written.writeframes(sound)
    return file.getvalue()
