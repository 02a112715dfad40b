from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.reporting import Result, quantile, save, show, spread

numbers = st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=50)


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)], ids=str
)
def test_a_quantile_should_lie_between_its_neighbours_by_line(
    share: float, expected: float
) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], share) == pytest.approx(expected)


@given(numbers)
def test_a_spread_should_be_in_order(values: list[float]) -> None:
    found = spread(values, "ms")
    assert found.low <= found.p10 <= found.median <= found.p90 <= found.p95 <= found.high
    assert found.count == len(values)


def test_a_result_should_be_kept_under_its_day_and_name(tmp_path: Path) -> None:
    result = Result("upload", 3, {"total": spread([1.0, 2.0, 3.0], "ms")}, {"gain": 2.5})
    file = save(result, tmp_path)
    kept = json.loads(file.read_text())
    assert file.name == f"{kept['measured_at'][:10]}-upload.json"
    assert kept["measured"]["total"]["median"] == 2.0
    assert kept["ratios"] == {"gain": 2.5}
    assert {"machine", "versions", "repetitions"} <= kept.keys()


def test_a_table_should_show_medians_and_ratios() -> None:
    result = Result("upload", 3, {"total": spread([1.0, 2.0, 3.0], "ms")}, {"gain": 2.5})
    text = show(result)
    assert "total  2 ms" in text
    assert "gain: 2.50" in text
