"""Conversion of images between pixels and the numbers of a network, and encoding as PNG.

PNG is written without an imaging library: eight bits a sample, no filter, no interlacing.
https://www.w3.org/TR/png-3/
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import ModelFailure
from chalicelib.inference.exported_model import ExportedModel

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {1: 0, 3: 2}
"""PNG's numbers of greyscale and truecolour, by the samples of a pixel."""
_COMPRESSION_LEVEL = 6
_MAX_PIXEL = 255


@dataclass(frozen=True, slots=True)
class PixelScale:
    """The size of a model's images, and the range of the numbers that represent their pixels."""

    side: int
    channels: int
    lowest: float
    highest: float

    @classmethod
    def of(cls, exported: ExportedModel) -> PixelScale:
        """Read the scale from the constants of a manifest. Raises `ModelFailure`."""
        numbers = exported.numbers("side", "channels", "lowest", "highest")
        side, channels = int(numbers["side"]), int(numbers["channels"])
        if side < 1 or channels not in (1, 3) or not numbers["lowest"] < numbers["highest"]:
            raise ModelFailure(f"{exported.signature.name} knows no pictures of {dict(numbers)}.")
        return cls(side, channels, numbers["lowest"], numbers["highest"])

    def to_floats(self, pixels: Pixels) -> Floats:
        """Return pixels [count, side, side, channels] as a network's input.

        The result is [count, channels, side, side] in the model's range, scaled as in training.
        """
        step = (self.highest - self.lowest) / _MAX_PIXEL
        scaled = pixels.astype(np.float32) * np.float32(step) + np.float32(self.lowest)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def to_pixels(self, images: Floats, count: int) -> Pixels:
        """Return a network's output [count, channels, side, side] as pixels.

        Raises:
            ModelFailure: the output has another shape, or is not finite.
        """
        expected = (count, self.channels, self.side, self.side)
        if images.shape != expected or not np.isfinite(images).all():
            raise ModelFailure(f"The model drew {images.shape} and not {expected}, or no numbers.")
        share = np.clip((images - self.lowest) / (self.highest - self.lowest), 0, 1)
        pixels: Pixels = np.round(share * _MAX_PIXEL).astype(np.uint8).transpose(0, 2, 3, 1)
        return pixels


def encode_png(pixels: Pixels) -> bytes:
    """Return pixels [height, width, samples] as a PNG; equal pixels give equal bytes.

    Raises:
        ValueError: a pixel has neither one sample nor three.
    """
    height, width, samples = pixels.shape
    if samples not in _COLOUR_TYPES:
        raise ValueError(f"A pixel has {samples} samples; 1 or 3 can be encoded.")
    header = struct.pack(">IIBBBBB", width, height, 8, _COLOUR_TYPES[samples], 0, 0, 0)
    # Each row begins with the number of its filter, 0 for none.
    rows = np.zeros((height, 1 + width * samples), np.uint8)
    rows[:, 1:] = pixels.reshape(height, width * samples)
    packed = zlib.compress(rows.tobytes(), _COMPRESSION_LEVEL)
    chunks = ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(_png_chunk(kind, data) for kind, data in chunks)


def _png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
