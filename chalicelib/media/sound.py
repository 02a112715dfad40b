"""The sound of a file as samples: 16 kHz, one channel, in the times of the file."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import InvalidInput
from chalicelib.media.ffmpeg import MediaFile, ProcessBudget, failure, running
from chalicelib.media.probe import open_media, probe

SAMPLE_RATE = 16_000
BLOCK_SAMPLES = 30 * SAMPLE_RATE
"""Samples of one block: 30 s, 0.96 MB."""
SAMPLE_BYTES = 2
_FULL_SCALE = 32_768.0

Samples = NDArray[np.float32]

DECODING = ProcessBudget()


def decode_audio(
    path: Path, start_ms: int = 0, end_ms: int | None = None, *, stream: int = 0
) -> Iterator[Samples]:
    """Yield the sound of a file in blocks of at most 30 s: float32, -1 to 1, 16 kHz, mono.

    Sample `i` of all blocks together is `start_ms` + i/16 ms into the file. Where the sound pauses
    or begins late, as in a film, there is silence, so that times hold. A file that ends before
    `end_ms`, whatever it says of its length, ends the blocks; sound of 0 s has none.

    Args:
        path: The file.
        start_ms: Where to begin, in milliseconds.
        end_ms: Where to end; None for the end of the file.
        stream: Which of the sounds of the file, counted from 0.

    Raises:
        Unsupported: the file is of no kind that is read, or takes too much time or memory.
        InvalidInput: it is damaged so that no sample can be decoded, or has no such sound.
    """
    with closing(decode_pcm(path, start_ms, end_ms, stream=stream)) as blocks:
        for block in blocks:
            yield np.frombuffer(block, "<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def decode_pcm(
    path: Path,
    start_ms: int = 0,
    end_ms: int | None = None,
    *,
    stream: int = 0,
    budget: ProcessBudget = DECODING,
) -> Generator[bytes, None, None]:
    """Yield what `decode_audio` does as signed 16-bit little-endian integers; raise as it does.

    Close it if its end may not be reached: its process, and the disk of its file, stay until then.
    """
    if len(probe(path).sounds) <= stream:
        raise InvalidInput("The file has no sound.", field="file")
    arguments = _arguments(open_media(path), start_ms, end_ms, stream)
    with running(arguments, budget) as process:
        decoded = False
        while block := process.output.read(BLOCK_SAMPLES * SAMPLE_BYTES):
            decoded = True
            yield block[: len(block) - len(block) % SAMPLE_BYTES]
        status = process.finish()
        # The end of a file that is cut off is an error to ffmpeg; what came before it is good.
        if process.timed_out or status < 0 or (status and not decoded):
            raise failure(process, status, "Decoding the sound")


def _arguments(file: MediaFile, start_ms: int, end_ms: int | None, stream: int) -> tuple[str, ...]:
    """Return the arguments of ffmpeg.

    An MP3 has no index: it is decoded from its beginning, as a seek would land seconds off.
    """
    seek = ("-ss", _seconds(start_ms)) if start_ms else ()
    before, after = ((), seek) if file.demuxer == "mp3" else (seek, ())
    length = () if end_ms is None else ("-t", _seconds(max(0, end_ms - start_ms)))
    return (
        *("-loglevel", "error"),
        *file.input(*before, "-vn", "-sn", "-dn"),
        *after,
        *("-map", f"0:a:{stream}"),
        *("-af", f"aresample={SAMPLE_RATE}:async=1:first_pts=0"),
        *("-ac", "1", "-ar", str(SAMPLE_RATE), *length),
        *("-f", "s16le", "-c:a", "pcm_s16le", "pipe:1"),
    )


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
