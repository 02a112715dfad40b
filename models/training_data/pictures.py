"""Pictures of training data: opened whole once, so that none fails in a job."""

from __future__ import annotations

import struct
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from models.training_data.near_duplicates import Sketches, image_sketch
from models.training_data.problems import ProblemLog

SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"))
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_IMAGE_BYTES = 64 * 2**20
MAX_PIXELS = 50_000_000
MIN_SIDE = 8
_ENDINGS = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp"}
_BROKEN = (OSError, EOFError, LookupError, SyntaxError, TypeError, ValueError, struct.error)
"""What Pillow's readers raise where bytes of a picture are changed or missing."""


@dataclass(frozen=True, slots=True)
class OpenedPicture:
    """A picture that opens: its bytes, the ending of its format, and its sketch."""

    content: bytes
    suffix: str
    sketch: Sketches


def open_picture(path: Path, place: str, log: ProblemLog) -> OpenedPicture | None:
    """Return a picture, or None where it cannot be used, which is noted at `place`."""
    try:
        if path.is_symlink():
            log.add("symlink", place, str(path.name))
            return None
        if not path.is_file():
            log.add("missing_image", place, path.name)
            return None
        size = path.stat().st_size
        if size > MAX_IMAGE_BYTES:
            log.add("huge_image", place, f"{size:,} bytes; {MAX_IMAGE_BYTES:,} are taken")
            return None
        content = path.read_bytes()
    except OSError as error:
        log.add("missing_image", place, error.strerror or str(error))
        return None
    return _opened(path, content, place, log)


def _opened(path: Path, content: bytes, place: str, log: ProblemLog) -> OpenedPicture | None:
    with warnings.catch_warnings():
        # A picture of too many pixels is refused by its size below, a broken one by its error.
        warnings.simplefilter("ignore")
        try:
            opened = Image.open(path, formats=FORMATS)
        except Image.DecompressionBombError:
            log.add("huge_image", place, f"over {MAX_PIXELS:,} pixels")
            return None
        except _BROKEN:
            log.add("not_an_image", place, path.name)
            return None
        with opened as picture:
            return _sketched(picture, content, place, log)


def _sketched(
    picture: Image.Image, content: bytes, place: str, log: ProblemLog
) -> OpenedPicture | None:
    width, height = picture.size
    if width * height > MAX_PIXELS:
        log.add("huge_image", place, f"{width} x {height} pixels; {MAX_PIXELS:,} are taken")
        return None
    suffix = _ENDINGS.get(picture.format or "", ".tif")
    try:
        frames = getattr(picture, "n_frames", 1)
        picture.seek(0)
        sketch = image_sketch(picture)
    except (*_BROKEN, Image.DecompressionBombError) as error:
        log.add("truncated_image", place, str(error))
        return None
    if min(width, height) < MIN_SIDE:
        log.add("tiny_image", place, f"{width} x {height} pixels")
    if frames > 1:
        log.add("many_frames", place, f"{frames} frames")
    return OpenedPicture(content, suffix, sketch)
