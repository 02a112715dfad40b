"""Pictures as strangers send them: real files of every kind, odd ones, and broken ones."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.image_files import MAX_PIXELS, CroppedImage, center_crop
from tests.soak import often

PICTURES = Path(__file__).parents[2] / "data" / "pictures"
SIDE = 64
RED, BLUE = (255, 0, 0), (0, 0, 255)
ORIENTATION = 0x0112


def look(data: bytes) -> CroppedImage:
    return center_crop(data, side=SIDE, share=1.0)


def pixels(data: bytes) -> NDArray[np.float32]:
    return np.asarray(look(data).image, np.float32)


def encoded(picture: Image.Image, kind: str, **how: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, format=kind, **how)
    return written.getvalue()


def halves() -> Image.Image:
    """Return a square whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", (128, 128), RED)
    picture.paste(BLUE, (64, 0, 128, 128))
    return picture


@pytest.mark.parametrize("file", sorted(PICTURES.glob("*.*g*")), ids=lambda file: file.name)
def test_real_files_are_opened_at_the_size_that_is_asked_for(file: Path) -> None:
    found = look(file.read_bytes())
    assert (found.image.size, found.image.mode) == ((SIDE, SIDE), "RGB")
    kind = {".jpg": "jpeg"}.get(file.suffix, file.suffix[1:])
    assert (found.media_type, found.frames) == (f"image/{kind}", 1)
    assert np.asarray(found.image).std() > 5, "something is seen"


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16"])
@pytest.mark.parametrize("kind", ["PNG", "GIF", "WEBP"])
def test_every_way_of_keeping_a_pixel_is_read(mode: str, kind: str) -> None:
    if mode == "I;16":
        if kind != "PNG":
            pytest.skip("only PNG has 16 bits a sample")
        deep = np.linspace(0, 65_535, 128 * 128).astype(np.uint16).reshape(128, 128)
        found = pixels(encoded(Image.fromarray(deep), "PNG"))
        assert (found[0].mean(), found[-1].mean()) == (
            pytest.approx(2, abs=3),
            pytest.approx(253, abs=3),
        )
        return
    saved = {("PA", "PNG"): "P", ("PA", "GIF"): "P"}.get((mode, kind), mode)
    grey = halves().convert("L").convert(saved)
    found = pixels(encoded(grey, kind))
    expected = np.asarray(grey.convert("RGB").resize((SIDE, SIDE)), np.float32)
    assert np.abs(found - expected).mean() < 12


@pytest.mark.parametrize(
    ("orientation", "corner"),
    [(1, "red"), (2, "blue"), (3, "blue"), (4, "red"), (5, "red"), (6, "red"), (7, "blue")],
)
def test_a_picture_is_turned_the_way_that_its_file_says(orientation: int, corner: str) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    found = pixels(encoded(halves(), "JPEG", exif=exif, quality=95))
    at = found[8, 8]
    seen = "red" if at[0] > at[2] else "blue"
    assert seen == corner
    top, bottom = found[:24].mean(axis=(0, 1)), found[-24:].mean(axis=(0, 1))
    lies = orientation in (5, 6, 7, 8)
    assert (abs(top[0] - bottom[0]) > 100) == lies, (
        "turned by a quarter, halves lie one on the other"
    )


def test_what_can_be_seen_through_stands_before_white() -> None:
    clear = Image.new("RGBA", (128, 128), (255, 0, 0, 0))
    assert pixels(encoded(clear, "PNG")).mean() == 255
    palette = halves().quantize(4)
    clear_red = pixels(encoded(palette, "PNG", transparency=palette.getpixel((0, 0))))
    assert clear_red[32, 8].tolist() == [255, 255, 255]
    assert clear_red[32, 56] == pytest.approx(BLUE, abs=12)
    half = Image.new("RGBA", (128, 128), (0, 0, 0, 128))
    assert pixels(encoded(half, "WEBP", lossless=True)).mean() == pytest.approx(127, abs=2)


