from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.curves import HEIGHT, WIDTH, Point, drawn

INK = (31, 97, 141)


def of_ink(lines: dict[str, list[Point]]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return where the first line's ink is: rows from above, and columns."""
    pixels = np.asarray(drawn(lines, "ms", "distance"))
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    rows, columns = np.nonzero((pixels == INK).all(axis=2))
    return rows, columns


def test_what_is_larger_should_be_drawn_higher_and_what_is_later_to_the_right() -> None:
    rising = [Point("a", 1, 1, 1, 1), Point("b", 1000, 9, 9, 9)]
    rows, columns = of_ink({"": rising})
    assert rows[columns.argmax()] < rows[columns.argmin()]
    falling = [Point("a", 1, 9, 9, 9), Point("b", 1000, 1, 1, 1)]
    rows, columns = of_ink({"": falling})
    assert rows[columns.argmax()] > rows[columns.argmin()]


def test_an_interval_should_be_drawn_as_long_as_it_is() -> None:
    short, _ = of_ink({"": [Point("", 1, 5, 4, 6), Point("", 2, 5, 5, 10)]})
    long, _ = of_ink({"": [Point("", 1, 5, 0, 6), Point("", 2, 5, 5, 10)]})
    assert np.ptp(long) > np.ptp(short)


def test_powers_of_ten_should_be_marked_below_the_axis() -> None:
    def marks(last: float) -> int:
        sheet = np.asarray(drawn({"": [Point("", 0.5, 1, 1, 1), Point("", last, 1, 1, 1)]}, "", ""))
        below = (sheet[HEIGHT - 38] == (120, 120, 120)).all(axis=1)
        return int(below.sum())

    assert [marks(last) for last in (2, 20, 2000)] == [1, 2, 4]


@pytest.mark.parametrize("points", [[], [Point("", 0, 1, 1, 1)]])
def test_no_point_and_one_at_nothing_should_be_refused(points: list[Point]) -> None:
    with pytest.raises(ValueError, match="above 0"):
        drawn({"": points}, "", "")
