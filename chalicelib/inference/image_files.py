"""Decoding of untrusted image files within limits, and scaling to what models accept.

A file is checked against the limits by the sizes that it states, before a pixel is unpacked. Pillow
raises errors of many kinds for odd files; here each of them becomes `InvalidInput`.
"""

from __future__ import annotations

import functools
import io
import re
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from chalicelib.contracts.picture_labels import PictureType
from chalicelib.errors import InvalidInput, Unsupported

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF")
"""Formats that Pillow reads; those that carry pi-heif read HEIC as well."""
MAX_PIXELS = 50_000_000
"""The most pixels of an image: with transparency they take 200 MB, however small the file is."""
MAX_SCANS = 64
"""The most scans of a JPEG. Each is a pass over all pixels and may take a few bytes only; the files
that programs write have some ten.
"""
_ORIENTATION = 0x0112
_EXIF_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ON_ITS_SIDE = range(5, 9)
_DECODER_ERRORS = (
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
_HEIF = re.compile(rb".{4}ftyp(?:he[iv][cmsx]|mif1|msf1)", re.DOTALL)
_JPEG = b"\xff\xd8"
_JPEG_MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")
"""The marker of a JPEG segment that states its length, or of the end; other markers stand alone."""
_JPEG_END, _JPEG_SCAN = b"\xd9", b"\xda"
_MULTI_PICTURE = "MPO"
"""Pillow's name of a JPEG after which a camera put further images, such as the other eye's."""
_HEIF_FORMAT = "HEIF"
_TYPES = {_MULTI_PICTURE: "image/jpeg", _HEIF_FORMAT: "image/heic"}
_ONE_FRAME = (_MULTI_PICTURE, "TIFF")
"""The images of a TIFF are pages, of which the first is what it shows."""
_MAX_16_BIT, _MAX_8_BIT = 65_535, 255
_BACKGROUND = "white"
_MODES = {1: "L", 3: "RGB"}
_SIXTEEN_BITS = 256


@contextmanager
def open_image(data: bytes, field: str, named: str) -> Iterator[Image.Image]:
    """Yield the image that `data` encodes; the block decodes it.

    Args:
        data: the content of an image file.
        field: the request field that errors name.
        named: what error messages call the image.

    Raises:
        InvalidInput: it has too many pixels or scans, or is damaged, as the block may find.
        Unsupported: it is no image of a supported format.
    """
    _check_scans(data, field, named)
    formats = (_HEIF_FORMAT,) if _HEIF.match(data) and _reads_heif() else FORMATS
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of a file that do not prevent decoding
            with Image.open(io.BytesIO(data), formats=formats) as image:
                check_pixels(image, field, named)
                yield image
    except Image.DecompressionBombError as error:
        raise _too_many("too many pixels", field, named) from error
    except UnidentifiedImageError as error:
        raise Unsupported(
            f"{named} is no picture that is read; save it as PNG, JPEG, WebP, GIF or TIFF.",
            field=field,
        ) from error
    except _DECODER_ERRORS as error:
        raise InvalidInput(
            f"{named} is damaged or cut off; open and save it again, then send it.", field=field
        ) from error


@functools.cache
def _reads_heif() -> bool:
    """Have Pillow read HEIF, and return whether this function carries what decodes it."""
    try:
        from pi_heif import register_heif_opener
    except ModuleNotFoundError:
        return False
    register_heif_opener()
    return True


def check_pixels(image: Image.Image, field: str, named: str) -> None:
    """Raise `InvalidInput` if an image that is not decoded yet has too many pixels."""
    if image.width * image.height > MAX_PIXELS:
        raise _too_many(f"{image.width} by {image.height} pixels", field, named)


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the size that an image file has when it is upright; nothing is decoded."""
    turned = image.format != "TIFF" and image.getexif().get(_ORIENTATION, 1) in _ON_ITS_SIDE
    return (image.height, image.width) if turned else image.size


def upright(image: Image.Image) -> Image.Image:
    """Return an image turned by its EXIF orientation; other EXIF data is ignored.

    Pillow turns a TIFF itself when it is decoded, and pi-heif the pictures of cameras.
    """
    if image.format == "TIFF":
        image.load()
    turn = _EXIF_TURNS.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def check_total_pixels(images: Sequence[bytes], field: str) -> None:
    """Raise `InvalidInput` if image files have more than `MAX_PIXELS` pixels together.

    So many pixels take a processor a second or two. Only the sizes that the files state are read;
    a file that `fit_square` refuses counts as nothing.
    """
    pixels = sum(map(_claimed_pixels, images))
    if pixels > MAX_PIXELS:
        raise InvalidInput(
            f"{field} has {pixels:,} pixels in {len(images)} pictures, and {MAX_PIXELS:,} of a"
            " call are looked at; send smaller ones.",
            field=field,
            limit=f"{MAX_PIXELS} pixels",
        )


def fit_square(data: bytes, side: int, channels: int, field: str) -> NDArray[np.uint8]:
    """Return an image file as pixels [side, side, channels], where `channels` is 1 or 3.

    An image of that size is used unchanged, to the pixel. Any other is scaled by Lanczos to fit
    whole onto a white square, so that nothing is cut off or stretched. Transparency becomes white,
    as in training; the image is turned upright; of an animation the first frame is used.

    Raises:
        InvalidInput: it is no image, of another format, cut off, or too large; it names `field`.
    """
    try:
        with open_image(data, field, field) as image:
            whole = _opaque(upright(image)).convert(_MODES[channels])
    except Unsupported as error:
        raise InvalidInput(error.message, field=field) from error
    return np.asarray(_fit(whole, side), np.uint8).reshape(side, side, channels)


@dataclass(frozen=True, slots=True)
class CroppedImage:
    """The middle square of an image in RGB, and the type and frame count of its file."""

    image: Image.Image
    media_type: PictureType
    frames: int


def center_crop(data: bytes, *, side: int, share: float) -> CroppedImage:
    """Return the middle square of an image file, scaled to `side` pixels.

    The square is `share` of the shorter side. It is upright, on white where it was transparent; of
    several frames the first is taken.

    Raises:
        InvalidInput: it is damaged, or has too many pixels or scans.
        Unsupported: it is no image of a supported format.
    """
    with open_image(data, "file", "The picture") as file:
        return _crop(file, side, share)


def _crop(file: Image.Image, side: int, share: float) -> CroppedImage:
    media_type = _TYPES.get(str(file.format), f"image/{str(file.format).lower()}")
    frames = 1 if file.format in _ONE_FRAME else int(getattr(file, "n_frames", 1))
    # A JPEG is decoded at the next smaller scale that is at least twice the result's.
    file.draft("RGB", (2 * side, 2 * side))
    whole = upright(in_colour(file))
    edge = share * min(whole.size)
    left_edge, top_edge = (whole.width - edge) / 2, (whole.height - edge) / 2
    box = (left_edge, top_edge, left_edge + edge, top_edge + edge)
    small = whole.resize((side, side), Image.Resampling.BICUBIC, box)
    return CroppedImage(on_white(small), cast(PictureType, media_type), frames)


def on_white(image: Image.Image) -> Image.Image:
    """Return an image of mode RGB or RGBA in RGB, on white where it is transparent."""
    if image.mode == "RGBA":
        background = Image.new("RGBA", image.size, _BACKGROUND)
        image = Image.alpha_composite(background, image)
    return image.convert("RGB")


def in_colour(file: Image.Image) -> Image.Image:
    """Return an image in mode RGB, or RGBA if its file has transparency."""
    if file.mode.startswith("I"):
        scale = _MAX_8_BIT / _MAX_16_BIT
        return file.convert("I").point(lambda value: value * scale).convert("L").convert("RGB")
    return file.convert("RGBA" if file.has_transparency_data else "RGB")


def _opaque(image: Image.Image) -> Image.Image:
    """Return an image without transparency, in eight bits a channel."""
    if image.mode.startswith("I"):
        deep = np.asarray(image).clip(0, _SIXTEEN_BITS**2 - 1) // _SIXTEEN_BITS
        return Image.fromarray(deep.astype(np.uint8))
    if not image.has_transparency_data:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, _BACKGROUND), layer)


def _fit(image: Image.Image, side: int) -> Image.Image:
    """Return an image scaled to fit into a square, with the background around it."""
    if image.size == (side, side):
        return image
    longest = max(image.size)
    width, height = (max(1, round(side * size / longest)) for size in image.size)
    small = image.resize((width, height), Image.Resampling.LANCZOS)
    square = Image.new(image.mode, (side, side), _BACKGROUND)
    square.paste(small, ((side - width) // 2, (side - height) // 2))
    return square


def _claimed_pixels(data: bytes) -> int:
    """Return how many pixels an image file states, 0 if it cannot be read."""
    try:
        with open_image(data, "", "") as image:
            return image.width * image.height
    except (InvalidInput, Unsupported):
        return 0


def _too_many(what: str, field: str, named: str) -> InvalidInput:
    return InvalidInput(
        f"{named} has {what}; {MAX_PIXELS:,} in all are read. Save it smaller.",
        field=field,
        limit=f"{MAX_PIXELS} pixels",
    )


def _check_scans(data: bytes, field: str, named: str) -> None:
    scans = _count_scans(data) if data.startswith(_JPEG) else 0
    if scans > MAX_SCANS:
        raise InvalidInput(
            f"{named} is a JPEG of {scans} scans; {MAX_SCANS} are read. Save it anew.",
            field=field,
            limit=f"{MAX_SCANS} scans",
        )


def _count_scans(jpeg: bytes) -> int:
    """Count the scans of a JPEG up to its end, in the order in which libjpeg meets them.

    Scans of a thumbnail, or of an image that a camera appended, do not count.
    """
    scans, offset = 0, len(_JPEG)
    while (marker := _JPEG_MARKER.search(jpeg, offset)) and marker[1] != _JPEG_END:
        scans += marker[1] == _JPEG_SCAN
        offset = marker.end() + int.from_bytes(jpeg[marker.end() : marker.end() + 2])
    return scans
