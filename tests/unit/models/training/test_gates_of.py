"""The gates of a training: for its data, and those that its user asked for."""

from __future__ import annotations

import numpy as np
import pytest

from chalicelib.labelling.quality_gate import share_low
from models.failures import BadRecipe
from models.sagemaker.job_requests import JobSpec
from models.training import recipe
from models.training.gates import Gate, missed_gates
from models.training.recipe_gates import gates_of, require_known_numbers


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


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("exact_mach", r"adapted measures no exact_mach\. Did you mean exact_match[ ?]"),
        ("loss_low", "measures no loss_low"),
        ("f1_person", "measures no f1_person"),
        ("trainable_share_low", "no trainable_share_low: trainable_share has no interval"),
    ],
)
def test_a_gate_on_a_number_that_is_not_measured_is_told(name: str, told: str) -> None:
    with pytest.raises(BadRecipe, match=told):
        require_known_numbers(recipe.load("adapted"), [name])


def test_a_gate_may_be_on_any_number_of_the_evaluation_or_an_end_of_its_interval() -> None:
    require_known_numbers(recipe.load("adapted"), ["bleu", "exact_match_high", "zero_shot"])
    require_known_numbers(recipe.load("token_classifier"), ["f1_person", "f1_low", "entity_f1_low"])
    require_known_numbers(recipe.load("instruction_tuning"), ["served_perplexity_ratio"])


@pytest.mark.parametrize(
    ("of", "name", "close"),
    [
        ("token_classifier", "f1_person_low", "entity_f1"),
        ("instruction_tuning", "served_perplexity_low", "served_perplexity"),
        ("image_text_tuning", "median_rank_by_text_high", "median_rank_by_text"),
        ("reward_model", "pair_accuracy_high", "pair_accuracy_low"),
    ],
)
def test_a_gate_on_an_end_of_what_has_no_interval_is_told_before_it_is_paid_for(
    of: str, name: str, close: str
) -> None:
    bare = name.rpartition("_")[0]
    with pytest.raises(BadRecipe, match=rf"{bare} has no interval\..*{close}"):
        require_known_numbers(recipe.load(of), [name])


def test_a_number_that_is_asked_for_and_not_measured_is_missed() -> None:
    held = gates_of(of_own_data(), {"bleu": Gate(least=0.1)}, own_data=True)
    assert len(missed_gates(held, {"exact_match_gain_low": float("nan")})) == 2


def test_files_of_ones_own_should_not_take_the_gates_away() -> None:
    vae = recipe.load("vae")
    assert not vae.own_gates
    assert gates_of(vae, own_data=True) == vae.gates


def test_a_recipe_for_own_data_needs_gates_for_it() -> None:
    written = recipe.load("adapted").model_dump(exclude_unset=True)
    with pytest.raises(ValueError, match="own_gates"):
        recipe.Recipe.model_validate({**written, "data_kind": "chat"})


def of_people(hits: int, pairs: int) -> list[str]:
    """Return the gates that a reward model misses that is right on some of the held-out pairs."""
    held = gates_of(recipe.load("reward_model"), own_data=True)
    low = share_low(hits, pairs)
    return missed_gates(held, {"pair_accuracy": hits / pairs, "pair_accuracy_low": low})


@pytest.mark.parametrize("pairs", [12, 40, 200])
def test_a_reward_model_at_chance_should_not_pass_however_few_pairs_people_gave(pairs: int) -> None:
    drawn = np.random.default_rng(7).binomial(pairs, 0.5, 1_000)
    assert sum(not of_people(int(hits), pairs) for hits in drawn) <= 40


def test_a_reward_model_of_few_pairs_should_pass_once_it_is_surely_better_than_chance() -> None:
    assert not of_people(15, 20)
    assert of_people(14, 20)
    assert not of_people(114, 200)
    assert of_people(113, 200), "the more pairs, the nearer to one half"


def test_a_run_of_people_should_ask_for_the_gates_of_own_rows() -> None:
    wish = JobSpec("", recipe.load("reward_model"), "tiny", "cpu", rows_of_people=True)
    assert wish.own_data
    assert set(wish.gates) == {"pair_accuracy", "pair_accuracy_low"}
    assert not JobSpec("", recipe.load("reward_model"), "tiny", "cpu").own_data
