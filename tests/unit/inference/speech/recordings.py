"""A recording of two synthesised voices, with what they say and when.

Made by Kokoro-82M (Apache-2.0) from two of the Harvard sentences; times are the synthesiser's own.
"""

from __future__ import annotations

from pathlib import Path

from chalicelib.inference.speech.mel import Samples
from chalicelib.inference.speech.wav import wav_samples

FILE = Path(__file__).parents[3] / "data" / "speech" / "two_voices.wav"
FIRST = "The salt breeze came across from the sea."
SECOND = "The wrist was badly strained and hung limp."
STARTS_MS = {
    FIRST: (450, 575, 875, 1300, 1450, 1850, None, 2150),
    SECOND: (3444, 3569, 3869, 4019, 4394, 4969, 5094, 5319),
}
"""When each word begins; the synthesiser speaks "from the" as one."""


def recording() -> Samples:
    """Return the recording as the models take it."""
    return wav_samples(FILE.read_bytes(), 60)
