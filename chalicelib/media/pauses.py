"""Cutting of sound into parts where it is quietest, as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from chalicelib.media.sound import SAMPLE_BYTES, SAMPLE_RATE

MAX_PART_MS = 300_000
MIN_PART_MS = 210_000
"""A part ends at the quietest moment between these lengths."""
PAUSE_MS = 300
_STEP_MS = 50
_BYTES_PER_MS = SAMPLE_RATE * SAMPLE_BYTES // 1000


def cut_at_pauses(
    blocks: Iterable[bytes], min_ms: int = MIN_PART_MS, max_ms: int = MAX_PART_MS
) -> Iterator[bytes]:
    """Yield sound, 16-bit samples at 16 kHz, in parts that join to what came in.

    A part has at most `max_ms`. Unless it is the last, it ends in the middle of the quietest
    `PAUSE_MS` behind its first `min_ms`: between words, if there is a pause. Of pauses that are
    equally quiet the last one counts.
    """
    held = bytearray()
    full = max_ms * _BYTES_PER_MS
    for block in blocks:
        held += block
        while len(held) > full:
            end = _quietest(held, min_ms, max_ms) * _BYTES_PER_MS
            yield bytes(held[:end])
            del held[:end]
    if held:
        yield bytes(held)


def _quietest(held: bytearray, min_ms: int, max_ms: int) -> int:
    """Return the millisecond in the middle of the quietest pause between two lengths."""
    begin, end = min_ms * _BYTES_PER_MS, max_ms * _BYTES_PER_MS
    samples = np.frombuffer(bytes(held[begin:end]), "<i2").astype(np.float64)
    step = _STEP_MS * SAMPLE_RATE // 1000
    count = len(samples) // step
    energy: NDArray[np.float64] = np.square(samples[: count * step]).reshape(count, step).sum(1)
    window = PAUSE_MS // _STEP_MS
    if count < window:
        return max_ms
    sums = np.convolve(energy, np.ones(window), "valid")
    last = len(sums) - 1 - int(sums[::-1].argmin())
    return min_ms + last * _STEP_MS + PAUSE_MS // 2


def milliseconds(sound: bytes) -> int:
    """Return the length of sound, 16-bit samples at 16 kHz, cut to whole milliseconds."""
    return len(sound) // _BYTES_PER_MS
