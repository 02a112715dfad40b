"""Sheets for cards: pictures with a line of text beside each. By Pillow."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.common.pictures import Pixels

_GAP = 6
_LETTER = 6
"""Pixels that a letter of Pillow's own font takes."""


def captioned(images: NDArray[np.uint8], texts: Sequence[str], scale: int = 2) -> Pixels:
    """Return a row for each of [n, height, width, 3], enlarged, with its text on the right.

    The result is [height, width, 3].
    """
    count, high, wide, _ = images.shape
    row, column = high * scale + _GAP, wide * scale + 2 * _GAP
    across = column + _GAP + _LETTER * max(len(text) for text in texts)
    sheet = Image.new("RGB", (across, count * row + _GAP), (255, 255, 255))
    pen = ImageDraw.Draw(sheet)
    for at, (pixels, text) in enumerate(zip(images, texts, strict=True)):
        top = at * row + _GAP
        large = Image.fromarray(pixels).resize(
            (wide * scale, high * scale), Image.Resampling.NEAREST
        )
        sheet.paste(large, (_GAP, top))
        pen.text((column, top + (row - 2 * _GAP) // 2), text, fill=(20, 20, 20))
    return np.asarray(sheet)
