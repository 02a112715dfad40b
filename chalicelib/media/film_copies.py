"""Copies of parts of a film, without decoding: what a worker needs to look at one part alone."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

from chalicelib.media.ffmpeg import MEBIBYTE, ProcessBudget, failure, running
from chalicelib.media.probe import open_media

COPYING = ProcessBudget(cpu_seconds=60, wall_seconds=120.0)
MARGIN_MS = 1_000
"""Copied behind the end of a part: frames are not stored in the order in which they are shown."""
_BLOCK = MEBIBYTE


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
