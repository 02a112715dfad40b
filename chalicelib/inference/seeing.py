"""Pictures of files as the pixels that a small model looks at: square, of one size.

A picture that has the model's size already goes in as it is, to the pixel. Any other is made to fit
whole, by Lanczos, and the rest of the square is white, so that nothing of it is cut off or
stretched. What is transparent lies on white too, as training lays it. A picture is turned as its
EXIF says, and of a film it is the first frame. Greyscale becomes three colours that are alike, and
colours grey where a model knows no others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import InvalidInput, Unsupported
from chalicelib.inference.picture_decoding import MAX_PIXELS, decoding, upright

_PAPER = "white"
_MODES = {1: "L", 3: "RGB"}
_SIXTEEN_BITS = 256


def hold_together(pictures: Sequence[bytes], field: str) -> None:
    """Raise `InvalidInput` naming `field` where `pictures` have more than `MAX_PIXELS` pixels
    together, which takes a processor a second or two; only what their files say of themselves is
    read. What `square` refuses counts nothing.
    """
    pixels = sum(map(_claimed, pictures))
    if pixels > MAX_PIXELS:
        raise InvalidInput(
            f"{field} has {pixels:,} pixels in {len(pictures)} pictures, and {MAX_PIXELS:,} of a"
            " call are looked at; send smaller ones.",
            field=field,
            limit=f"{MAX_PIXELS} pixels",
        )


def _claimed(data: bytes) -> int:
    try:
        with decoding(data, "", "") as opened:
            return opened.width * opened.height
    except (InvalidInput, Unsupported):
        return 0


def square(data: bytes, side: int, channels: int, field: str) -> NDArray[np.uint8]:
    """Return the picture that `data` encodes as [side, side, channels]; 1 or 3 channels.

    Raises:
        InvalidInput: it is no picture, of another format, cut off, or too large; it names `field`.
    """
    try:
        with decoding(data, field, field) as opened:
            whole = _flat(upright(opened)).convert(_MODES[channels])
    except Unsupported as error:
        raise InvalidInput(error.message, field=field) from error
    return np.asarray(_fitted(whole, side), np.uint8).reshape(side, side, channels)


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
