"""Texts with their classes, as a channel, for classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.failures import BadData
from models.training_data.channel import read_channel
from models.training_data.row_groups import RowGroups, row_groups
from models.training_data.rows import LabelledText

MAX_CLASSES = 1_000
LEAST_ROWS = 2
"""Rows of a class that there have to be in the training rows: one alone is learned by heart."""


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
    counts: dict[str, int] = {}
    for row in channel.train:
        counts[row.label] = counts.get(row.label, 0) + 1
    labels = tuple(sorted(counts))
    if len(labels) < 2:
        raise BadData(
            f"train.jsonl has one class only, {labels[0]!r}: there is nothing to tell apart. Add "
            "rows of another class."
        )
    if len(labels) > MAX_CLASSES:
        raise BadData(
            f"train.jsonl has {len(labels)} classes, and {MAX_CLASSES} are the most; look whether "
            "the column of classes is another one."
        )
    if few := [label for label in labels if counts[label] < LEAST_ROWS]:
        raise BadData(
            f"train.jsonl has fewer than {LEAST_ROWS} rows of {len(few)} classes, such as "
            f"{few[0]!r}; add rows of them, or leave the classes out."
        )
    numbers = {label: at for at, label in enumerate(labels)}
    parts = (
        _part(name, rows, numbers)
        for name, rows in (
            ("train", channel.train),
            ("validation", channel.validation),
            ("test", channel.test),
        )
    )
    return LabelledTexts(labels, *parts)


def _part(name: str, rows: Sequence[LabelledText], numbers: dict[str, int]) -> LabelledPart:
    for at, row in enumerate(rows, 1):
        if row.label not in numbers:
            raise BadData(
                f"{name}.jsonl, row {at}: label: {row.label!r} is the class of no training row; "
                "leave it out, or put rows of it into the training's part, too."
            )
    classes = np.array([numbers[row.label] for row in rows], np.int64)
    return LabelledPart([row.text for row in rows], classes, row_groups(rows))
