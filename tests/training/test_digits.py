"""The data set of handwritten digits against scikit-learn, which it comes with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from models.data import images


def test_the_pictures_should_be_those_that_scikit_learn_gives(digits: Path) -> None:
    found, theirs = images.read(digits), load_digits()
    ours = np.concatenate([found.train.images, found.test.images])[..., 0]
    labels = np.concatenate([found.train.labels, found.test.labels])
    scaled = np.round(theirs.images * (255 / 16)).astype(np.uint8)
    assert sorted(zip(labels, map(bytes, ours), strict=True)) == sorted(
        zip(theirs.target, map(bytes, scaled), strict=True)
    )
    assert [len(found.train.labels), len(found.test.labels)] == [1400, 397]
