"""Pictures of documents and queries: a square of them, upright, without alpha, in red, green, blue.

Of a file of several frames the first is taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from PIL import Image

from chalicelib.contracts.pictures import PictureType
from chalicelib.inference.picture_decoding import decoding, upright

_SEVERAL = "MPO"
"""What Pillow calls a JPEG behind which a camera put others, such as the other eye's."""
_BRIGHTEST_16_BIT, _BRIGHTEST_8_BIT = 65_535, 255


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture as it is seen, at the size that was asked for, and what its file is."""

    picture: Image.Image
    media_type: PictureType
    frames: int


def opened(data: bytes, *, side: int, share: float) -> Opened:
    """Return the middle square of the picture in `data`, `share` of its shorter side, resized.

    Raises:
        InvalidInput: it is damaged, or has more pixels or scans than are read.
        Unsupported: it is no picture of a kind that is read.
    """
    with decoding(data, "file", "The picture") as file:
        return _opened(file, side, share)


def _opened(file: Image.Image, side: int, share: float) -> Opened:
    several = file.format == _SEVERAL
    media_type = "image/jpeg" if several else f"image/{str(file.format).lower()}"
    frames = 1 if several else int(getattr(file, "n_frames", 1))
    file.draft("RGB", (2 * side, 2 * side))
    whole = upright(_shown(file))
    edge = share * min(whole.size)
    left, top = (whole.width - edge) / 2, (whole.height - edge) / 2
    box = (left, top, left + edge, top + edge)
    small = whole.resize((side, side), Image.Resampling.BICUBIC, box)
    if small.mode == "RGBA":
        behind = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(behind, small)
    return Opened(small.convert("RGB"), cast(PictureType, media_type), frames)


def _shown(file: Image.Image) -> Image.Image:
    """Return a picture in one of two modes, RGB or RGBA, with what its file says of it."""
    if file.mode.startswith("I"):
        scale = _BRIGHTEST_8_BIT / _BRIGHTEST_16_BIT
        return file.convert("I").point(lambda value: value * scale).convert("L").convert("RGB")
    return file.convert("RGBA" if file.has_transparency_data else "RGB")
