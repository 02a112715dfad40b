"""Detection of where somebody speaks, by Silero VAD.

https://github.com/snakers4/silero-vad/blob/v6.2.3/src/silero_vad/utils_vad.py. Every 32 ms get a
probability, in the light of the 4 ms before them and of the network's memory; these become
intervals by two thresholds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.inference.pulled_model import PulledModel
from chalicelib.inference.speech.mel import RATE, Floats, Samples

MODEL = "silero-vad"
FRAME, CONTEXT = 512, 64
"""Samples of a frame, and of the one before that it is seen with."""
_FRAMES_AT_ONCE = 512
_STATE = (1, 1, 128)
MS = RATE // 1000
"""Samples a millisecond."""


@dataclass(frozen=True, slots=True)
class SpeechSettings:
    """Thresholds of speech as probabilities, and its lengths in milliseconds.

    Speech begins at `on` and ends when it was below `off` for `min_silence_ms`. `padding_ms` are
    heard on both sides, since the first and last consonants are quiet.
    """

    on: float = 0.5
    off: float = 0.35
    min_speech_ms: int = 250
    min_silence_ms: int = 300
    padding_ms: int = 150
    max_speech_ms: int = 28_000


@dataclass(frozen=True, slots=True)
class Interval:
    """A part of a recording, in samples; `end` is excluded.

    Of `lead` samples at its start and of `tail` samples at its end nobody speaks.
    """

    start: int
    end: int
    lead: int = 0
    tail: int = 0

    @property
    def samples(self) -> int:
        """Return its length."""
        return self.end - self.start


class VoiceActivity(PulledModel):
    """Silero VAD in a folder; its session is opened at the first recording."""

    NAME = MODEL
    FILE = "silero_vad_16k_sequence.onnx"

    def speech(
        self, samples: Samples, settings: SpeechSettings = SpeechSettings()
    ) -> list[Interval]:
        """Return the intervals of a recording in which somebody speaks, in order, apart.

        Raises:
            ModelFailure: the model could not be opened or run.
        """
        return intervals(self.probabilities(samples), len(samples), settings)

    def probabilities(self, samples: Samples) -> Floats:
        """Return the probability of speech in each frame, (frames,).

        Raises:
            ModelFailure: the model could not be opened or run.
        """
        hidden, cell = np.zeros(_STATE, np.float32), np.zeros(_STATE, np.float32)
        found: list[Floats] = [np.zeros(0, np.float32)]
        for block in _blocks(samples):
            given = {"input": block, "h": hidden, "c": cell}
            frames, hidden, cell = self._run(given, ("speech_probs", "hn", "cn"))
            found.append(frames.reshape(-1))
        return np.concatenate(found)


def _blocks(samples: Samples) -> Iterator[Floats]:
    """Yield frames with what is before them, (up to 512, 576), the last one filled with zeros."""
    count = -(-len(samples) // FRAME)
    padded = np.zeros(CONTEXT + count * FRAME, np.float32)
    padded[CONTEXT : CONTEXT + len(samples)] = samples
    if not count:
        return
    windows = np.lib.stride_tricks.sliding_window_view(padded, CONTEXT + FRAME)[::FRAME]
    for first in range(0, count, _FRAMES_AT_ONCE):
        yield np.ascontiguousarray(windows[first : first + _FRAMES_AT_ONCE])


def intervals(probabilities: Floats, samples: int, settings: SpeechSettings) -> list[Interval]:
    """Return the intervals of speech from the probability of each frame."""
    found = [
        each
        for each in _triggered(probabilities, samples, settings)
        if each.samples >= settings.min_speech_ms * MS
    ]
    parts = [part for each in found for part in _within(each, probabilities, settings)]
    return _padded(parts, samples, settings.padding_ms * MS)


def _triggered(probabilities: Floats, samples: int, settings: SpeechSettings) -> Iterator[Interval]:
    """Yield intervals that begin above one threshold, and end after a silence below another."""
    start = silent = -1
    for number, probability in enumerate(probabilities.tolist()):
        at = number * FRAME
        if probability >= settings.on:
            silent = -1
            if start < 0:
                start = at
        elif start >= 0 and probability < settings.off:
            silent = at if silent < 0 else silent
            if at - silent >= settings.min_silence_ms * MS:
                yield Interval(start, silent)
                start = silent = -1
    if start >= 0:
        yield Interval(start, min(samples, silent if silent > start else samples))


def _within(
    interval: Interval, probabilities: Floats, settings: SpeechSettings
) -> Iterator[Interval]:
    """Yield an interval in parts that are short enough, each cut where speech is least likely."""
    limit = settings.max_speech_ms * MS
    while interval.samples > limit:
        first = (interval.start + limit // 2) // FRAME
        last = (interval.start + limit) // FRAME
        cut = (first + int(probabilities[first:last].argmin())) * FRAME
        yield Interval(interval.start, cut)
        interval = Interval(cut, interval.end)
    yield interval


def _padded(parts: Sequence[Interval], samples: int, padding: int) -> list[Interval]:
    """Extend parts on both sides, at most to the middle between two of them."""
    padded = []
    for number, part in enumerate(parts):
        before = parts[number - 1].end if number else 0
        after = parts[number + 1].start if number + 1 < len(parts) else samples + padding
        room = part.start if number == 0 else (part.start - before) // 2
        lead = min(padding, room)
        tail = min(padding, samples - part.end, (after - part.end + 1) // 2)
        padded.append(Interval(part.start - lead, part.end + tail, lead, tail))
    return padded
