"""Handwritten digits, 8 x 8: 1,797 pictures that come with scikit-learn.

Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, CC BY 4.0.
https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from models.common import images
from models.common.images import Images, Split

TRAINED = 1400
"""Pictures to train on; the other 397 judge."""

_BRIGHTEST = 16
_SEED = 0


def prepare(into: Path) -> Path:
    """Write the channel and return its file. The same bytes each time. Raises DiskFull."""
    found = load_digits()
    order = np.random.default_rng(_SEED).permutation(len(found.images))
    pictures = np.round(found.images[order] * (255 / _BRIGHTEST)).astype(np.uint8)[..., None]
    labels = found.target[order].astype(np.int64)
    return images.write(
        into,
        Images(
            Split(pictures[:TRAINED], labels[:TRAINED]),
            Split(pictures[TRAINED:], labels[TRAINED:]),
            tuple("0123456789"),
        ),
    )
