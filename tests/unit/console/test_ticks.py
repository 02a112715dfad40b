"""Axes of the console's plots, by Node."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from chalicelib.console import assets

TICKS = Path(assets.__file__).parent / "ticks.js"
NODE = shutil.which("node")
CALLS = {
    "round numbers": "numbers(0.2, 9.9, 5)",
    "of small ones": "numbers(0.0301, 0.0318, 4)",
    "below zero": "numbers(-3.2, 0.2, 4)",
    "whole ones": "numbers(0, 2, 5, true)",
    "powers": "powers(...ends([0.03, 400], false, true))",
    "with zero": "ends([5, 10], true, false)",
    "without": "ends([5, 10], false, false)",
    "of one value": "ends([4, 4], false, false)",
    "of none": "ends([], true, false)",
    "days": "days([0, 86400, 172800, 259200], 2).map((each) => each.at)",
    "seconds": "days([1000, 1004, 1008], 8).map((each) => each.title.match(/:/g).length)",
    "of a time without days": "days([], 5)",
}


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """The results of the functions, by the names of the calls."""
    if NODE is None:
        pytest.skip("there is no Node")
    calls = ", ".join(f"{json.dumps(name)}: {call}" for name, call in CALLS.items())
    program = f"{TICKS.read_text()}\nconsole.log(JSON.stringify({{{calls}}}));"
    done = subprocess.run(
        [NODE, "--input-type=module"], input=program, capture_output=True, text=True, check=True
    )
    answered: dict[str, Any] = json.loads(done.stdout)
    return answered


def test_ticks_should_be_round_and_within_the_axis(told: dict[str, Any]) -> None:
    assert told["round numbers"] == [2, 4, 6, 8]
    assert told["of small ones"] == [0.0305, 0.031, 0.0315]
    assert told["below zero"] == [-3, -2, -1, 0]
    assert told["whole ones"] == [0, 1, 2]
    assert told["powers"] == [0.01, 0.1, 1, 10, 100, 1000]


def test_an_axis_should_have_room_whatever_its_values_are(told: dict[str, Any]) -> None:
    assert told["with zero"] == [0, pytest.approx(11)]
    assert told["without"] == [4.75, 10.25]
    low, high = told["of one value"]
    assert low < 4 < high
    assert told["of none"] == [0, pytest.approx(1.1)]


def test_moments_should_be_thinned_and_told_apart(told: dict[str, Any]) -> None:
    assert told["days"] == [0, 172800]
    assert told["seconds"] == [2, 2, 2]
    assert told["of a time without days"] == []
