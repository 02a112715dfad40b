"""Words in error of people whom nobody of this project recorded, beside faster-whisper."""

from __future__ import annotations

from typing import Any

from benchmarks.reporting import Result
from benchmarks.speech import strangers
from benchmarks.speech.measuring import (
    heard_by_peer,
    heard_by_us,
    rate_of,
    seconds,
    written,
)
from chalicelib.inference.speech.whisper import MODEL
from models.pull.cache import pull


def measure(repetitions: int) -> Result:
    """Hear every recording once by each contestant; languages are detected, not told."""
    pull([MODEL, "silero-vad"])
    collections = strangers.collections()
    recordings = [each for collection in collections for each in collection.recordings]
    files = written(recordings, [], {})
    theirs = {name: heard for name, heard in heard_by_peer(files).items() if heard}
    contestants = {MODEL: heard_by_us(MODEL, files), **theirs}
    facts: dict[str, Any] = {
        "minutes": round(sum(map(seconds, files.values())) / 60, 1),
        "collections": {
            each.name: {
                "recordings": len(each.recordings),
                "minutes": round(sum(seconds(files[one.name]) for one in each.recordings) / 60, 1),
                "words in error": {
                    name: rate_of(each.recordings, heard, each.language)
                    for name, heard in contestants.items()
                },
            }
            for each in collections
        },
    }
    return Result(
        name="speech_people",
        repetitions=repetitions,
        measured={},
        facts=facts,
        notes=(
            "One voice a language of telephone prompts, at 8 kHz; five readers and card games.",
            "The texts are those of the packages, with their mistakes, which count for all alike.",
        ),
    )
