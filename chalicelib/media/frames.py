"""Frames of a film: small ones at a constant rate, and single ones at given times."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from chalicelib.media.ffmpeg import MediaFile, ProcessBudget, failure, running
from chalicelib.media.probe import open_media

Pixels = NDArray[np.uint8]

SAMPLING = ProcessBudget()
PICKING = ProcessBudget(cpu_seconds=60, wall_seconds=90.0)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame at `at_ms` of the file: rows of pixels, red, green and blue."""

    at_ms: int
    pixels: Pixels


def sample_frames(
    path: Path, fps: float, width: int, height: int, budget: ProcessBudget = SAMPLING
) -> Iterator[Frame]:
    """Yield `fps` frames a second of the film, each scaled to `width` by `height`.

    A film whose rate varies is sampled at a constant one: a frame is shown until the next comes.

    Raises:
        Unsupported: the file is of no kind that is read, or takes too much time or memory.
        InvalidInput: no frame can be decoded.
    """
    filters = f"fps={fps}:start_time=0,scale={width}:{height}:flags=area"
    arguments = _arguments(open_media(path), filters)
    size, number = width * height * 3, 0
    with running(arguments, budget) as process:
        while len(block := process.output.read(size)) == size:
            pixels = np.frombuffer(block, np.uint8).reshape(height, width, 3)
            yield Frame(round(number * 1000 / fps), pixels)
            number += 1
        status = process.finish()
        if process.timed_out or status < 0 or not number:
            raise failure(process, status, "Decoding the film")


def frames_at(
    path: Path, at_ms: Sequence[int], width: int, height: int, budget: ProcessBudget = PICKING
) -> Iterator[Frame]:
    """Yield the first frame from each time on, `width` by `height` pixels.

    A time behind the beginning of the last frame yields none.

    Raises:
        Unsupported: the file is of no kind that is read, or takes too much time or memory.
        InvalidInput: a frame before its end cannot be decoded.
    """
    file, size = open_media(path), width * height * 3
    for at in at_ms:
        seek = ("-ss", f"{at / 1000:.3f}") if at else ()
        arguments = _arguments(file, f"scale={width}:{height}", *seek, frames=1)
        with running(arguments, budget) as process:
            block = process.output.read(size)
            status = process.finish()
            if process.timed_out or status:
                raise failure(process, status, f"Decoding the frame at {at} ms")
        if len(block) == size:
            yield Frame(at, np.frombuffer(block, np.uint8).reshape(height, width, 3))


def _arguments(file: MediaFile, filters: str, *seek: str, frames: int = 0) -> tuple[str, ...]:
    count = ("-frames:v", str(frames)) if frames else ()
    return (
        *("-loglevel", "error"),
        *file.input(*seek, "-an", "-sn", "-dn"),
        *("-map", "0:V:0", "-vf", f"{filters},format=rgb24", *count),
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
