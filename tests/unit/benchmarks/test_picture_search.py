from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.picture_search import Held, interval, of_emoji
from benchmarks.summary_pictures import picture_search
from models.data.captions import CaptionedImages
from models.data.images import Images, Split


def test_an_interval_should_hold_its_mean_and_be_the_same_each_time() -> None:
    values = [1.0] * 56 + [0.0] * 144
    found = interval(values)
    low, high = found["interval"]
    assert found == interval(values)
    assert found["value"] == 0.28
    assert low == pytest.approx(0.28 - 1.96 * (0.28 * 0.72 / 200) ** 0.5, abs=0.01)
    assert high == pytest.approx(0.28 + 1.96 * (0.28 * 0.72 / 200) ** 0.5, abs=0.01)
    assert interval([1.0, 1.0])["interval"] == [1.0, 1.0]
    with pytest.raises(ValueError, match="No query"):
        interval([])


def test_the_page_should_have_a_row_a_number_and_a_column_a_way() -> None:
    number = {"recall_10 by text": {"value": 0.28, "interval": [0.22, 0.345]}}
    less = {"recall_10 by text": {"value": 0.125, "interval": [0.08, 0.17]}}
    told = {
        "pictures": 200,
        "through the index": number,
        "bare arrays": number,
        "by labels": less,
        "the recipe's own": {"recall_10": 0.28},
    }
    took = {"median": 358.8, "p90": 655.4}
    lines = list(picture_search({"facts": {"clip_emoji": told}, "measured": {"one search": took}}))
    both = " | ".join(["0.280 (0.220 to 0.345)"] * 2)
    assert lines[2:] == [
        f"| `clip_emoji`, 200 | recall_10 by text | {both} | 0.125 (0.080 to 0.170) |",
        "",
        "one search: 359 ms, p90 655.",
    ]


class Found:
    """Finds the picture that a text names first, and what follows it; a picture finds itself."""

    def by_text(self, text: str, count: int) -> Sequence[int]:
        return range(int(text), int(text) + count)

    def by_picture(self, content: bytes, count: int) -> Sequence[int]:
        return range(count)


def test_recall_should_count_pictures_that_their_own_name_finds() -> None:
    count = 20
    pictures = np.zeros((count, 4, 4, 3), np.uint8)
    split = Split(pictures, np.arange(count) % 2)
    said = [(str(row if row < 5 else 100 + row),) for row in range(count)]
    data = CaptionedImages(Images(split, split, ("even", "odd")), {"train": said, "test": said})
    found = of_emoji(Found(), Held(data))
    assert found["recall_10 by text"]["value"] == 0.25
    assert found["recall_1 by text"]["value"] == 0.25
    assert 0.4 <= found["alike, of ten nearest others"]["value"] <= 0.6
    assert found["recall_10 by mirror image"]["value"] == 0.5
