"""Frames of films at given times."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chalicelib.errors import InvalidInput
from chalicelib.media.frames import fitted_size, jpeg_at, sample_frames
from tests.media_files import TONE, encode

COLOURS = (
    "[0:v]trim=0:1,setpts=PTS-STARTPTS[a];[1:v]trim=0:1,setpts=PTS-STARTPTS[b];[a][b]concat=n=2"
)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Return a film of one second of red at 30 frames a second, and one of blue at 5."""
    red = ("-f", "lavfi", "-i", "color=red:s=64x48:r=30:d=1")
    blue = ("-f", "lavfi", "-i", "color=blue:s=64x48:r=5:d=1")
    return encode(tmp_path / "vfr.mkv", *red, *blue, "-filter_complex", COLOURS, "-fps_mode", "vfr")


def test_a_variable_rate_is_sampled_at_a_constant_one(film: Path) -> None:
    frames = list(sample_frames(film, 10, (8, 6)))

    red = [frame.at_ms for frame in frames if frame.pixels[..., 0].mean() > 128]
    assert [frame.at_ms for frame in frames] == list(range(0, 2000, 100))
    assert red == list(range(0, 1000, 100))
    assert frames[0].pixels.shape == (6, 8, 3)


def test_a_part_of_a_film_keeps_its_times(film: Path) -> None:
    frames = list(sample_frames(film, 10, (8, 6), start_ms=800, end_ms=1_300))

    assert [frame.at_ms for frame in frames] == [800, 900, 1_000, 1_100, 1_200]
    assert [frame.pixels[..., 0].mean() > 128 for frame in frames] == [True] * 2 + [False] * 3


def test_a_frame_is_that_of_its_time(film: Path) -> None:
    colours = [
        np.asarray(Image.open(io.BytesIO(jpeg_at(film, at, 64, 48)))).mean((0, 1))
        for at in (0, 1_400)
    ]

    assert np.allclose(colours[0], (254, 0, 0), atol=4)
    assert np.allclose(colours[1], (0, 0, 254), atol=4)
    assert jpeg_at(film, 9_000, 64, 48) == b""


def test_sound_has_no_frames(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", *TONE)

    with pytest.raises(InvalidInput, match="Decoding the film failed"):
        list(sample_frames(path, 10, (8, 6)))


@pytest.mark.parametrize(
    ("size", "fitted"),
    [((3840, 2160), (1280, 720)), ((320, 240), (320, 240)), ((9000, 1), (1280, 2))],
)
def test_a_frame_is_made_smaller_and_never_larger(
    size: tuple[int, int], fitted: tuple[int, int]
) -> None:
    assert fitted_size(*size, 1280) == fitted