def test_four_inks_are_read_as_three_lights() -> None:
    found = pixels(encoded(halves().convert("CMYK"), "JPEG", quality=95))
    assert found[32, 8] == pytest.approx(RED, abs=12)
    assert found[32, 56] == pytest.approx(BLUE, abs=12)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_what_moves_the_first_frame_is_taken_and_all_are_counted(kind: str) -> None:
    frames = [Image.new("RGB", (128, 128), colour) for colour in (RED, BLUE, (0, 255, 0))]
    found = look(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
    assert found.frames == 3
    assert np.asarray(found.image)[0, 0].tolist() == pytest.approx(RED, abs=12)


def test_a_jpeg_behind_which_a_camera_put_others_is_a_jpeg() -> None:
    written = io.BytesIO()
    other = Image.new("RGB", (16, 16), "blue")
    Image.new("RGB", (16, 16), "red").save(written, "MPO", save_all=True, append_images=[other])
    found = center_crop(written.getvalue(), side=8, share=1.0)
    assert (found.media_type, found.frames) == ("image/jpeg", 1)
    red, _, blue = found.image.tobytes()[:3]
    assert red > 200 > blue


def test_the_middle_of_the_shorter_side_is_looked_at() -> None:
    wide = Image.new("RGB", (512, 128), BLUE)
    wide.paste(RED, (192, 0, 320, 128))
    assert pixels(encoded(wide, "PNG"))[:, 2:-2].mean(axis=(0, 1)) == pytest.approx(RED, abs=3)


def png_that_claims(width: int, height: int) -> bytes:
    """Return a PNG of few bytes whose header says that it has so many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    data = zlib.compress(bytes(4_000_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("width", "height"), [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (7_100, 7_100)]
)
def test_a_picture_that_would_fill_the_memory_is_refused_by_its_header(
    width: int, height: int
) -> None:
    words = "50,000,000 in all are read. Save it smaller"
    with pytest.raises(InvalidInput, match=words) as refused:
        look(png_that_claims(width, height))
    assert refused.value.limit == f"{MAX_PIXELS} pixels"


def broken() -> Iterator[bytes]:
    """Yield files that end early, and such as bear a mark and nothing else."""
    for name in ("chelsea.png", "rocket.jpg", "coffee.webp", "horse.gif"):
        whole = (PICTURES / name).read_bytes()
        for part in (40, 200, len(whole) // 2):
            yield whole[:part]
    yield png_that_claims(1_000, 1_001)


@pytest.mark.parametrize("data", list(broken()), ids=lambda data: f"{data[:4]!r} of {len(data)}")
def test_a_damaged_picture_is_its_owner_s_to_mend(data: bytes) -> None:
    with pytest.raises((InvalidInput, Unsupported), match=r"damaged|no picture that is read"):
        look(data)


@pytest.mark.parametrize("data", [b"", b"no picture", b"%PDF-1.7", b"II*\x00" + bytes(99)])
def test_what_is_no_picture_is_unsupported(data: bytes) -> None:
    with pytest.raises(Unsupported, match="save it as PNG, JPEG, WebP, GIF or TIFF"):
        look(data)


@settings(max_examples=often(60, 15), deadline=None)
@given(
    st.sampled_from(["chelsea.png", "rocket.jpg", "coffee.webp", "horse.gif"]),
    st.lists(st.tuples(st.integers(0, 4_000), st.integers(0, 255)), min_size=1, max_size=8),
)
def test_whatever_is_changed_in_a_file_it_is_opened_or_refused_in_our_words(
    name: str, changes: list[tuple[int, int]]
) -> None:
    data = bytearray((PICTURES / name).read_bytes())
    for at, value in changes:
        data[at] = value
    with suppress(InvalidInput, Unsupported):
        assert look(bytes(data)).image.size == (SIDE, SIDE)
