from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from benchmarks import adapting_ways, summary_models


def run(cpu: float, peak: float, right: int) -> dict[str, Any]:
    told = {"cpu": cpu, "wall": cpu, "before": 400.0, "peak": peak, "right": right, "asked": 200}
    return {**told, "share": 0.145, "checkpoint": 9_000_000, "learned": 700_000}


LARGER = {
    "before": 400.0,
    "peak": 1400.0,
    "step": [2.0, 2.0],
    "weights": 60_000_000,
    "share": 0.03,
    "learned": 7_000_000,
    "optimiser": 15_000_000,
}


def test_ways_should_be_told_beside_full_fine_tuning_by_the_same_seeds() -> None:
    tasks = {
        "full": [run(10.0, 700.0, 200), run(20.0, 720.0, 198)],
        "lora": [run(15.0, 700.0, 190), run(30.0, 720.0, 200)],
    }
    larger = {"full": {**LARGER, "peak": 2400.0}, "lora": LARGER}
    found = adapting_ways.result(tasks, larger, 2)
    told = found.facts["ways"]["lora"]
    assert told["seconds : full"] == {"value": 1.5, "interval": [1.5, 1.5]}
    assert told["exact match"]["value"] == 0.975
    assert told["exact match by seed"] == [0.95, 1.0]
    assert found.facts["larger"]["lora"]["grown : full"] == 0.5
    measured = {name: asdict(each) for name, each in found.measured.items()}
    rows = list(
        summary_models.adapting_ways(
            json.loads(json.dumps({"facts": found.facts, "measured": measured}))
        )
    )
    assert rows[3].startswith("| lora | 0.975 (")
    assert rows[3].endswith(
        "| 22.5 | 1.50 (1.50 to 1.50) | 710 | 1.00 (1.00 to 1.00) | 0.1450 | 0.7 | 9 |"
    )
    assert rows[-1] == "| lora | 2.00 | 0.50 | 7 | 15 |"
