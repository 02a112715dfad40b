"""Calls of the functions `transcribe_speech` and `read_media`, and their refusals."""

from __future__ import annotations

import io
import json
from typing import Any, cast

import pytest

from chalicelib.adapters.models.speech_functions import SoundFunction, TranscribeFunction
from chalicelib.contracts.functions.read_media import DecodedSound, DecodeSoundRequest
from chalicelib.contracts.functions.transcribe_speech import TranscribeRequest, TranscribeResult
from chalicelib.contracts.speech import (
    SpeechSegment,
    TranscribeCall,
    TranscribeOutput,
    Transcript,
)
from chalicelib.errors import HeadraceError, InvalidInput, ModelFailure
from chalicelib.generation.dependencies import CallContext
from chalicelib.generation.model_file import served_models
from chalicelib.inference.speech.wav import wav_samples

SAID = Transcript(
    segments=(SpeechSegment(start_ms=0, end_ms=900, text="Hello."),), duration_ms=1_000
)
CALL = TranscribeCall.model_construct(sound=b"\x00\x40" * 16_000, language="en", temperature=0.3)
WHISPER = served_models().model("whisper-1")


class FakeLambda:
    """A client of Lambda whose function answers, or raises, what it is told."""

    def __init__(self, payload: str, error: str = "") -> None:
        self._answer: dict[str, Any] = {"Payload": io.BytesIO(payload.encode())}
        if error:
            told = {"errorType": error, "errorMessage": payload}
            self._answer = {
                "FunctionError": "Unhandled",
                "Payload": io.BytesIO(json.dumps(told).encode()),
            }
        self.asked: list[bytes] = []

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        self.asked.append(Payload)
        return self._answer


def test_a_call_is_sent_as_a_wav_file_and_answered_with_what_was_used() -> None:
    result = TranscribeResult(transcript=SAID, model="whisper-base", seconds=0.5)
    client = FakeLambda(result.model_dump_json())
    waits: list[int] = []

    def within(seconds: int) -> Any:
        waits.append(seconds)
        return client

    function = TranscribeFunction(within, "ours", 280)
    reply = function.answer(WHISPER, CALL, CallContext("acme", "c", seconds_left=63.0))

    assert waits == [60]
    asked = TranscribeRequest.model_validate_json(client.asked[0])
    assert (asked.language, asked.temperature, asked.correlation_id) == ("en", 0.3, "c")
    samples = wav_samples(asked.data, 60)
    assert (len(samples), float(samples[0])) == (16_000, 0.5)
    assert reply.output == TranscribeOutput(transcript=SAID)
    assert (reply.usage.audio_seconds, reply.seconds) == (1.0, 0.5)
    assert (reply.model, reply.answered_by) == ("whisper-base", "whisper-base")


def test_sound_is_decoded_from_a_time_on() -> None:
    decoded = DecodedSound.model_construct(
        sound=b"\x01\x02", ends_ms=(1,), is_last=True, seconds=0.1
    )
    client = FakeLambda(decoded.model_dump_json())
    found = SoundFunction(cast("Any", client), "ours").decode(b"OggS", 90_000, "c")
    asked = DecodeSoundRequest.model_validate_json(client.asked[0])
    assert (asked.data, asked.start_ms) == (b"OggS", 90_000)
    assert (found.sound, found.ends_ms, found.is_last) == (b"\x01\x02", (1,), True)


@pytest.mark.parametrize(
    ("error", "field", "message"),
    [
        (InvalidInput, "file", "It is too long."),
        (ModelFailure, None, "The {} function failed: It is too long."),
    ],
)
def test_a_refusal_names_the_file_and_a_failure_the_function(
    error: type[HeadraceError], field: str | None, message: str
) -> None:
    def failing() -> Any:
        return FakeLambda("It is too long.", error.__name__)

    with pytest.raises(error) as raised:
        TranscribeFunction(lambda _: failing(), "ours", 10).answer(
            WHISPER, CALL, CallContext("acme", "c")
        )
    assert (raised.value.field, raised.value.message) == (field, message.format("transcribing"))
    with pytest.raises(error) as raised:
        SoundFunction(failing(), "ours").decode(b"OggS", 0, "c")
    assert (raised.value.field, raised.value.message) == (field, message.format("decoding"))
