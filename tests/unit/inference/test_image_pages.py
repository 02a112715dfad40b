"""Pages of image files: their sizes, and their pixels as they are displayed."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chalicelib.errors import InvalidInput
from chalicelib.inference.image_files import MAX_PIXELS
from chalicelib.inference.image_pages import MAX_PAGES, page_pixels, page_sizes

HEIC = Path(__file__).parents[2] / "data" / "pictures" / "notice.heic"
RED, WHITE = [0, 0, 255], [255, 255, 255]
"""Blue, green and red."""


def marked(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Return a white image with a red corner at its upper left."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, 10, 10))
    return image.convert(mode)


def encoded(image: Image.Image, kind: str = "TIFF", **how: object) -> bytes:
    written = io.BytesIO()
    image.save(written, format=kind, **how)
    return written.getvalue()


def test_every_page_of_a_tiff_should_have_its_size_and_its_pixels() -> None:
    data = encoded(marked(), save_all=True, append_images=[marked(30, 60)])
    assert page_sizes(data) == ((40, 20), (30, 60))
    pixels, size = page_pixels(data, 2, 10_000)
    assert (pixels.shape, size) == ((60, 30, 3), (30, 60))
    assert pixels[2, 2].tolist() == RED
    with pytest.raises(InvalidInput, match="no page 3"):
        page_pixels(data, 3, 10_000)


@pytest.mark.parametrize("kind", ["GIF", "WEBP"])
def test_an_animation_should_have_one_page(kind: str) -> None:
    data = encoded(marked(), kind, save_all=True, append_images=[marked().rotate(180)])
    assert page_sizes(data) == ((40, 20),)
    with pytest.raises(InvalidInput, match="no page 2"):
        page_pixels(data, 2, 10_000)


@pytest.mark.parametrize("kind", ["TIFF", "JPEG", "PNG"])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate"])
def test_a_page_should_be_turned_as_its_file_says(kind: str, compression: str) -> None:
    orientation = Image.Exif()
    orientation[0x0112] = 6
    how = {"compression": compression, "tiffinfo": {0x0112: 6}} if kind == "TIFF" else {}
    data = encoded(marked(), kind, exif=orientation, **how)
    assert page_sizes(data) == ((20, 40),)
    pixels, size = page_pixels(data, 1, 10_000)
    assert (pixels.shape, size) == ((40, 20, 3), (20, 40))
    assert np.abs(pixels[3, -3].astype(int) - RED).max() < 60
    assert np.abs(pixels[-3, 3].astype(int) - WHITE).max() < 20


def test_the_dots_of_a_fax_should_become_square() -> None:
    fax = encoded(marked(204, 98, "1"), dpi=(204, 98), compression="group4")
    assert page_sizes(fax) == ((204, 204),)
    assert page_pixels(fax, 1, 100_000)[0].shape == (204, 204, 3)
    strange = encoded(marked(), dpi=(1, 300))
    assert page_sizes(strange) == ((40, 20),)


def test_a_large_page_should_be_made_smaller_and_keep_its_size() -> None:
    pixels, size = page_pixels(encoded(marked(400, 200), "PNG"), 1, 20_000)
    assert (pixels.shape, size) == ((100, 200, 3), (400, 200))


def test_what_is_transparent_should_be_white() -> None:
    glass = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert page_pixels(encoded(glass, "PNG"), 1, 100)[0].min() == 255


def test_a_picture_of_a_phone_should_have_pixels() -> None:
    assert page_sizes(HEIC.read_bytes()) == ((360, 640),)
    assert page_pixels(HEIC.read_bytes(), 1, 10**6)[0].shape == (640, 360, 3)


def directories(count: int, width: int = 1) -> bytes:
    """Return a TIFF of directories of a width and nothing else, each followed by the next."""
    size = 2 + 6 * 12 + 4
    body = b"II*\0" + struct.pack("<I", 8)
    for number in range(count):
        entries = [(256, 4, 1, width), (257, 4, 1, 1), (258, 3, 1, 8), (262, 3, 1, 1)]
        entries += [(273, 4, 1, 8), (279, 4, 1, 1)]
        body += struct.pack("<H", 6) + b"".join(struct.pack("<HHII", *each) for each in entries)
        body += struct.pack("<I", 8 + (number + 1) * size if number + 1 < count else 0)
    return body


def test_more_pages_than_are_read_should_be_refused_without_counting_them() -> None:
    assert len(page_sizes(directories(MAX_PAGES))) == MAX_PAGES
    with pytest.raises(InvalidInput, match=r"more than 200 pages\. Save it as a PDF") as refused:
        page_sizes(directories(5_000))
    assert refused.value.limit == "200 pages"


def test_a_page_of_too_many_pixels_should_be_refused_by_its_header() -> None:
    with pytest.raises(InvalidInput, match="pixels; 50,000,000 in all"):
        page_sizes(directories(2, MAX_PIXELS + 1))


def test_a_page_that_is_cut_off_should_be_refused() -> None:
    data = encoded(marked(), "PNG")
    with pytest.raises(InvalidInput, match="damaged"):
        page_pixels(data[: len(data) // 2], 1, 10_000)
