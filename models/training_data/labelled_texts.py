"""Texts with their classes, as a channel, for classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.failures import BadData
from models.training_data.channel import read_channel
from models.training_data.class_names import class_names, class_numbers
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import LabelledText


@dataclass(frozen=True, slots=True)
class LabelledPart:
    """Texts, their classes by number, [n], and which texts are of one group."""

    texts: Sequence[str]
    classes: NDArray[np.int64]
    groups: RowGroups


@dataclass(frozen=True, slots=True)
class LabelledTexts:
    """A channel. `labels` are the classes of the training rows, in order of their names."""

    labels: tuple[str, ...]
    train: LabelledPart
    validation: LabelledPart
    test: LabelledPart

    @property
    def commonest(self) -> int:
        """Return the class of the most training rows."""
        return int(np.bincount(self.train.classes).argmax())

    def for_trial(self) -> LabelledTexts:
        """Return the channel with the validation rows in place of the test's."""
        if not self.validation.texts:
            raise BadData("There are no validation rows to try settings on.")
        return LabelledTexts(self.labels, self.train, self.validation, self.validation)


def read(folder: Path) -> LabelledTexts:
    """Read a channel.

    Raises:
        BadData: a row is broken; there is one class only, or too many; a class has too few rows; or
            rows that are held out have a class that no training row has.
    """
    channel = read_channel(folder, LabelledText)
    labels = class_names([row.label for row in channel.train])
    parts = (
        _part(name, rows, labels)
        for name, rows in (
            ("train", channel.train),
            ("validation", channel.validation),
            ("test", channel.test),
        )
    )
    return LabelledTexts(labels, *parts)


def _part(name: str, rows: Sequence[LabelledText], labels: Sequence[str]) -> LabelledPart:
    classes = class_numbers(name, [row.label for row in rows], labels)
    return LabelledPart([row.text for row in rows], classes, row_groups(rows))
