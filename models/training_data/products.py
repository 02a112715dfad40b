"""Products, each with a picture, a title and a class, as a channel for classifiers of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.failures import BadData
from models.training_data.channel import DataChannel, read_channel
from models.training_data.class_names import class_names, class_numbers
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import ProductRow


@dataclass(frozen=True, slots=True)
class ProductPart:
    """Products of a part: pictures, titles, and classes by number, [n].

    `groups` are the products that belong together: those of one picture, or of one group of the
    data.
    """

    paths: Sequence[Path]
    titles: Sequence[str]
    classes: NDArray[np.int64]
    groups: RowGroups


@dataclass(frozen=True, slots=True)
class Products:
    """A channel. `labels` are the classes of the training rows, in order of their names."""

    labels: tuple[str, ...]
    train: ProductPart
    validation: ProductPart
    test: ProductPart

    @property
    def commonest(self) -> int:
        """Return the class of the most training rows."""
        return int(np.bincount(self.train.classes).argmax())

    def for_trial(self) -> Products:
        """Return the channel with the validation rows in place of the test's."""
        if not self.validation.titles:
            raise BadData("There are no validation rows to try settings on.")
        return Products(self.labels, self.train, self.validation, self.validation)


def read(folder: Path) -> Products:
    """Read a channel.

    Raises:
        BadData: a row is broken, or its picture is missing; there is one class only, or too many; a
            class has too few rows; or rows that are held out have a class that no training row has.
    """
    channel = read_channel(folder, ProductRow)
    labels = class_names([row.label for row in channel.train])
    parts = (
        _part(name, channel, rows, labels)
        for name, rows in (
            ("train", channel.train),
            ("validation", channel.validation),
            ("test", channel.test),
        )
    )
    return Products(labels, *parts)


def _part(
    name: str,
    channel: DataChannel[ProductRow],
    rows: Sequence[ProductRow],
    labels: Sequence[str],
) -> ProductPart:
    return ProductPart(
        [channel.file(row.file) for row in rows],
        [row.title for row in rows],
        class_numbers(name, [row.label for row in rows], labels),
        row_groups(rows),
    )
