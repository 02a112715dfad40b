"""Workload of the function that writes down speech."""

from __future__ import annotations

import wave
from io import BytesIO

from benchmarks.running_cloud import Caller
from tests.cloud import PROJECT

RECORDING = PROJECT / "tests" / "data" / "speech" / "two_voices.wav"
LARGEST_S = 137
"""Seconds of sound that a call holds."""


class Hearing:
    """Calls about speech."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def small(self) -> None:
        """Have two sentences written down."""
        self._hear(RECORDING.read_bytes())

    def large(self) -> None:
        """Have as much speech written down as a call holds."""
        self._hear(repeated(LARGEST_S))

    def _hear(self, sound: bytes) -> None:
        answer = self._caller.api.post(
            "/v1/audio/transcriptions",
            data={"model": "whisper-1"},
            files={"file": ("speech.wav", sound, "audio/wav")},
        )
        answer.raise_for_status()


def repeated(seconds: int) -> bytes:
    """Return a WAV file of so many seconds, the recording over and over."""
    with wave.open(str(RECORDING), "rb") as given:
        frames, rate = given.readframes(given.getnframes()), given.getframerate()
    size = seconds * rate * 2
    written = BytesIO()
    with wave.open(written, "wb") as made:
        made.setnchannels(1)
        made.setsampwidth(2)
        made.setframerate(rate)
        made.writeframes((frames * (size // len(frames) + 1))[:size])
    return written.getvalue()
