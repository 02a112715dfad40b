"""Printed digits with captions, such as "a bold printed three": dark ink on light paper.

The recipe `diffusion` draws handwritten digits, light on dark, and never saw one of these. They are
set in Aileron (S. Sagano, CC0), which Pillow brings, at sizes, places and angles by chance.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.datasets.captioned_digits import NAMES
from models.training_data.channel import MANIFEST, ChannelWriter, DataPart, DataSource
from models.training_data.rows import CaptionedImage

SIDE = 48
"""Pixels of a picture's side."""
SHARES: dict[DataPart, int] = {"train": 200, "validation": 20, "test": 100}
_PAPER = (200, 255)
_INK = (0, 60)
_SIZES = (38, 46)
_ANGLE = 8
_SHIFT = 3
_BOLD = 2
_SEED = 0


def prepare(into: Path) -> Path:
    """Write the channel and return its manifest. Equal bytes each time. Raises DiskFull."""
    rng = np.random.default_rng(_SEED)
    with ChannelWriter(into, "captioned_images") as writer:
        for part, count in SHARES.items():
            for at in range(count):
                digit, bold = at % len(NAMES), bool(rng.integers(2))
                name = writer.add_file(_png(_drawn(rng, digit, bold=bold)), ".png")
                text = f"a {'bold' if bold else 'thin'} printed {NAMES[digit]}"
                writer.add(part, CaptionedImage(file=name, text=text))
        writer.close(DataSource(source="models/datasets/printed_digits.py", licence="CC0-1.0"))
    return into / MANIFEST


def _drawn(rng: np.random.Generator, digit: int, *, bold: bool) -> Image.Image:
    paper, ink = int(rng.integers(*_PAPER)), int(rng.integers(*_INK))
    sheet = Image.new("L", (SIDE, SIDE), paper)
    font = ImageFont.load_default(int(rng.integers(*_SIZES)))
    place = tuple(SIDE / 2 + float(each) for each in rng.uniform(-_SHIFT, _SHIFT, 2))
    pen = ImageDraw.Draw(sheet)
    stroke = _BOLD if bold else 0
    pen.text((place[0], place[1]), str(digit), ink, font, anchor="mm", stroke_width=stroke)
    angle = float(rng.uniform(-_ANGLE, _ANGLE))
    return sheet.rotate(angle, Image.Resampling.BICUBIC, fillcolor=paper)


def _png(picture: Image.Image) -> bytes:
    packed = io.BytesIO()
    picture.save(packed, "PNG")
    return packed.getvalue()
