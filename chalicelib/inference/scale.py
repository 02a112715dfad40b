"""Pictures as a model's numbers, and back: its size of them, and the range of their numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chalicelib.errors import ModelFailure
from chalicelib.inference.exported import Exported

Pixels = NDArray[np.uint8]
Numbers = NDArray[np.float32]

_HIGHEST = 255


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of a model's pictures, and the range of their numbers."""

    side: int
    channels: int
    lowest: float
    highest: float

    @classmethod
    def of(cls, exported: Exported) -> Scale:
        """Read it from the constants of a manifest. Raises `ModelFailure`."""
        found = exported.numbers("side", "channels", "lowest", "highest")
        side, channels = int(found["side"]), int(found["channels"])
        if side < 1 or channels not in (1, 3) or not found["lowest"] < found["highest"]:
            raise ModelFailure(f"{exported.signature.name} knows no pictures of {dict(found)}.")
        return cls(side, channels, found["lowest"], found["highest"])

    def numbers(self, pixels: Pixels) -> Numbers:
        """Return [count, side, side, channels] as [count, channels, side, side] in the model's
        range, as training scales them.
        """
        step = (self.highest - self.lowest) / _HIGHEST
        scaled = pixels.astype(np.float32) * np.float32(step) + np.float32(self.lowest)
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))

    def pixels(self, images: Numbers, count: int) -> Pixels:
        """Return [count, channels, side, side] in the model's range as pixels.

        Raises:
            ModelFailure: the numbers are of another shape, or one of them is none.
        """
        wanted = (count, self.channels, self.side, self.side)
        if images.shape != wanted or not np.isfinite(images).all():
            raise ModelFailure(f"The model drew {images.shape} and not {wanted}, or no numbers.")
        share = np.clip((images - self.lowest) / (self.highest - self.lowest), 0, 1)
        pixels: Pixels = np.round(share * _HIGHEST).astype(np.uint8).transpose(0, 2, 3, 1)
        return pixels
