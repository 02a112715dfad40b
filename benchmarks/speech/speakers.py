"""Speakers over the parts of a recording: words under the right voice, of many short parts.

Each voice of a dialogue says four sentences and a passage, each once: no part has sound of another.
The dialogue is cut as recordings are, but into parts of half a minute, so that each has little of
a voice. Settings are chosen on other voices and dialogues than the figures are of.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.reporting import Result
from benchmarks.speech import scoring
from benchmarks.speech.material import DEVELOPMENT, HELD_OUT, Recording, Samples, synthesised
from benchmarks.speech.measuring import spoken_by
from benchmarks.speech.scenes import Scene, Turn
from chalicelib.contracts.speech import SAME_VOICE, Transcript
from chalicelib.inference.speech.deadline import NO_DEADLINE
from chalicelib.inference.speech.mel import RATE
from chalicelib.inference.speech.recogniser import SpeechRecogniser, SpeechRequest
from chalicelib.inference.speech.speakers import SpeakerEncoder
from chalicelib.inference.speech.wav import pcm_samples
from chalicelib.media.pauses import cut_at_pauses
from functions.gather_parts.speakers import joined_speakers, with_speakers
from functions.transcribe_speech.core import Deps, transcribed
from models.pull.cache import CACHE, pull

MODEL = "whisper-base"
MIN_PART_MS, MAX_PART_MS = 25_000, 40_000
DIALOGUES = tuple((voices, seed) for voices in (2, 3, 4, 5, 6, 8) for seed in (0, 1))
"""The number of voices of each dialogue, and the seed that draws it."""
COSINES = (0.55, 0.60, 0.65, 0.70, 0.75, 0.80)
_RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class HeardDialogue:
    """A dialogue, with what was heard in each of its parts."""

    scene: Scene
    parts: tuple[Transcript, ...]


def measure(repetitions: int) -> Result:
    """Hear all dialogues once; `repetitions` changes nothing."""
    pull([MODEL, "silero-vad", "ge2e-speaker-encoder"])
    deps = Deps(SpeechRecogniser.open(CACHE), SpeakerEncoder.open(CACHE), MODEL, time.perf_counter)
    chosen_on = _heard(DEVELOPMENT, deps)
    held_out = _heard(HELD_OUT, deps)
    return Result(
        name="speech_speakers",
        repetitions=repetitions,
        measured={},
        facts={
            "settings": {f"{cosine:.2f}": _figures(chosen_on, cosine) for cosine in COSINES},
            "held out": {"joined": _figures(held_out), "part by part": _figures(held_out, None)},
        },
        notes=(
            f"{len(DEVELOPMENT)} voices of Kokoro-82M chose, the figures are of {len(HELD_OUT)}.",
            "Intervals: dialogues drawn again with replacement, 95 %.",
        ),
    )


def _heard(voices: tuple[str, ...], deps: Deps) -> list[HeardDialogue]:
    recordings = synthesised(voices, sentences=4)
    return [_hear(dialogue(recordings, *each), deps) for each in DIALOGUES]


def dialogue(recordings: Sequence[Recording], voices: int, seed: int) -> Scene:
    """Return all recordings of so many voices, in any order, with pauses of 0.2 to 0.8 s."""
    rng = np.random.default_rng(seed)
    names = sorted({each.voice for each in recordings})
    chosen = [names[at] for at in rng.permutation(len(names))[:voices]]
    own = [each for each in recordings if each.voice in chosen]
    sounds: list[Samples] = []
    turns: list[Turn] = []
    at = 0
    for number in rng.permutation(len(own)):
        spoken = own[number]
        pause = np.zeros(int(rng.uniform(0.2, 0.8) * RATE), np.float32)
        sounds += [spoken.samples, pause]
        turns.append(Turn(at, at + len(spoken.samples), spoken.voice, spoken.text))
        at += len(spoken.samples) + len(pause)
    return Scene(np.concatenate(sounds), tuple(turns))


def _hear(scene: Scene, deps: Deps) -> HeardDialogue:
    sound = (np.clip(scene.sound, -1, 1) * 32_767).astype("<i2").tobytes()
    parts = []
    start_ms = 0
    for part in cut_at_pauses([sound], MIN_PART_MS, MAX_PART_MS):
        samples = pcm_samples(part)
        parts.append(transcribed(samples, SpeechRequest(), deps, NO_DEADLINE, start_ms))
        start_ms += len(samples) * 1_000 // RATE
    return HeardDialogue(scene, tuple(parts))


def _figures(
    heard: Sequence[HeardDialogue], min_cosine: float | None = SAME_VOICE
) -> dict[str, Any]:
    """Return words under the right voice, and speakers found; None leaves parts as they are."""
    shares, found, words = list[float](), list[str](), 0
    for each in heard:
        told = [
            said for part in _joined(each.parts, min_cosine) for said in spoken_by(part, each.scene)
        ]
        shares.append(scoring.under_the_right_voice(told))
        numbers = len({number for number, _ in told if number is not None})
        found.append(f"{numbers} of {len({turn.voice for turn in each.scene.turns})}")
        words += len(told)
    rng = np.random.default_rng(0)
    drawn = np.array(shares)[rng.integers(len(shares), size=(_RESAMPLES, len(shares)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "words under the right voice": round(float(np.mean(shares)), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
        "lowest": round(min(shares), 3),
        "speakers found": found,
        "words": words,
        "parts": sum(len(each.parts) for each in heard),
    }


def _joined(parts: Sequence[Transcript], min_cosine: float | None) -> list[Transcript]:
    if min_cosine is None:
        return list(parts)
    numbers = joined_speakers([part.speakers for part in parts], min_cosine)
    return [with_speakers(part, each) for part, each in zip(parts, numbers, strict=True)]
