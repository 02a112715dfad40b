from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pytest

from benchmarks import encoder_tuning
from benchmarks.encoder_tuning import Run

RIGHT, HALF = [0, 1, 0, 1] * 10, [0, 1, 1, 0] * 10
WANTED = {"wanted": RIGHT, "wanted_validation": RIGHT}
EMBEDDED: Run = {"base": [0.2] * 20, "tuned": [0.5] * 20, "cpu": 9.0, "peak": 600.0}


def run(told: list[int], cpu: float, validation: list[int] = RIGHT) -> dict[str, object]:
    return {"told": told, "told_validation": validation, "cpu": cpu, "peak": 500.0, **WANTED}


Tries = Mapping[str, Mapping[int, Sequence[Run]]]


def facts(tries: Tries, repetitions: int = 1) -> Any:
    found = encoder_tuning.result(tries, [EMBEDDED], {"pairs": 3}, repetitions)
    return json.loads(json.dumps(asdict(found)))["facts"]


def test_a_tuned_encoder_should_be_compared_row_by_row_and_turn_by_turn() -> None:
    tries: Tries = {
        "ours": {60: [run(RIGHT, 10.0), run(RIGHT, 12.0)]},
        "trainer": {60: [run(HALF, 20.0), run(HALF, 20.0)]},
        "setfit": {50: [{"skipped": "not installed"}] * 2},
    }
    found = facts(tries, 2)
    assert found["macro F1 by seed"] == {"ours": [1.0, 1.0], "trainer": [0.5, 0.5]}
    gain = found["macro F1, ours less trainer"]
    assert gain["value"] == 0.5
    assert 0.2 < gain["interval"][0] < 0.5 < gain["interval"][1] < 0.8
    assert found["seconds of CPU, ours : trainer"]["value"] == pytest.approx(0.55)
    assert found["nDCG@10, tuned less base"] == {"value": 0.3, "interval": [0.3, 0.3]}
    assert found["skipped"] == {"setfit": "not installed"}


def test_steps_should_be_chosen_by_rows_for_validation_and_not_by_those_that_judge() -> None:
    tries: Tries = {
        "ours": {60: [run(HALF, 10.0)], 180: [run(RIGHT, 30.0, validation=HALF)]},
        "setfit": {50: [run(RIGHT, 20.0)], 120: [run(RIGHT, 40.0)]},
    }
    found = facts(tries)
    assert found["steps, chosen by rows for validation"] == {"ours": 60, "setfit": 50}
    assert found["macro F1 by seed"] == {"ours": [0.5], "setfit": [1.0]}
    assert found["macro F1 by steps"]["ours"]["180"] == {
        "validation": 0.5, "test": 1.0, "seconds of CPU": 30.0,
    }  # fmt: skip
