"""Shots of a film: stretches between cuts, told by how much each frame differs from the last.

The difference of two frames is that of their colours, by histograms of four quarters, plus that of
their pixels. A cut is where it is several times what it is around: motion makes every frame differ,
a cut makes one. `docs/speech-and-film.md` compares it with a network that was trained for it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.media.frames import Frame, Pixels

WIDTH, HEIGHT = 64, 36
"""Pixels of the frames that are compared."""
SAMPLED_FPS = 12.5

MIN_DIFFERENCE = 0.03
MIN_RATIO = 3.0
"""A cut differs by at least as much, and by as many times the mean of a third of a second around.

They were set on a film of TransNet V2's package and on films of seeds 1 to 3.
"""
GRADUAL_DIFFERENCE = 0.35
GRADUAL_MS = 1_000
"""A fade or dissolve: what is as long apart differs as much, and nothing between is a cut."""
STILL_DIFFERENCE = 0.02
MAX_SHOT_MS = 30_000
"""A shot is cut at this length: slides are built up, and cameras pan."""
MIN_SHOT_MS = 400

Differences = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shot:
    """A stretch of a film, and a frame of it in which little moves, in milliseconds."""

    start_ms: int
    end_ms: int
    frame_ms: int


class ShotDetector:
    """Collects what is needed of each frame, about 2 KB, and tells the shots at the end."""

    def __init__(self) -> None:
        """Begin a film."""
        self._times: list[int] = []
        self._colours: list[NDArray[np.float32]] = []
        self._steps: list[float] = []
        self._last: Pixels | None = None

    def add(self, frame: Frame) -> None:
        """Add the next frame, of `WIDTH` by `HEIGHT` pixels."""
        colours = _colours(frame.pixels)
        if self._last is not None:
            apart = _distance(self._colours[-1], colours)
            moved = np.abs(frame.pixels.astype(np.int16) - self._last).mean() / 255
            self._steps.append(apart + 2 * float(moved))
        self._times.append(frame.at_ms)
        self._colours.append(colours)
        self._last = frame.pixels

    def shots(self, end_ms: int) -> list[Shot]:
        """Return the shots of all frames; the last one ends at `end_ms`."""
        if not self._times:
            return []
        steps = np.asarray(self._steps)
        starts = sorted({0, *_cuts(steps), *self._gradual(steps)})
        starts = self._without_tiny(starts, end_ms)
        bounds = [*starts, len(self._times)]
        return [
            shot
            for first, behind in itertools.pairwise(bounds)
            for shot in self._split(first, behind, end_ms, steps)
        ]

    def _gradual(self, steps: Differences) -> Iterator[int]:
        """Yield the middle of each stretch in which a shot turns into another without a cut."""
        lag = round(GRADUAL_MS * SAMPLED_FPS / 1000)
        cuts = set(_cuts(steps))
        at = 0
        while at + lag < len(self._times):
            has_cut = any(number in cuts for number in range(at - 2, at + lag + 3))
            apart = _distance(self._colours[at], self._colours[at + lag])
            if not has_cut and apart > GRADUAL_DIFFERENCE and _still(steps, at, at + lag):
                yield at + lag // 2
                at += lag
            at += 1

    def _without_tiny(self, starts: Sequence[int], end_ms: int) -> list[int]:
        """Return the starts without those whose shot is too short to be seen."""
        kept = [starts[0]]
        for start in starts[1:]:
            if self._times[start] - self._times[kept[-1]] >= MIN_SHOT_MS:
                kept.append(start)
        if len(kept) > 1 and end_ms - self._times[kept[-1]] < MIN_SHOT_MS:
            kept.pop()
        return kept

    def _split(self, first: int, behind: int, end_ms: int, steps: Differences) -> Iterator[Shot]:
        """Yield the shot from frame `first` on in pieces of at most `MAX_SHOT_MS`."""
        begin = self._times[first]
        end = self._times[behind] if behind < len(self._times) else max(end_ms, begin + 1)
        pieces = max(1, -(-(end - begin) // MAX_SHOT_MS))
        for number in range(pieces):
            start = begin + (end - begin) * number // pieces
            stop = begin + (end - begin) * (number + 1) // pieces
            yield Shot(start, stop, self._stillest(start, stop, steps))

    def _stillest(self, start_ms: int, end_ms: int, steps: Differences) -> int:
        """Return the time of the frame in the middle half that differs least from the next ones."""
        quarter = (end_ms - start_ms) / 4
        inside = [
            at
            for at, ms in enumerate(self._times)
            if start_ms + quarter <= ms <= end_ms - quarter and 0 < at < len(steps)
        ]
        if not inside:
            return (start_ms + end_ms) // 2
        return self._times[min(inside, key=lambda at: (steps[at - 1] + steps[at], -at))]


def detect_shots(frames: Iterable[Frame], end_ms: int) -> list[Shot]:
    """Return the shots of a film that is sampled at `SAMPLED_FPS` and ends at `end_ms`."""
    detector = ShotDetector()
    for frame in frames:
        detector.add(frame)
    return detector.shots(end_ms)


def _cuts(steps: Differences) -> list[int]:
    """Return the numbers of the frames that begin a shot after a cut."""
    around = int(SAMPLED_FPS / 3) + 1
    found = []
    for at in np.flatnonzero(steps > MIN_DIFFERENCE):
        low, high = max(0, at - around), min(len(steps), at + around + 1)
        others = np.concatenate([steps[low:at], steps[at + 1 : high]])
        mean = float(others.mean()) if len(others) else 0.0
        if steps[at] >= steps[low:high].max() and steps[at] > MIN_RATIO * mean:
            found.append(int(at) + 1)
    return found


def _still(steps: Differences, first: int, last: int) -> bool:
    """Return whether little moves right before and right behind a stretch."""
    before, behind = steps[max(0, first - 3) : first], steps[last : last + 3]
    inside = steps[first:last].mean()
    edges = [edge.mean() for edge in (before, behind) if len(edge)]
    return all(edge < max(STILL_DIFFERENCE, inside / 2) for edge in edges)


def _colours(pixels: Pixels) -> NDArray[np.float32]:
    """Return the square roots of the shares of 512 colours in each quarter of a frame."""
    codes = pixels >> 5
    code = codes[..., 0].astype(np.int64) * 64 + codes[..., 1] * 8 + codes[..., 2]
    middle, centre = pixels.shape[0] // 2, pixels.shape[1] // 2
    rows = (code[:middle], code[middle:])
    quarters = [half for row in rows for half in (row[:, :centre], row[:, centre:])]
    counts = [np.bincount(quarter.ravel(), minlength=512) / quarter.size for quarter in quarters]
    roots: NDArray[np.float32] = np.sqrt(np.stack(counts)).astype(np.float32)
    return roots


def _distance(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Return the mean Hellinger distance, squared, of the colours of two frames: 0 to 1."""
    return float(1 - (one * other).sum(1).mean())
