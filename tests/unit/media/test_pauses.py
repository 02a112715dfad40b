"""Cutting of sound where it is quietest."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.media.pauses import cut_at_pauses, milliseconds
from chalicelib.media.sound import SAMPLE_RATE

NOISE = np.random.default_rng(7).integers(-8_000, 8_000, 30 * SAMPLE_RATE, dtype=np.int16)


def _with_pauses(*at_ms: int) -> bytes:
    """Return 30 s of noise that is silent for 400 ms around each time."""
    samples = NOISE.copy()
    for at in at_ms:
        samples[(at - 200) * 16 : (at + 200) * 16] = 0
    return samples.astype("<i2").tobytes()


def test_parts_end_in_pauses() -> None:
    sound = _with_pauses(9_000, 17_500, 26_000)

    parts = list(cut_at_pauses([sound], min_ms=5_000, max_ms=10_000))

    ends = np.cumsum([milliseconds(part) for part in parts])
    assert [
        abs(end - at) <= 50 for end, at in zip(ends, (9_000, 17_500, 26_000), strict=False)
    ] == [True] * 3
    assert len(parts) == 4


def test_sound_without_a_pause_is_cut_all_the_same() -> None:
    parts = list(cut_at_pauses([_with_pauses()], min_ms=5_000, max_ms=10_000))

    assert all(5_000 <= milliseconds(part) <= 10_000 for part in parts[:-1])


@given(st.lists(st.integers(1, 20_000), max_size=6), st.integers(2_000, 6_000))
def test_parts_join_to_what_came_in(sizes: list[int], max_ms: int) -> None:
    cuts = np.cumsum([0, *(2 * size for size in sizes)])
    sound = NOISE.astype("<i2").tobytes()
    blocks = [sound[start:end] for start, end in itertools.pairwise(cuts)]

    parts = list(cut_at_pauses(blocks, min_ms=1_000, max_ms=max_ms))

    assert b"".join(parts) == b"".join(blocks)
    assert all(milliseconds(part) <= max_ms for part in parts)
