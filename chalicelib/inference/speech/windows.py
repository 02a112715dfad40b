"""Windows of speech: intervals put together to at most 30 s, with the way back to their times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chalicelib.inference.speech.mel import RATE, WINDOW_S, Samples
from chalicelib.inference.speech.voice_activity import MS, Interval


@dataclass(frozen=True, slots=True)
class SpeechWindow:
    """Intervals of a recording that are heard together, one after another."""

    intervals: tuple[Interval, ...]

    @property
    def samples(self) -> int:
        """Return the length of all together."""
        return sum(each.samples for each in self.intervals)

    @property
    def duration_ms(self) -> int:
        """Return the length of all together in milliseconds."""
        return self.samples // MS

    def sound(self, recording: Samples) -> Samples:
        """Return the sound of all intervals, one after another."""
        return np.concatenate([recording[each.start : each.end] for each in self.intervals])

    def after(self, start_ms: int) -> SpeechWindow:
        """Return the window from a time in it on."""
        skipped = start_ms * MS
        kept = []
        for each in self.intervals:
            if each.samples > skipped:
                lead = max(0, each.lead - skipped)
                kept.append(Interval(each.start + skipped, each.end, lead, each.tail))
            skipped = max(0, skipped - each.samples)
        return SpeechWindow(tuple(kept))

    def placed(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """Return where a time in the window is in the recording, in milliseconds.

        It lies where somebody speaks in the interval that it shares most with: nothing is said in
        a pause.
        """
        start, end = start_ms * MS, max(end_ms, start_ms + 1) * MS
        best, place, before = -math.inf, (0, 0), 0
        for each in self.intervals:
            first, last = max(start - before, 0), min(end - before, each.samples)
            if last - first > best:
                best = last - first
                spoken = each.samples - each.tail
                held = [min(max(at, each.lead), spoken) for at in (start - before, end - before)]
                place = (each.start + held[0], each.start + held[1])
            before += each.samples
        return place[0] // MS, place[1] // MS


def windows(intervals: Sequence[Interval]) -> Iterator[SpeechWindow]:
    """Put intervals together in order, to windows that are as long as they may be."""
    limit = WINDOW_S * RATE
    kept: list[Interval] = []
    for each in intervals:
        if kept and sum(one.samples for one in kept) + each.samples > limit:
            yield SpeechWindow(tuple(kept))
            kept = []
        kept.append(each)
    if kept:
        yield SpeechWindow(tuple(kept))
