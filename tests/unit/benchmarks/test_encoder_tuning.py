from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from benchmarks import encoder_tuning


def run(told: list[int], cpu: float) -> dict[str, object]:
    return {"told": told, "wanted": [0, 1, 0, 1] * 10, "cpu": cpu, "peak": 500.0}


def test_a_tuned_encoder_should_be_compared_row_by_row_and_turn_by_turn() -> None:
    right, half = [0, 1, 0, 1] * 10, [0, 1, 1, 0] * 10
    embedded = {"base": [0.2] * 20, "tuned": [0.5] * 20, "cpu": 9.0, "peak": 600.0}
    sides = {
        "ours": [run(right, 10.0), run(right, 12.0)],
        "trainer": [run(half, 20.0), run(half, 20.0)],
    }
    found = encoder_tuning.result(sides, [embedded], {"pairs": 3}, 2)
    facts = json.loads(json.dumps(asdict(found)))["facts"]
    assert facts["macro F1 by seed"] == {"ours": [1.0, 1.0], "trainer": [0.5, 0.5]}
    gain = facts["macro F1, ours less theirs"]
    assert gain["value"] == 0.5
    assert 0.2 < gain["interval"][0] < 0.5 < gain["interval"][1] < 0.8
    assert facts["seconds of CPU, ours : theirs"]["value"] == pytest.approx(0.55)
    assert facts["nDCG@10, tuned less base"] == {"value": 0.3, "interval": [0.3, 0.3]}
