"""Handwritten digits with captions of their stroke, such as "a bold handwritten three".

The pictures are those of `digits`. Thin, medium and bold are thirds of the pictures trained on, by
their mean brightness.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from chalicelib.inference.vocabulary import PromptVocabulary
from models.data import captions, images
from models.data.captions import CaptionedImages, Part
from models.data.images import Images, Split
from models.datasets import digits

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STROKES = ("thin", "medium", "bold")
WORDS = ("a", "the", "handwritten", "digit", *STROKES, *NAMES)


def prepare(into: Path) -> Path:
    """Write the channel and return its captions. Equal bytes each time. Raises DiskFull."""
    with tempfile.TemporaryDirectory() as scratch:
        digits.prepare(Path(scratch))
        found = images.read(Path(scratch))
    thirds = np.quantile(_ink(found.train), (1 / 3, 2 / 3))
    said: dict[Part, list[tuple[str, ...]]] = {
        "train": _captions(found.train, thirds),
        "test": _captions(found.test, thirds),
    }
    vocabulary = PromptVocabulary({word: at for at, word in enumerate(WORDS, 1)})
    return captions.write(
        into, CaptionedImages(Images(found.train, found.test, NAMES), said, vocabulary)
    )


def _captions(split: Split, thirds: NDArray[np.float64]) -> list[tuple[str, ...]]:
    strokes = np.digitize(_ink(split), thirds)
    return [
        _said(NAMES[label], STROKES[stroke])
        for label, stroke in zip(split.labels, strokes, strict=True)
    ]


def _said(name: str, stroke: str) -> tuple[str, ...]:
    return (
        f"a {stroke} handwritten {name}",
        f"a handwritten {name}",
        f"a {stroke} {name}",
        f"the digit {name}",
        "a handwritten digit",
    )


def _ink(split: Split) -> NDArray[np.float64]:
    """Return the mean brightness of each picture, [n]."""
    return np.asarray(split.images.mean(axis=(1, 2, 3)), np.float64)
