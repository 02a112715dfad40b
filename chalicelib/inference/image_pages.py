"""Pages of image files as they are displayed: upright, and with square pixels.

A TIFF has as many pages as it holds images; any other image has one. What is displayed is what
boxes of words are measured on, in pixels.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import InvalidInput
from chalicelib.inference.image_files import (
    check_pixels,
    in_colour,
    on_white,
    open_image,
    upright,
    upright_size,
)

MAX_PAGES = 200
"""The most pages of a TIFF: they are read one after the other, at some seconds each."""
_TIFF = "TIFF"
_SAME = 1.1
"""Ratio of the resolutions across and down up to which pixels count as square."""
_STRANGE = 4.0
"""A ratio beyond this is a mistake of the program that wrote the file."""


class PageSize(NamedTuple):
    """Width and height of a page in pixels."""

    width: int
    height: int


def page_sizes(data: bytes) -> tuple[PageSize, ...]:
    """Return the sizes of the pages of an image file, as its headers state them.

    Raises:
        InvalidInput: it is damaged, or a page has too many pixels, or there are too many pages.
        Unsupported: it is no image of a supported format.
    """
    with open_image(data, "file", "The picture") as file:
        sizes = [_display_size(file)]
        while file.format == _TIFF and _seek(file, len(sizes)):
            if len(sizes) == MAX_PAGES:
                raise InvalidInput(
                    f"The picture has more than {MAX_PAGES} pages. Save it as a PDF, or as several"
                    " files.",
                    field="file",
                    limit=f"{MAX_PAGES} pages",
                )
            sizes.append(_display_size(file))
        return tuple(sizes)


def page_image(file: Image.Image, max_pixels: int, max_side: int) -> Image.Image:
    """Return the open page of an image as it is displayed, in RGB or RGBA.

    It is scaled down to at most `max_pixels` pixels and `max_side` pixels on its longer side.
    """
    size = _display_size(file)
    scale = min(1.0, max_side / max(size), (max_pixels / (size.width * size.height)) ** 0.5)
    fitting = [max(1, round(scale * side)) for side in size]
    file.draft("RGB", (max(fitting), max(fitting)))
    image = upright(in_colour(file))
    if list(image.size) == fitting:
        return image
    return image.resize((fitting[0], fitting[1]), Image.Resampling.LANCZOS)


def page_pixels(data: bytes, number: int, max_pixels: int) -> tuple[NDArray[np.uint8], PageSize]:
    """Return page `number`, counted from 1, as rows of blue, green and red, and its size.

    It has at most `max_pixels` pixels; its size is that of `page_sizes`.

    Raises:
        InvalidInput: it is damaged, or has too many pixels.
        Unsupported: it is no image of a supported format.
    """
    with open_image(data, "file", "The picture") as file:
        open_page(file, number)
        size = _display_size(file)
        image = on_white(page_image(file, max_pixels, max(size)))
        pixels = np.ascontiguousarray(np.asarray(image, np.uint8)[:, :, ::-1])
    return pixels, size


def open_page(file: Image.Image, number: int) -> None:
    """Go to page `number` of an open image, counted from 1; raise `InvalidInput`."""
    if number > 1 and not (file.format == _TIFF and _seek(file, number - 1)):
        raise InvalidInput(f"The picture has no page {number}.", field="page")


def _seek(file: Image.Image, index: int) -> bool:
    """Go to an image of a TIFF and check its size; return whether there is one."""
    try:
        file.seek(index)
    except EOFError:
        return False
    check_pixels(file, "file", "The picture")
    return True


def _display_size(file: Image.Image) -> PageSize:
    """Return the size of the open page when it is upright and its pixels are square.

    Pages of a fax have about twice as many dots across as down.
    """
    width, height = upright_size(file)
    if file.format != _TIFF:
        return PageSize(width, height)
    across, down = file.info.get("dpi", (1, 1))
    ratio = float(across) / float(down) if across and down else 1.0
    if _SAME < ratio <= _STRANGE:
        return PageSize(width, round(height * ratio))
    if _SAME < 1 / ratio <= _STRANGE:
        return PageSize(round(width / ratio), height)
    return PageSize(width, height)
