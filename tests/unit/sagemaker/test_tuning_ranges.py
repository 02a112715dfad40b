"""Ranges and scales of what is tuned.

https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-define-ranges.html
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sagemaker.tuning.ranges import InvalidRange, NumericRange, SearchSpace

SHARES = st.floats(0, 1, exclude_max=True)


def space(**kinds: Any) -> SearchSpace:
    return SearchSpace.from_ranges(
        {f"{kind}ParameterRanges": ranges for kind, ranges in kinds.items()}
    )


def number(least: str, most: str, scale: str = "Auto", name: str = "x") -> dict[str, str]:
    return {"Name": name, "MinValue": least, "MaxValue": most, "ScalingType": scale}


@given(least=st.integers(-50, 50), more=st.integers(0, 100), share=SHARES)
def test_a_whole_number_should_lie_between_its_ends(least: int, more: int, share: float) -> None:
    found = space(Integer=[number(str(least), str(least + more), "Linear")]).settings_at([share])[
        "x"
    ]
    assert least <= int(found) <= least + more


@given(
    least=st.floats(1e-6, 1e3),
    times=st.floats(1, 1e6),
    share=SHARES,
    scale=st.sampled_from(["Linear", "Logarithmic", "Auto"]),
)
def test_a_number_should_lie_between_its_ends_and_come_back_to_its_place(
    least: float, times: float, share: float, scale: str
) -> None:
    made = space(Continuous=[number(repr(least), repr(least * times), scale)])
    text = made.settings_at([share])["x"]
    assert least * (1 - 1e-9) <= float(text) <= least * times * (1 + 1e-9)
    if times > 1.1:
        assert made.coordinates({"x": text})[0] == pytest.approx(share, abs=1e-6)


def test_every_whole_number_should_be_as_likely_as_any_other() -> None:
    made = space(Integer=[number("1", "4", "Linear")])
    found = [made.settings_at([(at + 0.5) / 400])["x"] for at in range(400)]
    assert [found.count(each) for each in "1234"] == [100] * 4


def test_scales_should_be_those_that_were_asked_for() -> None:
    log = space(Continuous=[number("0.0001", "1", "Logarithmic")])
    assert float(log.settings_at([0.5])["x"]) == pytest.approx(0.01)
    reverse = space(Continuous=[number("0", "0.9999", "ReverseLogarithmic")])
    assert float(reverse.settings_at([0.5])["x"]) == pytest.approx(0.99)
    linear = space(Continuous=[number("-1", "1", "Linear")])
    assert float(linear.settings_at([0.5])["x"]) == 0


@pytest.mark.parametrize(
    ("least", "most", "scale"),
    [("0.001", "0.2", "Logarithmic"), ("0.1", "1", "Linear"), ("0", "1000", "Linear")],
)
def test_auto_should_be_logarithmic_where_a_range_spans_two_orders(
    least: str, most: str, scale: str
) -> None:
    (made,) = space(Continuous=[number(least, most)]).ranges
    assert isinstance(made, NumericRange)
    assert made.scale == scale


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        ({}, "needs at least one parameter with a range"),
        ({"Integer": [number("1", "2"), number("1", "2")]}, "x has two ranges"),
        ({"Integer": [number("1.5", "2")]}, "MinValue is '1.5' and has to be a whole number"),
        ({"Continuous": [number("one", "2")]}, "has to be a number"),
        ({"Continuous": [number("nan", "2")]}, "has to be finite"),
        ({"Integer": [number("9" * 400, "2")]}, "has to be a whole number"),
        ({"Continuous": [number("3", "2")]}, "MinValue 3 is above MaxValue 2"),
        ({"Continuous": [number("0", "2", "Logarithmic")]}, "needs a MinValue above 0"),
        ({"Continuous": [number("0", "1", "ReverseLogarithmic")]}, "from 0 to below 1"),
        ({"Integer": [number("0", "0", "ReverseLogarithmic")]}, "for continuous ranges"),
    ],
)
def test_a_range_that_is_none_should_be_told(kinds: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRange, match=told):
        space(**kinds)


def test_a_grid_should_have_every_combination_once() -> None:
    made = space(
        Categorical=[{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y", "z"]}]
    )
    found = list(made.grid())
    assert made.combinations == 6 == len(found)
    assert found[:2] == [{"a": "1", "b": "x"}, {"a": "1", "b": "y"}]
    assert len({tuple(each.items()) for each in found}) == 6
    assert made.coordinates({"a": "2", "b": "z"}) == [0, 1, 0, 0, 1]
