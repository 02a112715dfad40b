"""WAV files of the sound of calls.

http://soundfile.sapp.org/doc/WaveFormat/
"""

from __future__ import annotations

import io
import wave

SAMPLE_RATE, SAMPLE_BYTES = 16_000, 2


def wav_file(sound: bytes) -> bytes:
    """Return `sound`, signed 16-bit samples of one channel at 16 kHz, as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(SAMPLE_BYTES)
        written.setframerate(SAMPLE_RATE)
        written.writeframes(sound)
    return file.getvalue()
