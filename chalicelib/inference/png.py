"""Pixels as PNG, without an imaging library: eight bits a sample, no filter, no interlacing.

https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
from numpy.typing import NDArray

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2}
"""Greyscale and truecolour, by the samples of a pixel."""
_LEVEL = 6


def encoded(pixels: NDArray[np.uint8]) -> bytes:
    """Return [height, width, samples] as a PNG; the same pixels make the same bytes.

    Raises:
        ValueError: a pixel has neither one sample nor three.
    """
    height, width, samples = pixels.shape
    if samples not in _COLOUR_TYPES:
        raise ValueError(f"A pixel has {samples} samples; 1 or 3 can be encoded.")
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[samples], 0, 0, 0)
    rows = np.zeros(
        (height, 1 + width * samples), np.uint8
    )  # each row begins with its filter, none
    rows[:, 1:] = pixels.reshape(height, width * samples)
    packed = zlib.compress(rows.tobytes(), _LEVEL)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
