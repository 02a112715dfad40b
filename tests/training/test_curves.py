from __future__ import annotations

import numpy as np
import pytest

from models.evaluation.figures import curve, curves, line

ONE = {step: {"loss": 1 / step} for step in range(1, 101)}
OTHER = {step: {"loss": 2 / step} for step in range(1, 51)}


def colours(sheet: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(int(part) for part in pixel) for pixel in sheet.reshape(-1, 3)}


def test_each_training_should_have_a_colour_of_its_own() -> None:
    drawn = colours(curves({"one": ONE, "other": OTHER}, "loss")) - colours(curve(ONE, "loss"))
    assert (203, 67, 53) in drawn


def test_a_training_without_the_value_should_be_named() -> None:
    with pytest.raises(ValueError, match="other has no values of kl"):
        curves({"one": {1: {"kl": 2.0}}, "other": OTHER}, "kl")


def test_a_long_curve_should_be_smoothed_alike_in_steps_and_values() -> None:
    steps, values = line(ONE, "loss")
    assert len(steps) == len(values) == 99
    assert steps[0] == 1.5
    assert values[0] == pytest.approx(0.75)
    assert line({3: {"loss": 2.0}}, "loss") == ([3.0], [2.0])
