"""Mel spectrograms of speech, as Whisper and the speaker encoder were trained on.

Frames of 25 ms every 10 ms under a Hann window; triangular filters on Slaney's mel scale, each of
area one. https://github.com/openai/whisper/blob/v20240930/whisper/audio.py;
https://librosa.org/doc/0.10.2/generated/librosa.filters.mel.html
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples a second of all speech."""
WINDOW_S = 30
"""Seconds that Whisper hears at once."""
HOP = 160
_FFT = 400
_LEAST = 1e-10
_RANGE = 8.0
"""Powers of ten below the loudest that are told apart."""
_LINEAR_HZ, _LINEAR_MEL = 1_000.0, 15.0
"""Below, the scale is linear: 200 / 3 Hz a mel."""
_LOG_STEP = math.log(6.4) / 27

Samples = NDArray[np.float32]
"""Sound, (samples,): mono, 16 kHz, from -1 to 1."""
Floats = NDArray[np.float32]


def log_mel(samples: Samples, mels: int) -> Floats:
    """Return Whisper's input for up to 30 s of sound, (1, mels, 3000), silence behind it."""
    padded = np.zeros(WINDOW_S * RATE, np.float32)
    padded[: len(samples)] = samples[: len(padded)]
    power = mel_power(padded, mels)[:, : WINDOW_S * RATE // HOP]
    logarithms = np.log10(np.maximum(power, _LEAST))
    logarithms = np.maximum(logarithms, logarithms.max() - _RANGE)
    scaled: Floats = ((logarithms + 4.0) / 4.0).astype(np.float32)
    return scaled[None]


def mel_power(samples: Samples, mels: int) -> Floats:
    """Return the power of each mel in each frame, (mels, 1 + samples // 160).

    A frame is centred on its time; sound is mirrored at both ends.
    """
    mirrored = np.pad(samples, _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(mirrored, _FFT)[::HOP]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    filtered: Floats = mel_filters(mels) @ power.T
    return filtered


@functools.cache
def _hann() -> Floats:
    """Return a periodic Hann window."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
    return window.astype(np.float32)


@functools.cache
def mel_filters(mels: int) -> Floats:
    """Return the share of each frequency in each mel, (mels, 201)."""
    frequencies = np.fft.rfftfreq(_FFT, 1 / RATE)
    corners = _hertz(np.linspace(0.0, _mel(RATE / 2), mels + 2))
    widths = np.diff(corners)
    ramps = corners[:, None] - frequencies[None, :]
    rising = -ramps[:-2] / widths[:-1, None]
    falling = ramps[2:] / widths[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling))
    filters *= (2.0 / (corners[2:] - corners[:-2]))[:, None]
    return filters.astype(np.float32)


def _mel(hertz: float) -> float:
    return _LINEAR_MEL + math.log(hertz / _LINEAR_HZ) / _LOG_STEP


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * (_LINEAR_HZ / _LINEAR_MEL)
    higher = _LINEAR_HZ * np.exp(_LOG_STEP * (mels - _LINEAR_MEL))
    return np.where(mels < _LINEAR_MEL, linear, higher)
