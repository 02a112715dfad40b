"""The classes of a channel's rows, by name and by number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.failures import BadData

MAX_CLASSES = 1_000
LEAST_ROWS = 2
"""Rows of a class that there have to be in the training rows: one alone is learned by heart."""


def class_names(trained: Sequence[str]) -> tuple[str, ...]:
    """Return the classes of the training rows, in order of their names.

    Raises:
        BadData: there is one class only, or too many; or a class has too few rows.
    """
    counts = Counter(trained)
    names = tuple(sorted(counts))
    if len(names) < 2:
        raise BadData(
            f"train.jsonl has one class only, {names[0]!r}: there is nothing to tell apart. Add "
            "rows of another class."
        )
    if len(names) > MAX_CLASSES:
        raise BadData(
            f"train.jsonl has {len(names)} classes, and {MAX_CLASSES} are the most; look whether "
            "the column of classes is another one."
        )
    if few := [name for name in names if counts[name] < LEAST_ROWS]:
        raise BadData(
            f"train.jsonl has fewer than {LEAST_ROWS} rows of {len(few)} classes, such as "
            f"{few[0]!r}; add rows of them, or leave the classes out."
        )
    return names


def class_numbers(part: str, labels: Sequence[str], names: Sequence[str]) -> NDArray[np.int64]:
    """Return the number of each row's class among `names`, [n].

    Raises:
        BadData: a row of the part has a class that no training row has.
    """
    numbers = {name: at for at, name in enumerate(names)}
    for at, label in enumerate(labels, 1):
        if label not in numbers:
            raise BadData(
                f"{part}.jsonl, row {at}: label: {label!r} is the class of no training row; leave "
                "it out, or put rows of it into the training's part, too."
            )
    return np.array([numbers[label] for label in labels], np.int64)
