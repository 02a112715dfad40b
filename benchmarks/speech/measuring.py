"""Speech: words in error, CPU time, times of words, speakers, and words where nobody speaks.

Ours in 8 bits and in single precision, and faster-whisper by three settings, hear the same files in
one run, each on one thread. Voices are those on which nothing was chosen.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.reporting import Result
from benchmarks.speech import material, scenes, scoring
from benchmarks.speech.material import FOLDER, HELD_OUT, Recording, Samples
from benchmarks.speech.scenes import Scene, Turn
from chalicelib.contracts.speech import Transcript
from chalicelib.inference.speech.deadline import NO_DEADLINE
from chalicelib.inference.speech.mel import RATE
from chalicelib.inference.speech.recogniser import SpeechRecogniser, SpeechRequest
from chalicelib.inference.speech.speakers import SpeakerEncoder
from functions.transcribe_speech.core import Deps, transcribed
from models.pull.cache import CACHE, pull

MODELS = ("whisper-base", "whisper-base-fp32")
DIALOGUES = ((2, 0), (2, 1), (3, 2), (4, 3), (5, 4))
WITHOUT_ACTIVITY = "faster-whisper, without voice activity"
MARGIN_S = 0.5
"""Seconds before and after a sentence within which a word is counted as its own."""
_THEIRS = Path(__file__).with_name("theirs.py")


@dataclass(frozen=True, slots=True)
class Heard:
    """Transcript of one file: text, words with their starts in seconds, seconds of CPU."""

    text: str
    words: tuple[tuple[float, str], ...]
    cpu_s: float


def measure(repetitions: int) -> Result:
    """Hear every recording and every scene once by each contestant."""
    pull([*MODELS, "silero-vad", "ge2e-speaker-encoder"])
    recordings = [*material.real(), *material.synthesised(HELD_OUT)]
    spoken = [each for each in recordings if each.voice in HELD_OUT]
    dialogues = [scenes.dialogue(spoken, *each) for each in DIALOGUES]
    sounds = scenes.others(0)
    first, second = spoken[0], spoken[4]
    between = {name: scenes.interrupted(first, second, each) for name, each in sounds.items()}
    files = written(recordings, dialogues, between)
    contestants = {**{name: heard_by_us(name, files) for name in MODELS}, **heard_by_peer(files)}
    unguarded = contestants.pop(WITHOUT_ACTIVITY)
    lasting = sum(seconds(path) for path in files.values())
    facts: dict[str, Any] = {"recordings": len(recordings), "minutes": round(lasting / 60, 1)}
    facts["contestants"] = {
        name: {
            "words in error, people": rate_of(recordings[:2], heard),
            "words in error, synthesised": rate_of(spoken, heard),
            "words in error, dialogues": _dialogue_rate(dialogues, heard),
            "CPU seconds a minute": round(
                60 * sum(each.cpu_s for each in heard.values()) / lasting, 2
            ),
            "starts of words": _starts(spoken, heard),
            "words where nobody speaks": _between(between, heard),
        }
        for name, heard in contestants.items()
    }
    facts["contestants"][WITHOUT_ACTIVITY] = {
        "words where nobody speaks": _between(between, unguarded)
    }
    facts["speakers"] = _speakers(dialogues)
    return Result(
        name="speech",
        repetitions=repetitions,
        measured={},
        facts=facts,
        notes=(
            f"{len(HELD_OUT)} voices of Kokoro-82M that nothing was chosen on, and two readings.",
            "Starts are the synthesiser's own, in steps of 25 ms, of files heard word by word.",
        ),
    )


def written(
    recordings: Sequence[Recording], dialogues: Sequence[Scene], between: Mapping[str, Scene]
) -> dict[str, Path]:
    """Write every sound as a WAV file at 16 kHz; return the files by name."""
    sounds: dict[str, Samples] = {each.name: each.samples for each in recordings}
    sounds |= {f"dialogue {n}": scene.sound for n, scene in enumerate(dialogues)}
    sounds |= {f"between {name}": scene.sound for name, scene in between.items()}
    folder = FOLDER / "heard"
    folder.mkdir(exist_ok=True)
    files = {}
    for number, (name, sound) in enumerate(sounds.items()):
        files[name] = folder / f"{number:03}.wav"
        with wave.open(str(files[name]), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return files


def seconds(path: Path) -> float:
    """Return how long a file lasts that `written` wrote."""
    return (path.stat().st_size - 44) / 2 / RATE


def _sound(path: Path) -> Samples:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.astype(np.float32) / np.float32(32768)


def heard_by_us(name: str, files: Mapping[str, Path]) -> dict[str, Heard]:
    """Return what the model `name` hears in each file, in this process."""
    recogniser = SpeechRecogniser.open(CACHE, name)
    recogniser.recognise(_sound(next(iter(files.values()))), SpeechRequest())
    found = {}
    for label, path in files.items():
        sound = _sound(path)
        began = time.process_time()
        heard = recogniser.recognise(sound, SpeechRequest())
        taken = time.process_time() - began
        words = [word for segment in heard.segments for word in segment.words]
        found[label] = Heard(
            " ".join(segment.text for segment in heard.segments),
            tuple((word.start_ms / 1000, word.text) for word in words),
            taken,
        )
    return found


def heard_by_peer(files: Mapping[str, Path]) -> dict[str, dict[str, Heard]]:
    """Return what faster-whisper hears in each file, by its settings."""
    wanted = {name: list(files) for name in ("faster-whisper, greedy", "faster-whisper, beam of 5")}
    wanted[WITHOUT_ACTIVITY] = [label for label in files if label.startswith("between ")]
    jobs = FOLDER / "theirs.json"
    paths = {name: [str(files[label]) for label in labels] for name, labels in wanted.items()}
    jobs.write_text(json.dumps(paths))
    command = [material.interpreter(), _THEIRS, material.ctranslate2_model(), jobs]
    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [str(each) for each in command],
        check=True,
        timeout=3_600,
        env=environ,
        capture_output=True,
        text=True,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {
        name: {
            label: Heard(text, tuple((start, word) for start, word in words), cpu_s)
            for label, text, words, cpu_s in zip(
                wanted[name], each["texts"], each["words"], each["cpu_s"], strict=True
            )
        }
        for name, each in told.items()
    }


def rate_of(
    recordings: Sequence[Recording], heard: Mapping[str, Heard], language: str = "en"
) -> dict[str, float]:
    """Return errors a word of all recordings, with an interval, and how many words they have."""
    counts = []
    for each in recordings:
        expected = scoring.words(each.text, language)
        said = scoring.words(heard[each.name].text, language)
        counts.append((scoring.errors(expected, said), len(expected)))
    return {**scoring.error_rate(counts), "words": sum(count for _, count in counts)}


def _dialogue_rate(dialogues: Sequence[Scene], heard: Mapping[str, Heard]) -> dict[str, float]:
    counts = []
    for number, scene in enumerate(dialogues):
        expected = scoring.words(scene.text)
        said = scoring.words(heard[f"dialogue {number}"].text)
        counts.append((scoring.errors(expected, said), len(expected)))
    return {**scoring.error_rate(counts), "words": sum(count for _, count in counts)}


def _starts(recordings: Sequence[Recording], heard: Mapping[str, Heard]) -> dict[str, float]:
    offsets = []
    for each in recordings:
        words = heard[each.name].words
        if each.starts_s and len(words) == len(each.starts_s):
            pairs = zip(words, each.starts_s, strict=True)
            offsets += [1000 * (start - truth) for (start, _), truth in pairs]
    return scoring.start_errors(offsets)


def _between(scenes_of: Mapping[str, Scene], heard: Mapping[str, Heard]) -> dict[str, int]:
    """Return how many words are heard where nobody speaks, by what is heard there."""
    found = {}
    for name, scene in scenes_of.items():
        first, second = scene.turns
        start, end = first.end / RATE + MARGIN_S, second.start / RATE - MARGIN_S
        words = heard[f"between {name}"].words
        found[name] = sum(start < at < end for at, _ in words)
    return found


def _speakers(dialogues: Sequence[Scene]) -> dict[str, Any]:
    """Return the share of words under the right voice, and how many speakers are found."""
    deps = Deps(
        SpeechRecogniser.open(CACHE), SpeakerEncoder.open(CACHE), MODELS[0], time.perf_counter
    )
    shares: dict[int, list[float]] = {}
    numbers: list[str] = []
    told_of_all = 0
    for scene in dialogues:
        transcript = transcribed(scene.sound, SpeechRequest(), deps, NO_DEADLINE)
        told = spoken_by(transcript, scene)
        voices = len({turn.voice for turn in scene.turns})
        shares.setdefault(voices, []).append(scoring.under_the_right_voice(told))
        found = len({number for number, _ in told if number is not None})
        numbers.append(f"{found} of {voices}")
        told_of_all += len(told)
    every = [share for some in shares.values() for share in some]
    rng = np.random.default_rng(0)
    drawn = np.array(every)[rng.integers(len(every), size=(2_000, len(every)))].mean(axis=1)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return {
        "words under the right voice": round(float(np.mean(every)), 3),
        "interval": [round(float(low), 3), round(float(high), 3)],
        "by voices": {str(n): round(float(np.mean(some)), 3) for n, some in shares.items()},
        "speakers found": numbers,
        "words": told_of_all,
        "voices": len(HELD_OUT),
    }


def spoken_by(transcript: Transcript, scene: Scene) -> list[tuple[int | None, str]]:
    """Return the speaker of each word beside the voice that speaks nearest to its middle."""
    found = []
    for segment in transcript.segments:
        for word in segment.words:
            middle = (word.start_ms + word.end_ms) / 2000 * RATE
            found.append((word.speaker, _nearest(scene.turns, middle).voice))
    return found


def _nearest(turns: Sequence[Turn], sample: float) -> Turn:
    return min(turns, key=lambda turn: max(turn.start - sample, sample - turn.end))
