"""Drawn shapes with questions in words and their answers, as rows of `image_questions`.

Of each picture are asked its colour, shape, size and background, and whether it shows a certain
colour and shape, each in one of several wordings. The test has the pairs of a colour and a shape
that are never trained on, so that no question about one of its pictures was answered in training.
Drawn here: see `shapes`.
"""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

from chalicelib.inference.pixels import encode_png
from models.datasets.shapes import COLOURS, HELD_OUT, SHAPES, Scene, draw, scenes
from models.training_data.channel import ChannelWriter, DataPart, DataSource
from models.training_data.rows import QuestionedImage

TRAINED, VALIDATED, JUDGED = 4000, 200, 400
"""Pictures of each part; there are five questions on each."""

WORDINGS = {
    "colour": ("what colour is it?", "which colour does the shape have?", "name its colour"),
    "shape": ("what shape is it?", "which shape is shown?", "name the shape"),
    "size": ("is it small or large?", "how big is the shape?"),
    "background": ("what is behind it?", "which colour has the background?"),
}
CLAIM = "is it a {colour} {shape}?"
"""A question that is answered with yes for half of the pictures, and whose words say nothing."""

_SEED = 23


def prepare(into: Path) -> Path:
    """Write the channel and return its folder. Equal bytes each time. Raises DiskFull."""
    rng = random.Random(_SEED)  # noqa: S311 - a data set that is the same each time
    known, unseen = scenes(rng, held_out=False), scenes(rng, held_out=True)
    parts: tuple[tuple[DataPart, list[Scene]], ...] = (
        ("train", list(islice(known, TRAINED))),
        ("validation", list(islice(known, VALIDATED))),
        ("test", list(islice(unseen, JUDGED))),
    )
    about = DataSource(
        source="drawn by models/datasets/shapes.py",
        licence="Apache-2.0",
        split="the test has pairs of a colour and a shape that no other part has",
    )
    with ChannelWriter(into, "image_questions") as writer:
        for part, chosen in parts:
            for scene in chosen:
                name = writer.add_file(encode_png(draw(scene, rng)), ".png")
                for question, answer in _asked(scene, rng):
                    row = QuestionedImage(file=name, question=question, answer=answer)
                    writer.add(part, row)
        writer.close(about)
    return into


def _asked(scene: Scene, rng: random.Random) -> list[tuple[str, str]]:
    """Return questions on a picture with their answers."""
    found = [
        (rng.choice(wordings), str(getattr(scene, name))) for name, wordings in WORDINGS.items()
    ]
    right = rng.random() < 1 / 2
    colour, shape = (scene.colour, scene.shape) if right else _other(scene, rng)
    claim = CLAIM.format(colour=colour, shape=shape)
    return [*found, (claim, "yes" if right else "no")]


def _other(scene: Scene, rng: random.Random) -> tuple[str, str]:
    """Return another colour for its shape, or another shape of its colour; no unseen pair."""
    if rng.random() < 1 / 2:
        others = [(each, scene.shape) for each in COLOURS if each != scene.colour]
    else:
        others = [(scene.colour, each) for each in SHAPES if each != scene.shape]
    return rng.choice([pair for pair in others if pair not in HELD_OUT])
