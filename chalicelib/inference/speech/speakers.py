"""Speaker diarisation: vectors of voices, clustered to speakers.

Every 0.8 s of speech, 1.6 s of it become a vector (Resemblyzer's encoder, trained as in L. Wan et
al., https://arxiv.org/abs/1710.10467). Vectors are merged bottom-up by average cosine until no two
groups are alike enough, so the number of speakers need not be known.
https://github.com/resemble-ai/Resemblyzer/blob/v0.1.4/resemblyzer/voice_encoder.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.inference.pulled_model import PulledModel
from chalicelib.inference.speech.deadline import NO_DEADLINE, SpeechDeadline
from chalicelib.inference.speech.mel import HOP, Floats, Samples, mel_power
from chalicelib.inference.speech.voice_activity import Interval

MODEL = "ge2e-speaker-encoder"
_MELS = 40
FRAMES, STEP = 160, 80
"""Frames of 10 ms that a vector is of, and from one to the next."""
_LOUDNESS = 10 ** (-30 / 20)
"""Root mean square that quiet speech is raised to: -30 dB."""
_BATCH = 64


@dataclass(frozen=True, slots=True)
class Voice:
    """The vector of a voice, (256,), of length 1, and where it was heard."""

    interval: Interval
    vector: Floats


class SpeakerEncoder(PulledModel):
    """The speaker encoder in a folder; its session is opened at the first recording."""

    NAME = MODEL
    FILE = "model.onnx"

    def voices(
        self,
        recording: Samples,
        speech: Sequence[Interval],
        deadline: SpeechDeadline = NO_DEADLINE,
    ) -> list[Voice]:
        """Return the voices in the intervals of a recording in which somebody speaks, in order.

        Raises:
            DeadlineExceeded: it takes too long; checked before each batch of pieces.
            ModelFailure: the model could not be opened or run.
        """
        places: list[Interval] = []
        mels: list[Floats] = []
        for interval in speech:
            for place, mel in _pieces(recording, interval):
                places.append(place)
                mels.append(mel)
        vectors: list[Floats] = []
        for first in range(0, len(mels), _BATCH):
            deadline.check()
            vectors.extend(self._run({"mels": np.stack(mels[first : first + _BATCH])})[0])
        return [Voice(*each) for each in zip(places, vectors, strict=True)]


def _pieces(recording: Samples, interval: Interval) -> Iterator[tuple[Interval, Floats]]:
    """Yield pieces of an interval, which overlap by half, with their mels, (160, 40).

    Speech that is shorter than a piece is repeated.
    """
    sound = _audible(recording[interval.start : interval.end])
    mel = np.ascontiguousarray(mel_power(sound, _MELS).T)
    if len(mel) < FRAMES:
        yield interval, np.resize(mel, (FRAMES, _MELS))
        return
    last = len(mel) - FRAMES
    for first in [*range(0, last, STEP), last]:
        start = interval.start + first * HOP
        yield Interval(start, min(interval.end, start + FRAMES * HOP)), mel[first : first + FRAMES]


def _audible(sound: Samples) -> Samples:
    """Return speech raised to the loudness that the encoder was trained on, if it is quieter."""
    loudness = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    if not 0 < loudness < _LOUDNESS:
        return sound
    louder: Samples = (sound * (_LOUDNESS / loudness)).astype(np.float32)
    return louder
