from __future__ import annotations

import json
from dataclasses import asdict

from benchmarks import summary_models, training_steps
from models.training import recipe


def test_every_recipe_should_be_trained_and_each_library_named_or_none() -> None:
    own = set(recipe.names(with_base_model=False))
    assert {name.partition("-")[0] for name in training_steps.LIBRARY} == own
    for name in training_steps.LIBRARY:
        known, _, variant = name.partition("-")
        assert not variant or variant in recipe.load(known).variants


def test_steps_should_be_compared_turn_by_turn_with_each_other_loop() -> None:
    spent = {
        "clip": {
            "ours": [10.0, 20.0, 10.0],
            "bare torch": [10.0, 10.0, 8.0],
            "transformers.Trainer": [20.0, 40.0, 20.0],
        },
        "gan": {"ours": [1.0] * 3, "bare torch": [2.0] * 3},
    }
    found = training_steps.result(spent, {"torch": "2.13"}, 3)
    assert found.facts["ours : theirs"]["clip"]["bare torch"]["value"] == 1.25
    measured = {name: asdict(each) for name, each in found.measured.items()}
    rows = list(
        summary_models.training_steps(
            json.loads(json.dumps({"facts": found.facts, "measured": measured}))
        )
    )
    assert rows[2] == (
        "| clip | 10.0 | 1.25 (1.00 to 2.00) | 0.50 (0.50 to 0.50) | transformers.Trainer |"
    )
    assert rows[3] == "| gan | 1.0 | 0.50 (0.50 to 0.50) | - | has none |"


def test_a_variant_should_begin_from_what_its_recipe_does() -> None:
    assert training_steps.begun_from("aligned-dpo") == recipe.load("aligned").bases != {}
    for name in training_steps.LIBRARY:
        assert set(training_steps.begun_from(name).values()) <= set(recipe.names())
