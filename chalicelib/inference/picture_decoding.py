"""The files of pictures that strangers send, opened to be decoded: in bounds, or refused.

Held to its limits is what a file says of itself, before a pixel is unpacked. Pillow meets what is
odd in a file with errors of many kinds; here each of them says that the file is damaged.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from PIL import Image, UnidentifiedImageError

from chalicelib.errors import InvalidInput, Unsupported

FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
MAX_PIXELS = 50_000_000
"""Of a picture: 200 MB when it is unpacked with its transparency, whatever its file has."""
MOST_SCANS = 64
"""Of a JPEG, each a pass over all of its pixels, for which a few bytes are enough; those that
programs save have some ten.
"""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    OverflowError,
    LookupError,
    TypeError,
    AttributeError,
    struct.error,
    zlib.error,
)
_JPEG = b"\xff\xd8"
_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
"""Of a part of a JPEG that says how long it is, or of its end; others stand alone."""
_END, _SCAN = b"\xd9", b"\xda"


@contextmanager
def decoding(data: bytes, field: str, named: str) -> Iterator[Image.Image]:
    """Yield the picture that `data` encodes, for the block to decode; errors are of the `field`,
    and call the picture what it is `named`.

    Raises:
        InvalidInput: it has more pixels or scans than are read, or decoding finds it damaged.
        Unsupported: it is no picture of a kind that is read.
    """
    _hold_scans(data, field, named)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what is odd about a file and does not stop it
            with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise _too_many(f"{picture.width} by {picture.height} pixels", field, named)
                yield picture
    except Image.DecompressionBombError as error:
        raise _too_many("too many pixels", field, named) from error
    except UnidentifiedImageError as error:
        raise Unsupported(
            f"{named} is no picture that is read; save it as PNG, JPEG, WebP or GIF.", field=field
        ) from error
    except _BROKEN as error:
        raise InvalidInput(
            f"{named} is damaged or cut off; open and save it again, then send it.", field=field
        ) from error


def _too_many(what: str, field: str, named: str) -> InvalidInput:
    return InvalidInput(
        f"{named} has {what}; {MAX_PIXELS:,} in all are read. Save it smaller.",
        field=field,
        limit=f"{MAX_PIXELS} pixels",
    )


def upright(picture: Image.Image) -> Image.Image:
    """Return a picture turned as its EXIF says. Nothing else of that is read, nor written anew."""
    turn = _TURNS.get(picture.getexif().get(_ORIENTATION, 1))
    return picture if turn is None else picture.transpose(turn)


def _hold_scans(data: bytes, field: str, named: str) -> None:
    scans = _scans(data) if data.startswith(_JPEG) else 0
    if scans > MOST_SCANS:
        raise InvalidInput(
            f"{named} is a JPEG of {scans} scans; {MOST_SCANS} are read. Save it anew.",
            field=field,
            limit=f"{MOST_SCANS} scans",
        )


def _scans(jpeg: bytes) -> int:
    """Count the scans of a JPEG up to its end, as libjpeg comes upon them: not those of a thumbnail
    or of what a camera puts behind the picture.
    """
    scans, at = 0, len(_JPEG)
    while (found := _MARKER.search(jpeg, at)) and found[1] != _END:
        scans += found[1] == _SCAN
        at = found.end() + int.from_bytes(jpeg[found.end() : found.end() + 2])
    return scans
