"""`python -m localcloud.transcribe.listener`: transcribe one WAV file, in a process of its own.

It reads a `Listening` as JSON from standard input and writes the words as JSON to standard output.
A job so takes neither the memory nor the interpreter of the cloud, and ends when it is killed.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chalicelib.errors import HeadraceError
from chalicelib.inference.speech.deadline import NO_DEADLINE
from chalicelib.inference.speech.recogniser import SpeechRecogniser, SpeechRequest
from chalicelib.inference.speech.speaker_clusters import speaker_at, speakers
from chalicelib.inference.speech.speakers import SpeakerEncoder
from chalicelib.inference.speech.voice_activity import MS
from chalicelib.inference.speech.wav import wav_samples
from localcloud.transcribe.output import HeardWord

MAX_SECONDS = 14_400.0
"""The longest file that Amazon Transcribe takes: four hours."""
MODEL_FOLDERS = ("whisper-base", "silero-vad", "ge2e-speaker-encoder")


@dataclass(frozen=True, slots=True)
class Listening:
    """A request to transcribe: a WAV file, its language or "" to detect it, and its most speakers.

    With 0 speakers nobody is told apart.
    """

    file: str
    models_dir: str
    language: str = ""
    max_speakers: int = 0


def listen(asked: Listening) -> dict[str, Any]:
    """Return the language, its probability and the words of a file.

    Raises:
        InvalidInput, Unsupported: the file cannot be read.
        ModelFailure: a model is missing.
    """
    recording = wav_samples(Path(asked.file).read_bytes(), MAX_SECONDS)
    recogniser = SpeechRecogniser.open(asked.models_dir, MODEL_FOLDERS[0])
    heard = recogniser.recognise(recording, SpeechRequest(language=asked.language), NO_DEADLINE)
    voices, numbers = [], list[int]()
    if asked.max_speakers and heard.segments:
        voices = SpeakerEncoder.open(asked.models_dir).voices(recording, heard.speech)
        numbers = [min(number, asked.max_speakers) for number in speakers(voices)]

    def speaker(start_ms: int, end_ms: int) -> int | None:
        if not asked.max_speakers:
            return None
        return (speaker_at(start_ms * MS, end_ms * MS, voices, numbers) or 1) - 1

    words = [
        HeardWord(
            word.text,
            word.start_ms / 1000,
            word.end_ms / 1000,
            min(1.0, word.probability),
            speaker(word.start_ms, word.end_ms),
        )
        for segment in heard.segments
        for word in segment.words
    ]
    return {
        "language": heard.language,
        "probability": heard.language_probability,
        "words": [asdict(word) for word in words],
    }


def main() -> int:
    """Answer the request on standard input; exit code 1 says why not on standard output."""
    asked = Listening(**json.loads(sys.stdin.read()))
    try:
        answer, code = listen(asked), 0
    except HeadraceError as error:
        answer, code = {"error": error.message}, 1
    sys.stdout.write(json.dumps(answer))
    return code


if __name__ == "__main__":
    raise SystemExit(main())
