"""Voices put together to speakers, whose number is not known beforehand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from chalicelib.contracts.speech import SAME_VOICE, PartSpeaker
from chalicelib.inference.speech.mel import RATE
from chalicelib.inference.speech.speakers import Voice

MIN_SPEECH_S = 2.0
"""Speech of a speaker; the vectors of smaller groups go to the nearest speaker."""
NEAR_S = 1.0
"""The greatest distance between a word and the speech whose speaker it is given."""

_DIGITS = 5

Vectors = NDArray[np.float64]


def speakers(voices: Sequence[Voice], min_cosine: float = SAME_VOICE) -> list[int]:
    """Return the speaker of each voice, counted from 1 in the order in which they first speak."""
    if not voices:
        return []
    vectors = np.stack([voice.vector for voice in voices]).astype(np.float64)
    groups = average_linkage(vectors, min_cosine)
    seconds = np.array([voice.interval.samples / RATE for voice in voices])
    large = [
        group for group in np.unique(groups) if seconds[groups == group].sum() >= MIN_SPEECH_S
    ] or [int(np.bincount(groups, seconds).argmax())]
    centres = np.stack([_direction(vectors[groups == group].mean(axis=0)) for group in large])
    nearest = (vectors @ centres.T).argmax(axis=1)
    order = dict.fromkeys(nearest.tolist())
    numbers = {group: number for number, group in enumerate(order, 1)}
    return [numbers[group] for group in nearest.tolist()]


def speaker_at(start: int, end: int, voices: Sequence[Voice], numbers: Sequence[int]) -> int | None:
    """Return who speaks between two samples: of voices that overlap, the ones nearest its middle.

    Words are placed beside speech by a moment now and then: without an overlap it is who speaks
    within `NEAR_S`, None if nobody does.

    Args:
        start: the first sample.
        end: the sample behind the last.
        voices: all voices of the recording.
        numbers: their speakers, as `speakers` returns them.
    """
    middle = (start + end) / 2
    weights: dict[int, float] = {}
    nearest: tuple[float, int | None] = (NEAR_S * RATE, None)
    for voice, number in zip(voices, numbers, strict=True):
        held = min(end, voice.interval.end) - max(start, voice.interval.start)
        if -held < nearest[0]:
            nearest = (-held, number)
        if held > 0:
            centre = (voice.interval.start + voice.interval.end) / 2
            near = 1 / (1 + abs(middle - centre) / RATE) ** 2
            weights[number] = weights.get(number, 0.0) + held * near
    return max(weights, key=lambda number: weights[number]) if weights else nearest[1]


def part_speakers(voices: Sequence[Voice], numbers: Sequence[int]) -> tuple[PartSpeaker, ...]:
    """Return the mean vector of each speaker's voices, by which parts are compared.

    Args:
        voices: all voices of a part.
        numbers: their speakers, as `speakers` returns them.
    """
    found = []
    for number in sorted(set(numbers)):
        own = [voice.vector for voice, each in zip(voices, numbers, strict=True) if each == number]
        mean: Vectors = np.stack(own).astype(np.float64).mean(axis=0)
        vector = tuple(round(float(value), _DIGITS) for value in mean)
        found.append(PartSpeaker(number=number, pieces=len(own), voice=vector))
    return tuple(found)


def average_linkage(vectors: Vectors, min_cosine: float) -> NDArray[np.int64]:
    """Return the group of each vector, (n,), groups merged while alike enough on average.

    Nearest neighbours are followed until two are each other's, which takes n steps of O(n): F.
    Murtagh, A Survey of Recent Advances in Hierarchical Clustering Algorithms, The Computer Journal
    26(4), 1983. https://doi.org/10.1093/comjnl/26.4.354
    """
    count = len(vectors)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -np.inf)
    sizes = np.ones(count)
    groups = np.arange(count)
    chain: list[int] = []
    active = np.ones(count, bool)
    while active.any():
        if not chain:
            chain.append(int(np.flatnonzero(active)[0]))
        last = chain[-1]
        row = alike[last]
        nearest = int(row.argmax())
        if row[nearest] < min_cosine:
            # The likeliness of merged groups never grows: nothing will come near to this one.
            active[last] = False
            _leave(alike, last)
            chain.pop()
        elif len(chain) > 1 and row[nearest] <= row[chain[-2]]:
            _merge(alike, sizes, groups, chain.pop(), chain.pop(), active)
        else:
            chain.append(nearest)
    return groups


def _leave(alike: Vectors, group: int) -> None:
    alike[group] = -np.inf
    alike[:, group] = -np.inf


def _merge(
    alike: Vectors,
    sizes: NDArray[np.float64],
    groups: NDArray[np.int64],
    kept: int,
    gone: int,
    active: NDArray[np.bool_],
) -> None:
    """Add one group to another; their similarities to others are averaged by size."""
    total = sizes[kept] + sizes[gone]
    joined = (alike[kept] * sizes[kept] + alike[gone] * sizes[gone]) / total
    _leave(alike, gone)
    alike[kept] = joined
    alike[:, kept] = joined
    alike[kept, kept] = alike[kept, gone] = alike[gone, kept] = -np.inf
    sizes[kept] = total
    groups[groups == gone] = kept
    active[gone] = False


def _direction(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    return vector / length if length else vector
