from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from chalicelib.errors import InvalidInput
from chalicelib.inference.image_files import FORMATS, MAX_PIXELS, check_total_pixels, fit_square
from chalicelib.inference.pixels import PixelScale
from tests.soak import often

HEIC = Path(__file__).parents[2] / "data" / "pictures" / "notice.heic"
RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)
CHANCE = np.random.default_rng(0)


def saved(picture: Image.Image, kind: str = "PNG", **how: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, format=kind, **how)
    return written.getvalue()


def noise(side: int = 8) -> np.ndarray:
    return CHANCE.integers(0, 256, (side, side, 3), np.uint8)


def test_a_picture_of_the_model_s_size_should_go_in_to_the_pixel() -> None:
    pixels = noise()
    assert np.array_equal(fit_square(saved(Image.fromarray(pixels)), 8, 3, "images.0"), pixels)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_should_be_read(kind: str) -> None:
    found = fit_square(saved(Image.new("RGB", (20, 20), RED), kind), 8, 3, "images.0")
    assert found.shape == (8, 8, 3)
    assert np.abs(found.astype(int) - RED).max() <= 3


def test_a_picture_of_a_phone_should_be_read() -> None:
    assert fit_square(HEIC.read_bytes(), 8, 3, "images.0").min() > 100


def test_what_is_transparent_should_lie_on_white() -> None:
    half = Image.new("RGBA", (8, 8), (255, 0, 0, 128))
    assert fit_square(saved(half), 8, 3, "images.0")[0, 0].tolist() == [255, 127, 127]
    indexed = Image.new("P", (8, 8), 0)
    indexed.putpalette([10, 20, 30])
    found = fit_square(saved(indexed, "GIF", transparency=0), 8, 3, "images.0")
    assert (found == 255).all()


def test_a_long_picture_should_lie_whole_in_the_middle_of_white() -> None:
    found = fit_square(saved(Image.new("RGB", (16, 8), BLUE)), 8, 3, "images.0")
    assert (found[[0, 1, 6, 7]] == WHITE).all()
    assert (found[2:6] == BLUE).all()
    thin = fit_square(saved(Image.new("RGB", (3000, 1), BLUE)), 8, 3, "images.0")
    assert ((thin != WHITE).any(axis=2).any(axis=1)).sum() == 1


def test_a_picture_should_be_turned_as_its_exif_says() -> None:
    pixels = np.full((8, 8, 3), 255, np.uint8)
    pixels[:, :4] = RED
    exif = Image.Exif()
    exif[0x0112] = 6
    found = fit_square(saved(Image.fromarray(pixels), "PNG", exif=exif), 8, 3, "images.0")
    assert (found[:4] == RED).all()
    assert (found[4:] == WHITE).all()


def test_of_a_film_the_first_frame_should_be_seen() -> None:
    frames = [Image.new("RGB", (8, 8), each) for each in (RED, BLUE)]
    film = saved(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (fit_square(film, 8, 3, "images.0") == RED).all()


@pytest.mark.parametrize(
    ("mode", "colour", "seen"),
    [("L", 77, (77,) * 3), ("1", 1, WHITE), ("CMYK", (0, 255, 255, 0), RED)],
)
def test_other_ways_to_write_colours_should_be_read(mode: str, colour: Any, seen: Any) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    found = fit_square(saved(Image.new(mode, (8, 8), colour), kind), 8, 3, "images.0")
    assert np.abs(found.astype(int) - seen).max() <= 3


def test_sixteen_bits_of_grey_should_become_eight() -> None:
    deep = Image.fromarray(np.full((8, 8), 0x8040, np.uint16))
    assert (fit_square(saved(deep), 8, 3, "images.0") == 0x80).all()


def test_a_model_of_one_channel_should_see_grey() -> None:
    found = fit_square(saved(Image.new("RGB", (8, 8), WHITE)), 4, 1, "images.0")
    assert found.shape == (4, 4, 1)
    assert (found == 255).all()


def bomb(side: int) -> bytes:
    """Return a small PNG that says it is huge, and is."""
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 1) * side), 9)
    chunks = ((b"IHDR", header), (b"IDAT", rows), (b"IEND", b""))
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize("side", [7_200, 20_000])
def test_a_bomb_should_be_refused_before_it_is_unpacked(side: int) -> None:
    data = bomb(side)
    assert len(data) < 100_000
    with pytest.raises(InvalidInput) as refused:
        fit_square(data, 8, 3, "images.0")
    assert refused.value.field == "images.0"
    assert refused.value.limit == f"{MAX_PIXELS} pixels"


def test_many_large_pictures_should_be_refused_together() -> None:
    large = bomb(4_000)
    check_total_pixels([large, large, large, b"none"], "images")
    with pytest.raises(InvalidInput, match="64,000,000 pixels in 4 pictures") as refused:
        check_total_pixels([large] * 4, "images")
    assert (refused.value.field, refused.value.limit) == ("images", f"{MAX_PIXELS} pixels")


@pytest.mark.parametrize("data", [b"", b"no picture", saved(Image.new("RGB", (9, 9)), "BMP")])
def test_what_is_no_picture_should_be_the_caller_s_mistake(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^images\.2 is no picture") as refused:
        fit_square(data, 8, 3, "images.2")
    assert refused.value.field == "images.2"


WHOLE = {kind: saved(Image.fromarray(noise(24)), kind) for kind in FORMATS} | {
    "HEIF": HEIC.read_bytes()
}


@given(st.data(), st.sampled_from(sorted(WHOLE)))
@settings(max_examples=often(300, 75), deadline=None)
def test_a_spoilt_file_should_be_read_or_refused(data: st.DataObject, kind: str) -> None:
    spoilt = bytearray(WHOLE[kind])
    for _ in range(data.draw(st.integers(0, 4))):
        spoilt[data.draw(st.integers(0, len(spoilt) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(spoilt[: data.draw(st.integers(0, len(spoilt)))])
    found: object
    try:
        found = fit_square(cut, 8, 3, "images.0").shape
    except InvalidInput as refused:
        found = refused.field
    assert found in {(8, 8, 3), "images.0"}


def test_pixels_should_become_numbers_as_training_scales_them() -> None:
    pixels = noise()
    numbers = PixelScale(8, 3, -1.0, 1.0).to_floats(pixels[None])
    wanted = pixels[None].astype(np.float32).transpose(0, 3, 1, 2) / 127.5 - 1
    assert np.abs(numbers - wanted).max() < 1e-6
    assert np.array_equal(PixelScale(8, 3, -1.0, 1.0).to_pixels(numbers, 1), pixels[None])
