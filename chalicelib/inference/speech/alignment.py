"""Times of words, from where the decoder attends to in the sound while it says each of them.

Some heads of attention follow the sound. Dynamic time warping finds the way through their shares
that never goes back. https://github.com/openai/whisper/blob/v20240930/whisper/timing.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.speech.mel import Floats
from chalicelib.inference.speech.tokens import TIME_STEP_MS, TokenWord
from chalicelib.inference.speech.whisper import DecoderState, WhisperModel

_SMOOTHED = 7
"""Frames of the median filter."""
LATENCY_MS = 80
"""The delay of the decoder's attention to a word; measured on synthesised voices."""
MAX_WORD_MS = 1_500
"""Longer than any word is spoken: what lasts longer has a pause in it."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word with its time in milliseconds; `probability` is its tokens' on average."""

    text: str
    start_ms: int
    end_ms: int
    probability: float


def word_times(
    model: WhisperModel,
    state: DecoderState,
    marks: Sequence[int],
    words: Sequence[TokenWord],
    duration_ms: int,
) -> list[TimedWord]:
    """Return the words of a window with their times in it.

    Args:
        model: the model that made `state`.
        state: of a decoder that has said nothing; it stays as it is.
        marks: the start, the language and the task.
        words: those that were said in the window.
        duration_ms: how much of the window is sound; the rest is silence behind it.
    """
    text = [token for word in words for token in word.tokens]
    if not text:
        return []
    before = [*marks, model.tokens.no_times]
    output = model.decode(replace(state), [*before, *text, model.tokens.end])
    frames = max(1, min(duration_ms // TIME_STEP_MS, output.alignment.shape[2]))
    attended = _smoothed(_standardised(output.alignment[:, :, :frames]))
    rows, columns = warp(-attended.mean(axis=0)[len(before) :])
    first = np.flatnonzero(np.diff(rows, prepend=-1))
    starts = np.maximum(columns[first] * TIME_STEP_MS - LATENCY_MS, 0)
    chances = _chances(output.logits[len(before) - 1 : -2], text)
    bounds = [0, *accumulate(len(word.tokens) for word in words)]
    return [
        _bounded(
            TimedWord(
                word.text,
                int(starts[begin]),
                int(starts[end]),
                float(chances[begin:end].mean()),
            ),
            words[number - 1].text if number else "",
        )
        for number, (word, begin, end) in enumerate(
            zip(words, bounds[:-1], bounds[1:], strict=True)
        )
    ]


def _bounded(word: TimedWord, before: str) -> TimedWord:
    """Return a word no longer than one is spoken.

    After the end of a sentence the pause is before the word, otherwise behind it.
    """
    if word.end_ms - word.start_ms <= MAX_WORD_MS:
        return word
    if not before or before.rstrip()[-1:] in ".?!。？！":  # noqa: RUF001 - marks of other scripts
        return replace(word, start_ms=word.end_ms - MAX_WORD_MS)
    return replace(word, end_ms=word.start_ms + MAX_WORD_MS)


def _chances(logits: Floats, tokens: Sequence[int]) -> NDArray[np.float64]:
    """Return the probability of each token, (n,), from the logits before it, (n, vocabulary)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    totals = np.exp(shifted).sum(axis=1)
    said = np.exp(shifted[np.arange(len(tokens)), list(tokens)])
    chances: NDArray[np.float64] = (said / totals).astype(np.float64)
    return chances


def _standardised(shares: Floats) -> Floats:
    """Bring the shares of each head and frame to mean 0 and deviation 1 over the tokens."""
    shares = shares / np.maximum(shares.sum(axis=2, keepdims=True), np.finfo(np.float32).tiny)
    deviation = np.maximum(shares.std(axis=1, keepdims=True), np.finfo(np.float32).tiny)
    standard: Floats = (shares - shares.mean(axis=1, keepdims=True)) / deviation
    return standard


def _smoothed(shares: Floats) -> Floats:
    """Replace each value by the median of those around it in time."""
    half = _SMOOTHED // 2
    if shares.shape[2] <= half:
        return shares
    mirrored = np.pad(shares, ((0, 0), (0, 0), (half, half)), mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(mirrored, _SMOOTHED, axis=2)
    smooth: Floats = np.partition(windows, half, axis=3)[..., half]
    return smooth


def warp(costs: NDArray[np.floating]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cheapest way through a matrix of costs, from its first to its last corner.

    A step goes down, right, or both. Returned are the row and the column of each place on the way.
    Of a row, the best way from the left is S_j + min over k <= j of (up_k - S_(k-1)), S the running
    sum of its costs: a running minimum, in place of a loop over columns.
    """
    matrix = np.asarray(costs, np.float64)
    height, width = matrix.shape
    down = np.zeros((height, width), np.int8)
    above = np.full(width + 1, np.inf)
    above[0] = 0.0
    for row in range(height):
        entered = np.minimum(above[:-1], above[1:])
        sums = matrix[row].cumsum()
        offsets = entered - (sums - matrix[row])
        best = np.minimum.accumulate(offsets)
        down[row] = np.where(offsets <= best, np.where(above[:-1] <= above[1:], 2, 1), 0)
        above = np.concatenate([[np.inf], sums + best])
    return _traced(down)


def _traced(down: NDArray[np.int8]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Follow the steps back: 0 from the left, 1 from above, 2 from both."""
    row, column = down.shape[0] - 1, down.shape[1] - 1
    way = [(row, column)]
    while row or column:
        step = int(down[row, column])
        row -= step > 0
        column -= step != 1
        way.append((row, column))
    rows, columns = zip(*reversed(way), strict=True)
    return np.array(rows, np.int64), np.array(columns, np.int64)
