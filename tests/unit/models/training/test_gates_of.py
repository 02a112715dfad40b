"""The gates of a training: for its data, and those that its user asked for."""

from __future__ import annotations

import pytest

from models.training import recipe
from models.training.recipe import Gate, gates_of, missed_gates


def of_own_data() -> recipe.Recipe:
    found = recipe.load("adapted")
    return found.model_copy(
        update={"data_kind": "chat", "own_gates": {"exact_match_gain_low": Gate(least=0)}}
    )


def test_the_shipped_data_has_the_fixed_marks() -> None:
    assert gates_of(of_own_data()) == recipe.load("adapted").gates


def test_own_data_has_relative_marks_and_those_asked_for() -> None:
    held = gates_of(of_own_data(), {"exact_match": Gate(least=0.8)}, own_data=True)
    assert held == {"exact_match_gain_low": Gate(least=0), "exact_match": Gate(least=0.8)}


@pytest.mark.parametrize(("asked", "kept"), [(-1.0, 0.0), (0.2, 0.2)])
def test_a_gate_that_was_asked_for_cannot_loosen_the_recipes(asked: float, kept: float) -> None:
    held = gates_of(of_own_data(), {"exact_match_gain_low": Gate(least=asked)}, own_data=True)
    assert held == {"exact_match_gain_low": Gate(least=kept)}


def test_a_number_that_is_asked_for_and_not_measured_is_missed() -> None:
    held = gates_of(of_own_data(), {"bleu": Gate(least=0.1)}, own_data=True)
    assert len(missed_gates(held, {"exact_match_gain_low": float("nan")})) == 2


def test_a_recipe_for_own_data_needs_gates_for_it() -> None:
    written = recipe.load("adapted").model_dump(exclude_unset=True)
    with pytest.raises(ValueError, match="own_gates"):
        recipe.Recipe.model_validate({**written, "data_kind": "chat"})
