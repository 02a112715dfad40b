"""Pictures of files as the pixels that a small model looks at: square, of one size.

A picture that has the model's size already goes in as it is, to the pixel. Any other is made to fit
whole, by Lanczos, and the rest of the square is white, so that nothing of it is cut off or
stretched. What is transparent lies on white too, as training lays it. A picture is turned as its
EXIF says, and of a film it is the first frame. Greyscale becomes three colours that are alike, and
colours grey where a model knows no others.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from chalicelib.errors import InvalidInput

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS = 50_000_000
"""Of a picture, and of all of a call: 200 MB when they are unpacked with their transparency, and a
second or two of a processor, whatever their files have.
"""
_PAPER = "white"
_MODES = {1: "L", 3: "RGB"}
_SIXTEEN_BITS = 256
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, OverflowError)


def hold_together(pictures: Sequence[bytes], field: str) -> None:
    """Raise `InvalidInput` naming `field` where `pictures` have too many pixels together; only what
    their files say of themselves is read. What is no picture counts nothing.
    """
    pixels = sum(map(_claimed, pictures))
    if pixels > MAX_PIXELS:
        raise _too_many(f"{pixels:,} pixels in {len(pictures)} pictures", field)


def _claimed(data: bytes) -> int:
    try:
        with _quiet(), Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            return opened.width * opened.height
    except (*_BROKEN, Image.DecompressionBombError):
        return 0


def square(data: bytes, side: int, channels: int, field: str) -> NDArray[np.uint8]:
    """Return the picture that `data` encodes as [side, side, channels]; 1 or 3 channels.

    Raises:
        InvalidInput: it is no picture, of another format, cut off, or too large; it names `field`.
    """
    try:
        with _quiet(), Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _too_many(f"{opened.width} by {opened.height} pixels", field)
            whole = _flat(ImageOps.exif_transpose(opened)).convert(_MODES[channels])
    except Image.DecompressionBombError as error:
        raise _too_many("too many pixels", field) from error
    except _BROKEN as error:
        raise InvalidInput(
            f"{field} is no picture that can be read, or it is cut off: send a whole"
            " PNG, JPEG, WebP or GIF.",
            field=field,
        ) from error
    return np.asarray(_fitted(whole, side), np.uint8).reshape(side, side, channels)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what Pillow warns of: fewer pixels than are taken here, and oddities of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _too_many(pixels: str, field: str) -> InvalidInput:
    return InvalidInput(
        f"{field} has {pixels}, and {MAX_PIXELS:,} of a call are looked at; send smaller ones.",
        field=field,
        limit=f"{MAX_PIXELS} pixels",
    )


def _flat(picture: Image.Image) -> Image.Image:
    """Return a picture with nothing transparent, in eight bits a colour."""
    if picture.mode.startswith("I"):
        deep = np.asarray(picture).clip(0, _SIXTEEN_BITS**2 - 1) // _SIXTEEN_BITS
        return Image.fromarray(deep.astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    laid = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", laid.size, _PAPER), laid)


def _fitted(picture: Image.Image, side: int) -> Image.Image:
    if picture.size == (side, side):
        return picture
    longest = max(picture.size)
    wide, high = (max(1, round(side * size / longest)) for size in picture.size)
    small = picture.resize((wide, high), Image.Resampling.LANCZOS)
    sheet = Image.new(picture.mode, (side, side), _PAPER)
    sheet.paste(small, ((side - wide) // 2, (side - high) // 2))
    return sheet
