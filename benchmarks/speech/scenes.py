"""Recordings put together: dialogues, and sentences with a minute of something else between."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.speech.material import Recording, Samples
from chalicelib.inference.speech.mel import RATE

BETWEEN_S = 60
TURNS = 10


@dataclass(frozen=True, slots=True)
class Turn:
    """Speech of one voice, between two samples of a scene."""

    start: int
    end: int
    voice: str
    text: str


@dataclass(frozen=True, slots=True)
class Scene:
    """The sound of several recordings, one after another."""

    sound: Samples
    turns: tuple[Turn, ...]

    @property
    def text(self) -> str:
        """Return what is said."""
        return " ".join(turn.text for turn in self.turns)


def dialogue(recordings: Sequence[Recording], voices: int, seed: int) -> Scene:
    """Return a dialogue of so many voices, with pauses of .1 to .7 s, nobody twice at once."""
    rng = np.random.default_rng(seed)
    names = sorted({each.voice for each in recordings})
    chosen = [names[at] for at in rng.permutation(len(names))[:voices]]
    parts: list[Samples] = []
    turns: list[Turn] = []
    at = 0
    for number in range(max(TURNS, 3 * voices)):
        others = [each for each in chosen if not turns or each != turns[-1].voice]
        voice = chosen[number] if number < voices else others[int(rng.integers(len(others)))]
        own = [each for each in recordings if each.voice == voice]
        spoken = own[int(rng.integers(len(own)))]
        sound = spoken.samples
        pause = np.zeros(int(rng.uniform(0.1, 0.7) * RATE), np.float32)
        parts += [sound, pause]
        turns.append(Turn(at, at + len(sound), voice, spoken.text))
        at += len(sound) + len(pause)
    return Scene(np.concatenate(parts), tuple(turns))


def interrupted(first: Recording, second: Recording, between: Samples) -> Scene:
    """Return two sentences with other sound between them."""
    one, other = first.samples, second.samples
    start = len(one) + len(between)
    return Scene(
        np.concatenate([one, between, other]),
        (
            Turn(0, len(one), first.voice, first.text),
            Turn(start, start + len(other), second.voice, second.text),
        ),
    )


def others(seed: int) -> Mapping[str, Samples]:
    """Return a minute of each of several sounds in which nobody speaks."""
    rng = np.random.default_rng(seed)
    count = BETWEEN_S * RATE
    white = rng.normal(0, 0.05, count)
    spectrum = np.fft.rfft(rng.normal(0, 1, count))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(1, len(spectrum) + 1)), count)
    times = np.arange(count) / RATE
    hum = sum(np.sin(2 * np.pi * 50 * n * times) / n for n in (1, 2, 3, 5))
    found = {
        "silence": np.zeros(count),
        "white noise": white,
        "pink noise": 0.1 * pink / np.abs(pink).max(),
        "mains hum": 0.05 * hum,
        "music, chords": _chords(times),
        "music, melody": _melody(times, rng),
        "clicks": (rng.random(count) < 2 / RATE) * 0.8,
    }
    return {name: sound.astype(np.float32) for name, sound in found.items()}


def _note(times: np.ndarray, hertz: float) -> np.ndarray:
    """Return a tone with overtones, such as of a reed organ."""
    return np.asarray(sum(np.sin(2 * np.pi * hertz * n * times) / n**1.5 for n in range(1, 7)))


def _chords(times: np.ndarray) -> np.ndarray:
    """Return four chords over and over, two seconds each, with a soft attack."""
    roots = (220.0, 174.61, 261.63, 196.0)
    sound = np.zeros_like(times)
    for number in range(BETWEEN_S // 2):
        at = slice(number * 2 * RATE, (number + 1) * 2 * RATE)
        local = times[at] - times[at][0]
        fade = np.minimum(1, local * 10) * np.exp(-local / 2)
        root = roots[number % len(roots)]
        sound[at] = fade * sum(_note(local, root * step) for step in (1, 1.26, 1.5, 2))
    return np.asarray(0.2 * sound / np.abs(sound).max())


def _melody(times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a melody with vibrato in the range of a voice, a note each third of a second."""
    scale = 220.0 * 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12)
    length = RATE // 3
    sound = np.zeros_like(times)
    for start in range(0, len(times) - length, length):
        local = times[start : start + length] - times[start]
        hertz = scale[rng.integers(len(scale))] * (1 + 0.01 * np.sin(2 * np.pi * 5 * local))
        fade = np.minimum(1, local * 30) * np.minimum(1, (local[-1] - local) * 30)
        phase = 2 * np.pi * np.cumsum(hertz) / RATE
        sound[start : start + length] = fade * sum(np.sin(n * phase) / n**1.5 for n in range(1, 7))
    return np.asarray(0.2 * sound / np.abs(sound).max())
