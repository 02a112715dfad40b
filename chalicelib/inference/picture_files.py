"""Pictures out of files that strangers send: bounded, upright, without alpha, in red, green, blue.

A header is held to the limits before a pixel is unpacked. Of a file of several frames the first is
taken.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import cast

from PIL import Image, ImageOps, UnidentifiedImageError

from chalicelib.contracts.pictures import PictureType
from chalicelib.errors import InvalidInput, Unsupported

MAX_PIXELS = 50_000_000
"""200 MB with alpha when it is unpacked, whatever its file has."""
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
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
        InvalidInput: it is damaged, or has more than `MAX_PIXELS` pixels.
        Unsupported: it is no picture of a kind that is read.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a file and does not stop it
            with Image.open(io.BytesIO(data), formats=_FORMATS) as file:
                return _opened(file, side, share)
    except Image.DecompressionBombError as error:
        raise _too_many("too many pixels") from error
    except UnidentifiedImageError as error:
        raise Unsupported(
            "The content is no picture that is read; save it as PNG, JPEG, WebP or GIF.",
            field="file",
        ) from error
    except (OSError, SyntaxError, ValueError, OverflowError) as error:
        raise InvalidInput(
            "The picture is damaged; open and save it again, then upload it.", field="file"
        ) from error


def _opened(file: Image.Image, side: int, share: float) -> Opened:
    if file.width * file.height > MAX_PIXELS:
        raise _too_many(f"{file.width} by {file.height} pixels")
    media_type = cast(PictureType, f"image/{str(file.format).lower()}")
    frames = int(getattr(file, "n_frames", 1))
    file.draft("RGB", (2 * side, 2 * side))
    upright = ImageOps.exif_transpose(_shown(file))
    edge = share * min(upright.size)
    left, top = (upright.width - edge) / 2, (upright.height - edge) / 2
    box = (left, top, left + edge, top + edge)
    small = upright.resize((side, side), Image.Resampling.BICUBIC, box)
    if small.mode == "RGBA":
        behind = Image.new("RGBA", small.size, "white")
        small = Image.alpha_composite(behind, small)
    return Opened(small.convert("RGB"), media_type, frames)


def _too_many(what: str) -> InvalidInput:
    return InvalidInput(
        f"The picture has {what}; {MAX_PIXELS:,} in all are read. Save it smaller.",
        field="file",
        limit=f"{MAX_PIXELS} pixels",
    )


def _shown(file: Image.Image) -> Image.Image:
    """Return a picture in one of two modes, RGB or RGBA, with what its file says of it."""
    if file.mode.startswith("I"):
        scale = _BRIGHTEST_8_BIT / _BRIGHTEST_16_BIT
        return file.convert("I").point(lambda value: value * scale).convert("L").convert("RGB")
    return file.convert("RGBA" if file.has_transparency_data else "RGB")
