from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks import curves, diffusion_steps, summary_models
from benchmarks.reporting import Result


def way(name: str, calls: int, right: int, **spent: list[float]) -> dict[str, Any]:
    return {
        "name": name,
        "calls": calls,
        "right": right,
        "drawn": 200,
        "CPU": spent["cpu"],
        "wall": spent["wall"],
        "distance": {"value": 1.5, "interval": [1.25, 2.75]},
    }


@pytest.fixture
def found() -> Result:
    ways = [
        way("DDPM", 1000, 200, cpu=[800.0, 900.0, 1000.0], wall=[900.0, 950.0, 1200.0]),
        way("distilled 1", 1, 180, cpu=[1.0, 1.2, 1.1], wall=[1.5, 1.5, 1.5]),
    ]
    return diffusion_steps.result(ways, {"torch": "2", "diffusers": "0", "judge": 0.98}, 3)


def test_each_way_should_have_its_share_its_distance_and_its_time(found: Result) -> None:
    assert found.measured["DDPM, CPU"].median == 900
    assert found.measured["distilled 1, wall"].median == 1.5
    told = found.facts["ways"]["distilled 1"]
    assert told["calls"] == 1
    assert told["accuracy"]["value"] == 0.9
    low, high = told["accuracy"]["interval"]
    assert 0.84 < low < 0.9 < high < 0.94
    assert found.versions == {"torch": "2", "diffusers": "0"}


def test_the_page_should_have_a_row_a_way_with_intervals(found: Result) -> None:
    body = {
        "facts": found.facts,
        "measured": {name: {"median": each.median} for name, each in found.measured.items()},
    }
    rows = list(summary_models.diffusion_steps(json.loads(json.dumps(body))))
    assert rows[4].startswith("| DDPM | 1000 | 1.000 (0.981 to 1.000) | 1.5 (1.2 to 2.8) | 900.0 |")
    assert rows[5].startswith("| distilled 1 | 1 | 0.900 (")


def test_the_curve_should_have_a_line_a_way_and_not_one_a_count_of_steps(found: Result) -> None:
    body = {
        "facts": found.facts,
        "measured": {name: {"median": each.median} for name, each in found.measured.items()},
    }
    picture = summary_models.diffusion_curve(json.loads(json.dumps(body)))
    assert picture.size == (curves.WIDTH, curves.HEIGHT)
    colours = {colour for _, colour in picture.getcolors(1 << 16) or []}
    assert {(31, 97, 141), (203, 67, 53)} <= colours
    assert (30, 132, 73) not in colours
