from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.inference.speech.mel import RATE, WINDOW_S
from chalicelib.inference.speech.voice_activity import MS, Interval
from chalicelib.inference.speech.windows import SpeechWindow, windows

SECOND = RATE


def speech(*seconds: tuple[float, float]) -> list[Interval]:
    return [Interval(int(start * SECOND), int(end * SECOND)) for start, end in seconds]


def test_intervals_are_heard_together_up_to_thirty_seconds() -> None:
    found = list(windows(speech((0, 12), (100, 112), (200, 212), (300, 301))))
    assert [len(window.intervals) for window in found] == [2, 2]
    assert all(window.samples <= WINDOW_S * RATE for window in found)


def test_a_time_in_a_window_is_brought_back_into_the_recording() -> None:
    (window,) = windows(speech((10, 12), (60, 63)))
    assert window.placed(500, 900) == (10_500, 10_900)
    assert window.placed(2_500, 3_000) == (60_500, 61_000)


def test_a_word_is_held_in_the_interval_that_it_shares_most_with() -> None:
    (window,) = windows(speech((10, 12), (60, 63)))
    assert window.placed(1_900, 2_600) == (60_000, 60_600)


def test_nothing_is_said_before_or_behind_a_voice() -> None:
    window = SpeechWindow((Interval(SECOND, 3 * SECOND, lead=2400, tail=1600),))
    assert window.placed(0, 2_000) == (1_150, 2_900)


def test_the_rest_of_a_window_begins_where_it_was_heard_to() -> None:
    (window,) = windows(speech((10, 12), (60, 63)))
    rest = window.after(3_000)
    assert rest.intervals == (Interval(61 * SECOND, 63 * SECOND),)
    sound = np.arange(70 * SECOND, dtype=np.float32)
    assert rest.sound(sound)[0] == 61 * SECOND


@given(
    st.lists(st.tuples(st.integers(1, 400), st.integers(300, 9_000)), min_size=1, max_size=8),
    st.integers(0, 30_000),
    st.integers(0, 3_000),
)
def test_every_word_lies_in_speech(gaps: list[tuple[int, int]], start: int, lasts: int) -> None:
    at, found = 0, []
    for gap, length in gaps:
        found.append(Interval((at + gap) * MS, (at + gap + length) * MS))
        at += gap + length
    for window in windows(found):
        first, last = window.placed(start, start + lasts)
        assert first <= last
        assert any(each.start <= first * MS and last * MS <= each.end for each in window.intervals)
