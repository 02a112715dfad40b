"""Handwritten digits, 8 x 8: 1,797 pictures that come with scikit-learn.

They are read from its file, as importing scikit-learn takes longer than all else here.
Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak, 1998, CC BY 4.0.
https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits
"""

from __future__ import annotations

import gzip
import hashlib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.data import images
from models.data.images import Images, Split
from models.failures import NoDataset

TRAINED = 1400
"""Pictures to train on; the other 397 judge."""

_FILE = "datasets/data/digits.csv.gz"
_SHA256 = "09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22"
_SIDE, _BRIGHTEST = 8, 16
_SEED = 0


def prepare(into: Path) -> Path:
    """Write the channel and return its file. Equal bytes each time.

    Raises:
        NoDataset: scikit-learn is not there, or its file is another.
        DiskFull: there was no room.
    """
    rows = _rows()
    rows = rows[np.random.default_rng(_SEED).permutation(len(rows))]
    brightness = rows[:, :-1].reshape(-1, _SIDE, _SIDE, 1)
    pictures = np.round(brightness * (255 / _BRIGHTEST)).astype(np.uint8)
    labels = rows[:, -1].astype(np.int64)
    return images.write(
        into,
        Images(
            Split(pictures[:TRAINED], labels[:TRAINED]),
            Split(pictures[TRAINED:], labels[TRAINED:]),
            tuple("0123456789"),
        ),
    )


def _rows() -> NDArray[np.float64]:
    """Return 64 pixels of each picture, from 0 to 16, and its digit."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise NoDataset("The digits come with scikit-learn, which is not installed.")
    path = Path(package.origin).parent / _FILE
    content = path.read_bytes() if path.is_file() else b""
    if (found := hashlib.sha256(content).hexdigest()) != _SHA256:
        raise NoDataset(f"{path} has the sha256 {found}, and that of the digits is {_SHA256}.")
    lines = gzip.decompress(content).decode().splitlines()
    return np.array([[float(value) for value in line.split(",")] for line in lines])
