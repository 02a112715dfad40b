"""Drawn shapes with captions: 6 shapes, 6 colours, 2 sizes, 3 backgrounds, 32 x 32.

Six of the 36 pairs of a colour and a shape are never trained on. A model that
names one of these has learned colour and shape independently. Drawn here, by Pillow.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from models.data import captions
from models.data.captions import CaptionedImages
from models.data.images import Images, Split

TRAINED, HELD, KNOWN = 8000, 600, 600
"""Pictures to train on, and to judge by: so many of pairs that are held out, and of the others."""

SIDE = 32
SHAPES = ("circle", "square", "triangle", "star", "cross", "diamond")
COLOURS = {
    "red": (220, 40, 40),
    "green": (40, 180, 60),
    "blue": (50, 80, 230),
    "yellow": (240, 220, 50),
    "purple": (150, 50, 190),
    "orange": (245, 140, 30),
}
BACKGROUNDS = {"white": (250, 250, 250), "black": (10, 10, 10), "grey": (128, 128, 128)}
SIZES = {"small": (6.0, 8.0), "large": (11.0, 14.0)}
"""Radius, pixels, from and to."""

HELD_OUT = frozenset(
    {
        ("red", "star"),
        ("green", "circle"),
        ("blue", "cross"),
        ("yellow", "square"),
        ("purple", "triangle"),
        ("orange", "diamond"),
    }
)
"""Pairs that only the test has, each colour and each shape once."""

CAPTIONS = (
    "a {size} {colour} {shape} on a {background} background",
    "{size} {colour} {shape}, {background} background",
    "there is a {size} {colour} {shape} on {background}",
    "a {colour} {shape}",
)
NAMES = tuple(f"{colour} {shape}" for colour, shape in product(COLOURS, SHAPES))
"""All pairs of a colour and a shape, which are the labels."""

_FINER = 4
"""Shapes are drawn so many times as large and then made smaller, which smooths their edges."""


_SEED = 1


@dataclass(frozen=True, slots=True)
class Scene:
    """The content of a picture."""

    shape: str
    colour: str
    size: str
    background: str

    @property
    def held_out(self) -> bool:
        """Return whether the pair of colour and shape is held out of training."""
        return (self.colour, self.shape) in HELD_OUT

    @property
    def label(self) -> int:
        """Return its index in NAMES."""
        return NAMES.index(f"{self.colour} {self.shape}")

    def caption(self, template: str) -> str:
        """Return one of CAPTIONS, filled in for this scene."""
        return template.format(
            shape=self.shape, colour=self.colour, size=self.size, background=self.background
        )


def prepare(into: Path) -> Path:
    """Write the channel and return its captions. Equal bytes each time. Raises DiskFull.

    The test has pictures of pairs that are held out first, then as many of the others. A picture
    has one caption. Labels are pairs of a colour and a shape.
    """
    chance = random.Random(_SEED)  # noqa: S311 - a data set that is the same each time
    known = scenes(chance, held_out=False)
    train = list(islice(known, TRAINED))
    test = [*islice(scenes(chance, held_out=True), HELD), *islice(known, KNOWN)]
    said = {
        part: [(each.caption(chance.choice(CAPTIONS)),) for each in chosen]
        for part, chosen in (("train", train), ("test", test))
    }
    pictures = Images(_split(train, chance), _split(test, chance), NAMES)
    return captions.write(
        into, CaptionedImages(pictures, {"train": said["train"], "test": said["test"]})
    )


def _split(chosen: Sequence[Scene], chance: random.Random) -> Split:
    return Split(
        np.stack([draw(scene, chance) for scene in chosen]),
        np.array([scene.label for scene in chosen], np.int64),
    )


def scenes(chance: random.Random, *, held_out: bool) -> Iterator[Scene]:
    """Yield random scenes without end, of held-out pairs or of the others."""
    while True:
        scene = Scene(
            chance.choice(SHAPES),
            chance.choice(list(COLOURS)),
            chance.choice(list(SIZES)),
            chance.choice(list(BACKGROUNDS)),
        )
        if scene.held_out == held_out:
            yield scene


def draw(scene: Scene, chance: random.Random) -> NDArray[np.uint8]:
    """Draw a scene, [32, 32, 3], with a random position and size."""
    lowest, highest = SIZES[scene.size]
    radius = chance.uniform(lowest, highest) * _FINER
    wide = SIDE * _FINER
    across, down = (chance.uniform(radius, wide - radius) for _ in range(2))
    sheet = Image.new("RGB", (wide, wide), BACKGROUNDS[scene.background])
    pen = ImageDraw.Draw(sheet)
    colour = COLOURS[scene.colour]
    if scene.shape == "circle":
        pen.ellipse((across - radius, down - radius, across + radius, down + radius), fill=colour)
    else:
        corners = [(across + radius * x, down + radius * y) for x, y in _outline(scene.shape)]
        pen.polygon(corners, fill=colour)
    return np.asarray(sheet.resize((SIDE, SIDE), Image.Resampling.LANCZOS))


def _outline(shape: str) -> Sequence[tuple[float, float]]:
    """Return the corners of a shape within the circle of radius 1."""
    half, arm = 0.85, 0.33
    if shape == "square":
        return [(-half, -half), (half, -half), (half, half), (-half, half)]
    if shape == "diamond":
        return [(0, -1), (0.6, 0), (0, 1), (-0.6, 0)]
    if shape == "cross":
        return [
            *((-arm, -1), (arm, -1), (arm, -arm), (1, -arm), (1, arm), (arm, arm)),
            *((arm, 1), (-arm, 1), (-arm, arm), (-1, arm), (-1, -arm), (-arm, -arm)),
        ]
    radii = [1.0] if shape == "triangle" else [1.0, 0.42]
    count = 3 if shape == "triangle" else 10
    turns = [2 * math.pi * at / count - math.pi / 2 for at in range(count)]
    return [
        (radii[at % len(radii)] * math.cos(turn), radii[at % len(radii)] * math.sin(turn))
        for at, turn in enumerate(turns)
    ]
