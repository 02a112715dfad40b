"""Pictures of a user's files as a network takes them: squares of one size, grey or in colour.

The rule: a picture is turned as its camera says, and put on white where it is transparent; its
longer side is cut on both ends to a square, which is made smaller by averaging. No picture is made
larger: what is smaller than the network's size is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from models.failures import BadData

Pictures = NDArray[np.uint8]
"""[n, height, width, channels]."""
_MODES = {1: "L", 3: "RGB"}


def read_squares(paths: Iterable[Path], side: int, channels: int) -> Pictures:
    """Return pictures as [n, side, side, channels].

    Raises:
        BadData: one is broken or smaller than `side`; the message names its file.
    """
    return np.stack([_read_square(path, side, channels) for path in paths])


def _read_square(path: Path, side: int, channels: int) -> Pictures:
    try:
        with Image.open(path) as opened:
            turned = ImageOps.exif_transpose(opened)
            paper = Image.new("RGBA", turned.size, "white")
            picture = Image.alpha_composite(paper, turned.convert("RGBA")).convert(_MODES[channels])
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadData(
            f"{path} is no whole picture: {error}. Replace it, or leave its row out."
        ) from error
    if min(picture.size) < side:
        raise BadData(
            f"{path} has {picture.width} x {picture.height} pixels, and the base draws {side} x "
            f"{side}: give a larger picture, or a base that draws smaller ones."
        )
    square = ImageOps.fit(picture, (side, side), Image.Resampling.BOX)
    return np.asarray(square, np.uint8).reshape(side, side, channels)


def shrunk(pictures: Pictures, side: int) -> Pictures:
    """Return pictures made smaller by averaging, to `side` at most."""
    if pictures.shape[1] <= side:
        return pictures
    channels = pictures.shape[3]
    flat = pictures[..., 0] if channels == 1 else pictures
    small = [
        np.asarray(Image.fromarray(each).resize((side, side), Image.Resampling.BOX))
        for each in flat
    ]
    return np.stack(small).reshape(len(pictures), side, side, channels)
