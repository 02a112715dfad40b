from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import ModelFailure
from chalicelib.inference.speech.voice_activity import (
    FRAME,
    MS,
    Interval,
    SpeechSettings,
    VoiceActivity,
    intervals,
)
from tests.unit.inference.speech.recordings import recording

FRAMES_A_SECOND = 16_000 / FRAME


def probabilities(*stretches: tuple[float, float]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Return so many seconds of each probability."""
    parts = [np.full(round(seconds * FRAMES_A_SECOND), value) for seconds, value in stretches]
    return np.concatenate(parts).astype(np.float32)


def test_speech_is_padded_and_says_so() -> None:
    curve = probabilities((1, 0.0), (2, 0.9), (1, 0.0))
    (found,) = intervals(curve, len(curve) * FRAME, SpeechSettings())
    assert (found.lead, found.tail) == (150 * MS, 150 * MS)
    assert abs(found.start + found.lead - 1000 * MS) <= FRAME
    assert abs(found.end - found.tail - 3000 * MS) <= FRAME


@pytest.mark.parametrize(
    "curve",
    [
        probabilities((1, 0.0), (0.2, 0.9), (1, 0.0)),
        probabilities((3, 0.45)),
        probabilities((2, 0.2)),
    ],
)
def test_a_click_a_murmur_and_noise_are_no_speech(curve: np.ndarray) -> None:
    assert intervals(curve, len(curve) * FRAME, SpeechSettings()) == []


def test_a_short_pause_does_not_part_speech_and_a_long_one_does() -> None:
    short = probabilities((1, 0.9), (0.2, 0.0), (1, 0.9))
    long = probabilities((1, 0.9), (0.5, 0.0), (1, 0.9))
    assert len(intervals(short, len(short) * FRAME, SpeechSettings())) == 1
    assert len(intervals(long, len(long) * FRAME, SpeechSettings())) == 2


def test_long_speech_is_cut_where_it_is_least_likely() -> None:
    curve = probabilities((20, 0.9), (0.1, 0.6), (20, 0.9))
    first, second = intervals(curve, len(curve) * FRAME, SpeechSettings())
    assert first.end == second.start
    assert abs(first.end - 20_000 * MS) < 4 * FRAME


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1, width=32), max_size=300), st.integers(1, FRAME))
def test_intervals_are_in_order_apart_and_within_the_recording(
    curve: list[float], last: int
) -> None:
    samples = max(0, (len(curve) - 1) * FRAME + last)
    found = intervals(np.array(curve, np.float32), samples, SpeechSettings())
    assert all(0 <= each.start < each.end <= samples for each in found)
    assert all(each.lead >= 0 and each.tail >= 0 for each in found)
    assert all(one.end <= other.start for one, other in pairwise(found))


def test_two_sentences_are_found_in_a_recording_and_none_in_noise(models_dir: Path) -> None:
    activity = VoiceActivity.open(models_dir)
    found = activity.speech(recording())
    assert [round(each.start / 16_000) for each in found] == [0, 3]
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * 16_000).astype(np.float32)
    assert activity.speech(noise) == []
    assert activity.speech(np.zeros(0, np.float32)) == []


def test_a_missing_model_names_the_command_that_gets_it(tmp_path: Path) -> None:
    with pytest.raises(ModelFailure, match="headrace models pull silero-vad"):
        VoiceActivity.open(tmp_path)


def test_an_interval_has_a_length() -> None:
    assert Interval(16, 48).samples == 32
