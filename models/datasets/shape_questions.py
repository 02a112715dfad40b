"""Drawn shapes with captions, and questions on colour, shape, size and background.

The test has the pairs of a colour and a shape that are never trained on. Drawn here: see `shapes`.
"""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import numpy as np

from models.data import questions
from models.data.questions import PictureDescription, QuestionSplit
from models.datasets.shapes import CAPTIONS, Scene, draw, scenes

TRAINED, JUDGED = 4000, 400

_SEED = 11


def prepare(into: Path, trained: int = TRAINED, judged: int = JUDGED) -> Path:
    """Write the channel and return its file of pictures. Equal bytes each time.

    Raises:
        DiskFull: there was no room.
    """
    chance = random.Random(_SEED)  # noqa: S311 - a data set that is the same each time
    train = _part(chance, trained, held_out=False)
    return questions.write(into, train, _part(chance, judged, held_out=True))


def _part(chance: random.Random, count: int, *, held_out: bool) -> QuestionSplit:
    chosen = list(islice(scenes(chance, held_out=held_out), count))
    return QuestionSplit(
        np.stack([draw(scene, chance) for scene in chosen]),
        [_described(scene) for scene in chosen],
    )


def _described(scene: Scene) -> PictureDescription:
    return PictureDescription(
        caption=scene.caption(CAPTIONS[0]),
        answers={
            "colour": scene.colour,
            "shape": scene.shape,
            "size": scene.size,
            "background": scene.background,
        },
    )
