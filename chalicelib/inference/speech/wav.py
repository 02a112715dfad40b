"""Sound of WAV files, and of bare samples, as mono at 16 kHz.

Whole numbers of 8 to 32 bits and floating-point numbers are read, of any rate and number of
channels. http://soundfile.sapp.org/doc/WaveFormat/;
https://learn.microsoft.com/windows/win32/api/mmreg/ns-mmreg-waveformatextensible
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.speech.mel import RATE, Samples

_HEADER = 12
_CHUNK = 8
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_SUBFORMAT = 24
"""Offset of the kind of samples in the `fmt ` chunk of an extensible format."""
_MIN_RATE, _MAX_RATE = 4_000, 192_000
_MAX_CHANNELS = 16
_TAPS = 16
"""Zero crossings of the low pass on either side."""
_BETA = 8.0
"""Shape of the Kaiser window of the low pass: side lobes of -80 dB."""
_MAX_PHASES = 1_024
"""Places between two samples that have weights of their own; of odd rates the nearest is taken."""
_AT_ONCE = 1 << 16
"""Samples that are computed at once."""


@dataclass(frozen=True, slots=True)
class _Format:
    """The format of samples: `kind` is `_PCM`, of whole numbers, or `_FLOAT`."""

    kind: int
    channels: int
    rate: int
    bits: int


def wav_samples(data: bytes, max_seconds: float, field: str = "file") -> Samples:
    """Return the sound of a WAV file, (samples,): mono, 16 kHz.

    A file whose header claims more than there is is read as far as it goes.

    Raises:
        InvalidInput: it is no WAV file, is damaged or silent of samples, or is too long.
        Unsupported: its samples are compressed.
    """
    if len(data) < _HEADER or data[:4] not in (b"RIFF", b"RF64") or data[8:12] != b"WAVE":
        raise InvalidInput("The file is no WAV file.", field=field)
    form: _Format | None = None
    for name, body in _chunks(data):
        if name == b"fmt ":
            form = _format(body, field)
        elif name == b"data":
            if form is None:
                break
            frames = len(body) // (form.channels * form.bits // 8)
            if frames > max_seconds * form.rate:
                raise InvalidInput(
                    f"The recording lasts {frames / form.rate:.0f} s, and may last"
                    f" {max_seconds:.0f} s.",
                    field=field,
                    limit=f"{max_seconds:.0f} s",
                )
            if not frames:
                raise InvalidInput("The WAV file has no samples.", field=field)
            return resampled(_mono(body, form, frames), form.rate)
    raise InvalidInput("The WAV file is damaged: it has no format, or no samples.", field=field)


def pcm_samples(data: bytes) -> Samples:
    """Return sound of 16 bits, mono, 16 kHz, as its bytes are, without a header."""
    whole = np.frombuffer(data, "<i2", len(data) // 2)
    return np.asarray(whole, np.float32) / np.float32(1 << 15)


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    """Yield the name and the content of each chunk, the last one as far as it goes."""
    at, view = _HEADER, memoryview(data)
    while at + _CHUNK <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        yield name, view[at + _CHUNK : at + _CHUNK + size]
        at += _CHUNK + size + size % 2


def _format(body: memoryview, field: str) -> _Format:
    try:
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
        if kind == _EXTENSIBLE:
            (kind,) = struct.unpack_from("<H", body, _SUBFORMAT)
    except struct.error as error:
        raise InvalidInput(
            "The WAV file is damaged: its format is cut off.", field=field
        ) from error
    known = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
    if bits not in known.get(kind, ()):
        raise Unsupported(
            f"The WAV file has samples of format {kind} and {bits} bits; whole numbers of 8, 16, 24"
            " or 32 bits and floating-point ones of 32 or 64 are read.",
            field=field,
        )
    if not 1 <= channels <= _MAX_CHANNELS or not _MIN_RATE <= rate <= _MAX_RATE:
        raise InvalidInput(
            f"The WAV file has {channels} channels at {rate} Hz; 1 to {_MAX_CHANNELS} at"
            f" {_MIN_RATE} to {_MAX_RATE} Hz are read.",
            field=field,
        )
    return _Format(kind, channels, rate, bits)


def _mono(body: memoryview, form: _Format, frames: int) -> NDArray[np.float32]:
    """Return the mean of all channels, from -1 to 1; what is no number is silence."""
    width = form.bits // 8
    content = body[: frames * form.channels * width]
    if form.kind == _FLOAT:
        values = np.frombuffer(content, f"<f{width}").astype(np.float32)
        values = np.clip(np.nan_to_num(values, nan=0.0), -1.0, 1.0)
    elif form.bits == 8:
        values = np.frombuffer(content, np.uint8).astype(np.float32)
        values = values / np.float32(128) - np.float32(1)
    elif form.bits == 24:
        three = np.frombuffer(content, np.uint8).reshape(-1, 3)
        four = np.zeros((len(three), 4), np.uint8)
        four[:, 1:] = three
        values = four.reshape(-1).view("<i4").astype(np.float32) / np.float32(1 << 31)
    else:
        values = np.frombuffer(content, f"<i{width}").astype(np.float32)
        values /= np.float32(1 << (form.bits - 1))
    mixed: NDArray[np.float32] = values.reshape(frames, form.channels).mean(axis=1)
    return mixed.astype(np.float32)


def resampled(samples: Samples, rate: int) -> Samples:
    """Return sound of `rate` samples a second at 16 kHz, by a windowed sinc of 80 dB."""
    if rate == RATE:
        return samples
    common = math.gcd(rate, RATE)
    up, down = RATE // common, rate // common
    cutoff = min(1.0, RATE / rate)
    reach = math.ceil(_TAPS / cutoff)
    padded = np.pad(samples, reach)
    count = len(samples) * up // down
    phases = min(up, _MAX_PHASES)
    filters = np.stack([_low_pass(phase / phases, reach, cutoff) for phase in range(phases)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach)
    found = np.empty(count, np.float32)
    for first in range(0, count, _AT_ONCE):
        at = np.arange(first, min(count, first + _AT_ONCE)) * down
        found[first : first + len(at)] = np.einsum(
            "nk,nk->n", windows[at // up + 1], filters[at % up * phases // up]
        )
    return found


def _low_pass(offset: float, reach: int, cutoff: float) -> NDArray[np.float32]:
    """Return the weights of the `2 * reach` samples around a place `offset` behind a sample."""
    distance = np.arange(1 - reach, reach + 1) - offset
    window = np.i0(_BETA * np.sqrt(np.maximum(0.0, 1 - (distance / reach) ** 2))) / np.i0(_BETA)
    weights = np.sinc(distance * cutoff) * window
    scaled: NDArray[np.float32] = (weights / weights.sum()).astype(np.float32)
    return scaled
