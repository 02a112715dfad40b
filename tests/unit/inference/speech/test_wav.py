from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.speech.mel import RATE
from chalicelib.inference.speech.wav import pcm_samples, resampled, wav_samples

SECOND = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32) / 2


def wav(body: bytes, kind: int = 1, channels: int = 1, rate: int = RATE, bits: int = 16) -> bytes:
    frame = channels * bits // 8
    form = struct.pack("<HHIIHH", kind, channels, rate, rate * frame, frame, bits)
    if kind == 0xFFFE:
        form += struct.pack("<HHIH14x", 22, bits, 0, 1)
    chunks = b"".join(
        name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2)
        for name, part in ((b"LIST", b"odd"), (b"fmt ", form), (b"data", body))
    )
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def written(bits: int, kind: int = 1) -> bytes:
    if kind == 3:
        return SECOND.astype(f"<f{bits // 8}").tobytes()
    if bits == 8:
        return ((SECOND + 1) * 127.5).astype(np.uint8).tobytes()
    whole = (SECOND * (2 ** (bits - 1) - 1)).astype("<i4")
    if bits == 24:
        return bytes(whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes())
    return bytes(whole.astype(f"<i{bits // 8}").tobytes())


@pytest.mark.parametrize(
    ("kind", "bits"), [(1, 8), (1, 16), (1, 24), (1, 32), (3, 32), (3, 64), (0xFFFE, 16)]
)
def test_samples_of_every_format_are_read(kind: int, bits: int) -> None:
    found = wav_samples(wav(written(bits, kind), kind, bits=bits), 10)
    assert len(found) == RATE
    assert np.abs(found - SECOND).max() < (0.02 if bits == 8 else 1e-4)


def test_channels_are_mixed() -> None:
    both = np.stack([SECOND, np.zeros_like(SECOND)], axis=1)
    found = wav_samples(wav((both * 32767).astype("<i2").tobytes(), channels=2), 10)
    assert np.abs(found - SECOND / 2).max() < 1e-4


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 15_999])
def test_a_tone_keeps_its_pitch_and_loudness_at_another_rate(rate: int) -> None:
    given_tone = np.sin(2 * np.pi * 1000 * np.arange(rate) / rate).astype(np.float32)
    found = resampled(given_tone, rate)
    expected = np.sin(2 * np.pi * 1000 * np.arange(len(found)) / RATE)
    assert abs(len(found) - RATE) <= 1
    assert np.abs(found - expected)[200:-200].max() < 2e-3


def test_what_is_too_high_for_the_new_rate_is_silent() -> None:
    high = np.sin(2 * np.pi * 11_000 * np.arange(48_000) / 48_000).astype(np.float32)
    assert np.abs(resampled(high, 48_000))[200:-200].max() < 1e-4


def test_a_file_that_claims_more_than_it_has_is_read_as_far_as_it_goes() -> None:
    assert len(wav_samples(wav(written(16))[: -RATE * 2 + 3200], 10)) == 1600


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no WAV file"),
        (b"ID3\x04 an MP3 file it seems", "no WAV file"),
        (b"RIFF\0\0\0\0WAVE", "damaged"),
        (wav(b""), "no samples"),
        (wav(written(16), rate=1), "1 channels at 1 Hz"),
        (wav(written(16), channels=99), "99 channels"),
        (wav(written(16) * 11), "lasts 11 s, and may last 10 s"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(data: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as caught:
        wav_samples(data, 10)
    assert caught.value.field == "file"


def test_compressed_samples_are_not_supported() -> None:
    with pytest.raises(Unsupported, match="format 85"):
        wav_samples(wav(b"\0" * 100, kind=85), 10)


@given(st.binary(max_size=80), st.integers(0, 60))
def test_noise_is_refused_and_never_breaks(noise: bytes, at: int) -> None:
    file = bytearray(wav(written(16)[:200]))
    file[at : at + len(noise)] = noise
    try:
        found = wav_samples(bytes(file), 10)
    except (InvalidInput, Unsupported):
        return
    assert np.isfinite(found).all()


def test_bare_samples_are_read() -> None:
    assert pcm_samples(b"\x00\x40\x00\xc0\x01").tolist() == [0.5, -0.5]
