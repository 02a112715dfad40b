"""Frames of a film: small ones at a constant rate, single ones, and those of a part as a copy."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from chalicelib.media.ffmpeg import MEBIBYTE, MediaFile, ProcessBudget, failure, running
from chalicelib.media.probe import open_media

Pixels = NDArray[np.uint8]

SAMPLING = ProcessBudget()
PICKING = ProcessBudget(cpu_seconds=60, wall_seconds=90.0)
COPYING = ProcessBudget(cpu_seconds=60, wall_seconds=120.0)
MARGIN_MS = 1_000
"""Copied behind the end of a part: frames are not stored in the order in which they are shown."""
_BLOCK = MEBIBYTE


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame at `at_ms` of the file: rows of pixels, red, green and blue."""

    at_ms: int
    pixels: Pixels


def sample_frames(
    path: Path,
    fps: float,
    size: tuple[int, int],
    *,
    start_ms: int = 0,
    end_ms: int | None = None,
    is_copy: bool = False,
    budget: ProcessBudget = SAMPLING,
) -> Generator[Frame, None, None]:
    """Yield `fps` frames a second of the film, each scaled to `size`: its width and its height.

    They are those from `start_ms` on and before `end_ms`, or to the end of the film. A film whose
    rate varies is sampled at a constant one: a frame is shown until the next comes. Of a copy of a
    part, as `copied_film` makes it, the times are those of the whole film.

    Raises:
        Unsupported: the file is of no kind that is read, or takes too much time or memory.
        InvalidInput: no frame can be decoded.
    """
    width, height = size
    filters = f"fps={fps}:start_time=0,scale={width}:{height}:flags=area"
    seek = _seek(start_ms, is_copy=is_copy)
    length = () if end_ms is None else ("-t", f"{(end_ms - start_ms) / 1000:.3f}")
    arguments = _arguments(open_media(path), filters, *seek, *length)
    frame_bytes, number = width * height * 3, 0
    with running(arguments, budget) as process:
        while len(block := process.output.read(frame_bytes)) == frame_bytes:
            at_ms = start_ms + round(number * 1000 / fps)
            number += 1
            if end_ms is None or at_ms < end_ms:
                yield Frame(at_ms, np.frombuffer(block, np.uint8).reshape(height, width, 3))
        status = process.finish()
        if process.timed_out or status < 0 or (not number and not start_ms):
            raise failure(process, status, "Decoding the film")


def jpeg_at(
    path: Path,
    at_ms: int,
    width: int,
    height: int,
    *,
    is_copy: bool = False,
    budget: ProcessBudget = PICKING,
) -> bytes:
    """Return the first frame from `at_ms` on as a JPEG of `width` by `height` pixels.

    It is empty if no frame begins at that time or later. Of a copy of a part the time is that of
    the whole film.

    Raises:
        Unsupported: the file is of no kind that is read, or takes too much time or memory.
        InvalidInput: the frame cannot be decoded.
    """
    seek = _seek(at_ms, is_copy=is_copy)
    arguments = (
        *("-loglevel", "error"),
        *open_media(path).input(*seek, "-an", "-sn", "-dn"),
        *("-map", "0:V:0", "-vf", f"scale={width}:{height}", "-frames:v", "1"),
        *("-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj444p", "-f", "image2pipe", "pipe:1"),
    )
    with running(arguments, budget) as process:
        data = process.output.read()
        status = process.finish()
        if process.timed_out or status:
            raise failure(process, status, f"Decoding the frame at {at_ms} ms")
    return data


def copied_film(path: Path, start_ms: int, end_ms: int) -> Generator[bytes, None, None]:
    """Yield the frames of a film between two times as a Matroska file, as they are in the film.

    It begins at the last frame before `start_ms` that needs no other, and its times are those of
    the whole film: it has to be sought by them, as `sample_frames` does where it is told so.

    Raises:
        Unsupported: the film cannot be copied, or takes too long.
        InvalidInput: it is damaged.
    """
    seek = ("-ss", f"{start_ms / 1000:.3f}") if start_ms else ()
    arguments = (
        *("-loglevel", "error"),
        *open_media(path).input(*seek, "-an", "-sn", "-dn"),
        *("-map", "0:V:0", "-c", "copy", "-t", f"{(end_ms - start_ms + MARGIN_MS) / 1000:.3f}"),
        *("-output_ts_offset", f"{start_ms / 1000:.3f}", "-avoid_negative_ts", "disabled"),
        *("-f", "matroska", "pipe:1"),
    )
    with running(arguments, COPYING) as process:
        while block := process.output.read(_BLOCK):
            yield block
        status = process.finish()
        if process.timed_out or status:
            raise failure(process, status, "Copying a part of the film")


def _seek(at_ms: int, *, is_copy: bool) -> tuple[str, ...]:
    """Return the options that seek to a time: after the first frame, or of a copy as it is."""
    if not at_ms:
        return ()
    return (*(("-seek_timestamp", "1") if is_copy else ()), "-ss", f"{at_ms / 1000:.3f}")


def _arguments(file: MediaFile, filters: str, *options: str) -> tuple[str, ...]:
    return (
        *("-loglevel", "error"),
        *file.input(*options, "-an", "-sn", "-dn"),
        *("-map", "0:V:0", "-vf", f"{filters},format=rgb24"),
        *("-f", "rawvideo", "pipe:1"),
    )


def fitted_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Return the size of a frame whose longer side has at most `max_side` pixels.

    Raises:
        InvalidInput: the film does not say its size.
    """
    if width < 1 or height < 1:
        raise InvalidInput("The film does not say how large its frames are.", field="file")
    scale = min(1.0, max_side / max(width, height))
    return max(2, round(width * scale)), max(2, round(height * scale))
