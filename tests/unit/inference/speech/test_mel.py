from __future__ import annotations

import numpy as np
import pytest

from chalicelib.inference.speech.mel import HOP, RATE, log_mel, mel_filters, mel_power

THEIRS = {
    (0, 0): 0.799748,
    (0, 100): -0.560348,
    (10, 5): -0.560348,
    (24, 0): 1.296041,
    (24, 100): 1.142181,
    (25, 150): 1.341125,
    (26, 100): 1.439652,
    (40, 199): 0.011676,
    (50, 60): -0.560348,
    (79, 100): -0.560348,
    (24, 200): 1.169093,
    (24, 201): 0.353014,
    (30, 2999): -0.560348,
}


def tone(hertz: float, seconds: float) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return (0.5 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(
        np.float32
    )


def test_the_spectrogram_is_that_of_faster_whisper() -> None:
    # Values of faster_whisper.feature_extractor.FeatureExtractor 1.2.1 for the same tone.
    found = log_mel(tone(1000, 2.0), 80)
    assert (found.shape, found.dtype) == ((1, 80, 3000), np.dtype(np.float32))
    for (mel, frame), value in THEIRS.items():
        assert found[0, mel, frame] == pytest.approx(value, abs=1e-4)


def test_a_tone_is_loudest_in_the_mel_of_its_frequency() -> None:
    frequencies = np.fft.rfftfreq(400, 1 / RATE)
    for hertz in (300, 1000, 4000):
        loudest = mel_power(tone(hertz, 0.5), 40)[:, 20].argmax()
        assert abs(frequencies[mel_filters(40)[loudest].argmax()] - hertz) < 150


@pytest.mark.parametrize("samples", [HOP, 1600, 16_001])
def test_there_is_a_frame_every_ten_milliseconds(samples: int) -> None:
    assert (
        mel_power(np.ones(max(samples, 201), np.float32), 40).shape[1]
        == 1 + max(samples, 201) // HOP
    )
