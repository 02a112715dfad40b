"""Groups of rows, and what each of them has."""

from __future__ import annotations

import numpy as np

from models.evaluation.intervals import group_means, group_sums
from models.training_data.row_groups import row_groups
from models.training_data.rows import CaptionedImage, TextExample


def test_rows_of_one_group_or_picture_or_other_key_should_be_together() -> None:
    texts = [TextExample(text="a", group=group) for group in ("x", None, "y", "x", None)]
    assert row_groups(texts).tolist() == [0, 1, 2, 0, 3]
    assert row_groups(texts, ["p", "p", "q", "r", "s"]).tolist() == [0, 0, 1, 0, 2]
    pictures = [
        CaptionedImage(file=file, text="a", group=group)
        for file, group in (("1.png", "x"), ("2.png", "x"), ("2.png", None), ("3.png", "3.png"))
    ]
    assert row_groups(pictures).tolist() == [0, 0, 0, 1]


def test_each_group_should_count_once() -> None:
    groups = np.array([7, 7, 7, 2])
    assert group_means(np.array([1.0, 0, 0.5, 4]), groups).tolist() == [4, 0.5]
    assert group_sums(np.array([[1.0, 2], [3, 4], [0, 0], [5, 6]]), groups).tolist() == [
        [5, 6],
        [4, 6],
    ]
