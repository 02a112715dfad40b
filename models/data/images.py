"""Labelled pictures as a channel: one file `images.npz`, with a train and a test split.

`train_images` and `test_images` are uint8 of [n, height, width, channels], `train_labels` and
`test_labels` integers of [n], `names` the label's names as text.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.failures import BadData, NotFinite
from models.files import disk_full_as_failure

FILE = "images.npz"
_ARRAYS = ("train_images", "train_labels", "test_images", "test_labels", "names")
_AXES = 4


@dataclass(frozen=True, slots=True)
class Split:
    """Pictures with their labels."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def scaled(self) -> NDArray[np.float32]:
        """Return the pictures as [n, channels, height, width] from -1 to 1."""
        return to_network(self.images)

    def at(self, rows: NDArray[np.bool_]) -> Split:
        """Return the pictures for which `rows`, [n], is true."""
        return Split(self.images[rows], self.labels[rows])


@dataclass(frozen=True, slots=True)
class Images:
    """A channel of pictures. `test` is never trained on."""

    train: Split
    test: Split
    names: tuple[str, ...]

    def require(self, side: int, channels: int) -> None:
        """Raise BadData unless pictures are `side` by `side` with `channels` channels."""
        shape = self.train.images.shape[1:]
        if shape != (side, side, channels):
            raise BadData(
                f"{FILE} has pictures of {shape[0]} x {shape[1]} x {shape[2]}, and the recipe is "
                f"set to side {side} and channels {channels}; change one or the other."
            )


VALIDATION_SHARE = 0.2
_VALIDATION_SEED = 1


def validation_rows(count: int) -> NDArray[np.bool_]:
    """Return which of `count` training rows validate, [count]: a fifth, the same each time."""
    drawn = np.random.default_rng(_VALIDATION_SEED).permutation(count)
    return np.asarray(drawn < round(VALIDATION_SHARE * count), np.bool_)


def validation(data: Images) -> Images:
    """Return a channel whose test is a fifth of the training pictures, and not the test's."""
    held = validation_rows(len(data.train.images))
    return Images(data.train.at(~held), data.train.at(held), data.names)


def to_network(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return [n, height, width, channels], 0 to 255, as [n, channels, height, width], -1 to 1."""
    scaled = images.astype(np.float32) / 127.5 - 1
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def from_network(images: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return [n, channels, height, width], -1 to 1, as [n, height, width, channels], 0 to 255.

    Raises:
        NotFinite: a pixel is nan or infinite, which no cast to whole numbers shows.
    """
    broken = np.flatnonzero(~np.isfinite(images).all(axis=(1, 2, 3)))
    if len(broken):
        raise NotFinite(
            f"{len(broken)} of {len(images)} pictures have pixels that are not finite; the first "
            f"is picture {broken[0]}. The network that drew them cannot be used."
        )
    whole = np.clip((images + 1) * 127.5, 0, 255).round().astype(np.uint8)
    return np.ascontiguousarray(whole.transpose(0, 2, 3, 1))


def write(folder: Path, images: Images) -> Path:
    """Write a channel; equal pictures give equal bytes. Raises DiskFull."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    with disk_full_as_failure(path):
        np.savez(
            path,
            train_images=images.train.images,
            train_labels=images.train.labels,
            test_images=images.test.images,
            test_labels=images.test.labels,
            names=np.array(images.names),
        )
    return path


def read(folder: Path) -> Images:
    """Read a channel.

    Raises:
        BadData: the file is missing or broken, or an array is; the message names the row.
    """
    path = folder / FILE
    if not path.is_file():
        raise BadData(f"The channel has no {FILE}: {folder} has {_file_names(folder)}.")
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            missing = [name for name in _ARRAYS if name not in file.files]
            if missing:
                raise BadData(f"{path} lacks {', '.join(missing)}; it has {', '.join(file.files)}.")
            found = {name: file[name] for name in _ARRAYS}
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise BadData(f"{path} is no whole NPZ file: {error}") from error
    names = tuple(str(name) for name in found["names"])
    return Images(
        _split(path, "train", found["train_images"], found["train_labels"], names),
        _split(path, "test", found["test_images"], found["test_labels"], names),
        names,
    )


def _split(
    path: Path,
    part: str,
    images: NDArray[np.generic],
    labels: NDArray[np.generic],
    names: tuple[str, ...],
) -> Split:
    where = f"{path}, {part}"
    if images.dtype != np.uint8 or images.ndim != _AXES or not len(images):
        raise BadData(
            f"{where}_images is {images.dtype} of {images.shape}, and has to be uint8 of "
            "[n, height, width, channels] with a row at least."
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "iu":
        raise BadData(
            f"{where}_labels is {labels.dtype} of {labels.shape}, and has to be integers, one for "
            f"each of {len(images)} pictures."
        )
    whole = labels.astype(np.int64)
    broken = np.flatnonzero((whole < 0) | (whole >= len(names)))
    if len(broken):
        row = int(broken[0])
        raise BadData(
            f"{where}_labels has {len(broken)} rows out of 0 to {len(names) - 1}; the first is row "
            f"{row}, {int(whole[row])}."
        )
    return Split(images.astype(np.uint8, copy=False), whole)


def _file_names(folder: Path) -> str:
    return ", ".join(sorted(path.name for path in folder.iterdir())[:5]) or "nothing"
