"""Files of pictures that are made to be odd, or to cost much: all that open any meet them alike."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.image_files import MAX_SCANS, center_crop, check_total_pixels, fit_square
from chalicelib.inference.open_nsfw import preprocess
from tests.soak import often

RED, BLUE = (255, 0, 0), (0, 0, 255)
BYTE, ASCII, SHORT, LONG, UNDEFINED = 1, 2, 3, 4, 7
MAKE, ORIENTATION, X_RESOLUTION, UNIT, WIDTH = 0x010F, 0x0112, 0x011A, 0x0128, 0x0100
LEFT_UP = (ORIENTATION, SHORT, 1, b"\x06\0\0\0")
"""The left side is shown on top."""


def labelled(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(center_crop(data, side=16, share=1.0).image)


seen = partial(fit_square, side=16, channels=3, field="images.0")
READERS = pytest.mark.parametrize(
    "read", [labelled, seen, preprocess], ids=["labelled", "seen", "screened"]
)
Reader = Callable[[bytes], NDArray[Any]]


def encoded(picture: Image.Image, kind: str, **how: object) -> bytes:
    written = io.BytesIO()
    picture.save(written, format=kind, **how)
    return written.getvalue()


def halves(mode: str = "RGB") -> Image.Image:
    """Return a square whose left half is red and whose right half is blue."""
    picture = Image.new("RGB", (64, 64), RED)
    picture.paste(BLUE, (32, 0, 64, 64))
    return picture.convert(mode)


def exif(*entries: tuple[int, int, int, bytes]) -> bytes:
    """Return EXIF of entries, each a tag, a type, a count, and four bytes of value."""
    rows = b"".join(struct.pack("<HHI", *entry[:3]) + entry[3] for entry in entries)
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + rows + bytes(4)


@READERS
@pytest.mark.parametrize(
    "odd",
    [
        (MAKE, UNDEFINED, 4, b"abcd"),
        (MAKE, SHORT, 1, b"\x01\0\0\0"),
        (X_RESOLUTION, ASCII, 4, b"72\0\0"),
        (X_RESOLUTION, UNDEFINED, 4, b"72\0\0"),
        (UNIT, ASCII, 4, b"in\0\0"),
        (WIDTH, ASCII, 3, b"64\0\0"),
    ],
)
def test_what_is_odd_in_exif_stops_no_picture(
    odd: tuple[int, int, int, bytes], read: Reader
) -> None:
    data = encoded(halves(), "JPEG", exif=exif(LEFT_UP, odd), quality=95)
    found, plain = read(data), read(encoded(halves(), "JPEG", quality=95))
    turned = plain if read is preprocess else np.rot90(plain, 3)
    assert np.abs(found.astype(float) - turned.astype(float)).max() < 12


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "I;16"])
def test_a_picture_is_turned_before_its_mode_is_changed(mode: str) -> None:
    grey = np.repeat(np.array([[0, 65_535]], np.uint16), 16, axis=0).repeat(8, axis=1)
    picture = Image.fromarray(grey) if mode == "I;16" else halves(mode)
    for read in (labelled, seen):
        found = read(encoded(picture, "PNG", exif=exif(LEFT_UP)))
        plain = read(encoded(picture, "PNG"))
        assert np.array_equal(found, np.rot90(plain, 3)), read
        assert not np.array_equal(found, plain)


@READERS
def test_a_film_that_is_cut_off_is_read_or_refused(read: Reader) -> None:
    chance = np.random.default_rng(0)
    frames = [Image.fromarray(chance.integers(0, 256, (24, 24, 3), np.uint8)) for _ in range(3)]
    film = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    ends = {"read": 0, "refused": 0}
    for end in range(0, len(film), 7):
        try:
            read(film[:end])
            ends["read"] += 1
        except (InvalidInput, Unsupported):
            ends["refused"] += 1
    assert min(ends.values()) > 0


def scanned(scans: int) -> bytes:
    """Return a JPEG of so many scans, the last of which is there again and again."""
    whole = encoded(halves("L"), "JPEG", progressive=True)
    parts = whole.split(b"\xff\xda")
    last = parts[-2].rfind(b"\xff\xc4")
    again = (parts[-2][last:] if last > 0 else b"") + b"\xff\xda" + parts[-1][:-2]
    return whole[:-2] + again * (scans - len(parts) + 1) + whole[-2:]


@READERS
def test_a_jpeg_of_too_many_scans_is_refused_before_it_is_unpacked(read: Reader) -> None:
    read(scanned(MAX_SCANS))
    with pytest.raises(InvalidInput, match=r"is a JPEG of 65 scans; 64 are read\. Save") as refused:
        read(scanned(MAX_SCANS + 1))
    assert refused.value.limit == f"{MAX_SCANS} scans"
    assert refused.value.field in {"file", "images.0", "data"}


@pytest.mark.parametrize("lone", [b"\xff\x01", b"\xff\x02", b"\xff\xbf", b"\xff\xd0", b"\xff" * 9])
def test_no_mark_without_a_length_hides_scans(lone: bytes) -> None:
    data = scanned(MAX_SCANS + 1)
    first = data.index(b"\xff\xda")
    with pytest.raises(InvalidInput, match="65 scans"):
        seen(data[:first] + lone + b"\xff\xff" + data[first:])


def test_what_looks_like_scans_inside_or_behind_a_picture_is_none() -> None:
    plain = encoded(halves(), "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 400) + b"\xff\xda" * 200
    data = plain[:2] + comment + plain[2:] + b"\xff\xda" * 200
    assert np.array_equal(seen(data), seen(plain))
    png = encoded(halves(), "PNG") + b"\xff\xda" * 200
    assert np.array_equal(seen(png), seen(encoded(halves(), "PNG")))


def test_a_picture_that_is_refused_alone_counts_nothing_among_others() -> None:
    check_total_pixels([scanned(MAX_SCANS + 1), b"none", encoded(halves(), "PNG")], "images")


TOLD = exif(LEFT_UP, (MAKE, ASCII, 4, b"me\0\0"), (UNIT, SHORT, 1, b"\x02\0\0\0"))


@READERS
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]),
    st.lists(st.tuples(st.integers(0, len(TOLD) - 1), st.integers(0, 255)), max_size=6),
)
@settings(max_examples=often(80, 20), deadline=None)
def test_whatever_exif_says_the_picture_is_read_or_refused_in_our_words(
    read: Reader, kind: str, changes: list[tuple[int, int]]
) -> None:
    told = bytearray(TOLD)
    for at, value in changes:
        told[at] = value
    data = encoded(halves(), kind, exif=bytes(told))
    with suppress(InvalidInput, Unsupported):
        assert read(data).ndim == 3
