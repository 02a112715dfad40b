"""Pictures and what is said of them, as a channel, for models that compare both.

Pictures with classes are read, too: what is said of one is its class in a template.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from chalicelib.errors import HeadraceError
from chalicelib.inference.image_files import fit_square
from models.failures import BadData
from models.training_data.channel import DataChannel, read_channel, read_manifest
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import CaptionedImage, ClassedImage

MAX_KEPT_BYTES = 1 << 30
"""The most bytes of scaled pictures that are kept in memory; others are opened at each step."""
_CHANNELS = 3


@dataclass(frozen=True, slots=True)
class PicturePart:
    """Pictures of a part, one a row, and what is said of them: a caption, or the name of a class.

    `groups` are the rows that belong together: those of one picture, or of one group of the data.
    """

    paths: Sequence[Path]
    said: Sequence[str]
    groups: RowGroups

    def __len__(self) -> int:
        return len(self.paths)


@dataclass(frozen=True, slots=True)
class CaptionedPictures:
    """A channel. `labels` are all classes in order of their names, if rows have classes."""

    train: PicturePart
    validation: PicturePart
    test: PicturePart
    labels: tuple[str, ...] = ()

    def for_trial(self) -> CaptionedPictures:
        """Return the channel with the validation rows in place of the test's."""
        if not len(self.validation):
            raise BadData("There are no validation rows to try settings on.")
        return CaptionedPictures(self.train, self.validation, self.validation, self.labels)

    def captions(self, part: PicturePart, template: str) -> list[str]:
        """Return the captions of a part; the name of a class stands in the place of `{}`."""
        return [template.format(each) if self.labels else each for each in part.said]


def read(folder: Path) -> CaptionedPictures:
    """Read a channel of captioned or of classed pictures.

    Raises:
        BadData: a row is broken; the rows that are trained on, or those that judge, have one
            caption or one class only.
    """
    labels: tuple[str, ...] = ()
    if read_manifest(folder).kind == ClassedImage.kind:
        classed = read_channel(folder, ClassedImage)
        parts = [
            _part(classed, rows, [row.label for row in rows])
            for rows in (classed.train, classed.validation, classed.test)
        ]
        labels = tuple(sorted({each for part in parts for each in part.said}))
    else:
        channel = read_channel(folder, CaptionedImage)
        parts = [
            _part(channel, rows, [row.text for row in rows])
            for rows in (channel.train, channel.validation, channel.test)
        ]
    train, validation, test = parts
    found = CaptionedPictures(train, validation, test, labels)
    for name, part in (("train", found.train), ("test", found.test)):
        if len(set(part.said)) < 2:
            what = "class" if found.labels else "caption"
            raise BadData(
                f"{name}.jsonl has one {what} only, {part.said[0][:80]!r}: there is nothing to "
                "tell apart. Add pictures of another."
            )
    return found


R = TypeVar("R", CaptionedImage, ClassedImage)


def _part(channel: DataChannel[R], rows: Sequence[R], said: Sequence[str]) -> PicturePart:
    paths = [channel.file(row.file) for row in rows]
    return PicturePart(paths, said, row_groups(rows))


class PictureReader:
    """Opens pictures as a served model does: whole on a white square, from 0 to 255."""

    def __init__(self, paths: Sequence[Path], side: int, channels: int = _CHANNELS) -> None:
        """Read `paths`, whose rows may share a picture; each is scaled to `side` pixels.

        `channels` are 3 for colours, or 1 for greys.
        """
        self._paths, self._side, self._channels = paths, side, channels
        self._kept: dict[Path, NDArray[np.uint8]] = {}

    def pixels(self, rows: Sequence[int]) -> NDArray[np.uint8]:
        """Return the pictures of rows, [n, side, side, channels]. Raises BadData."""
        return np.stack([self._opened(self._paths[row]) for row in rows])

    def _opened(self, path: Path) -> NDArray[np.uint8]:
        kept = self._kept.get(path)
        if kept is not None:
            return kept
        try:
            found = fit_square(_readable(path), self._side, self._channels, path.name)
        except (OSError, HeadraceError) as error:
            raise BadData(f"{path} cannot be opened: {error}") from error
        if (len(self._kept) + 1) * found.nbytes <= MAX_KEPT_BYTES:
            self._kept[path] = found
        return found


def _readable(path: Path) -> bytes:
    """Return a picture's file; a BMP, which may be trained on and is not served, as a PNG."""
    content = path.read_bytes()
    if not content.startswith(b"BM"):
        return content
    written = io.BytesIO()
    with Image.open(io.BytesIO(content), formats=("BMP",)) as opened:
        opened.save(written, "PNG")
    return written.getvalue()
