from __future__ import annotations

import pytest

from benchmarks.picture_search import interval
from benchmarks.summary_pictures import picture_search


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


def test_the_page_should_have_a_row_a_number_and_the_recipes_own_beside_it() -> None:
    told = {
        "pictures": 200,
        "queries by picture": 200,
        "recall_10 by text": {"value": 0.28, "interval": [0.22, 0.345]},
        "recall_10 by mirror image": {"value": 1.0, "interval": [1.0, 1.0]},
        "the recipe's own": {"recall_10": 0.2801},
    }
    took = {"median": 358.8, "p90": 655.4}
    lines = list(picture_search({"facts": {"clip_emoji": told}, "measured": {"one search": took}}))
    assert lines[2:] == [
        "| `clip_emoji`, 200 | recall_10 by text | 0.280 | 0.220 to 0.345 | 0.280 |",
        "| `clip_emoji`, 200 | recall_10 by mirror image | 1.000 | 1.000 to 1.000 |  |",
        "",
        "one search: 359 ms, p90 655.",
    ]
