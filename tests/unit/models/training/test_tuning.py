"""What a recipe lets a tuning choose, the request of one, and which trial is worth training."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from localcloud.sagemaker.tuning.validation import check_request
from models.failures import BadRecipe
from models.sagemaker import job_requests
from models.sagemaker.cost import SPOT_SAVES_AT_MOST, estimates, trial_estimates
from models.sagemaker.job_requests import JobSpec
from models.sagemaker.tuning import (
    TrialResult,
    TuningEffort,
    best_trial,
    count_trials,
    tuning_request,
)
from models.training import recipe
from models.training.ranges import NumberRange, TuningRanges, ValueChoices
from models.training.recipe import Recipe
from tests import exported_models
from tests.unit.models.training.test_request import PLACES

VAE = recipe.load("vae")
WISH = JobSpec("headrace-dev-abc", VAE, "tiny", "cpu")
TUNED = [name for name in recipe.names() if recipe.load(name).tuning]


def of(objective: str = "fid", **ranges: Any) -> Recipe:
    """Return the autoencoder with another tuning, held as one that is read is."""
    written = VAE.model_dump(mode="json")
    written["tuning"] = {"objective": objective, "ranges": ranges or {"hidden": {"values": [8, 9]}}}
    made = Recipe.model_validate(written)
    recipe._require_valid_ranges(made, "tiny")
    return made


@pytest.mark.parametrize("name", TUNED)
@pytest.mark.parametrize("strategy", ["bayesian", "random", "grid"])
def test_the_request_of_every_recipe_should_be_one_that_is_taken(name: str, strategy: Any) -> None:
    found = recipe.load(name)
    asked = tuning_request(replace(WISH, recipe=found), TuningEffort(strategy=strategy), PLACES)
    check_request(asked)
    definition = asked["TrainingJobDefinition"]
    assert definition["StaticHyperParameters"]["task"] == '"try"'
    assert "CheckpointConfig" not in definition
    names = {each["Name"] for each in definition["AlgorithmSpecification"]["MetricDefinitions"]}
    assert names == {*found.metrics, *found.gates}


def test_there_should_be_recipes_that_are_tuned() -> None:
    assert {"vae", "gan", "clip", "language_model"} <= set(TUNED)


def test_ranges_should_be_asked_for_by_the_kind_of_the_setting() -> None:
    asked = tuning_request(WISH, TuningEffort(7, 3, "random", 5), PLACES)
    config = asked["HyperParameterTuningJobConfig"]
    assert config["HyperParameterTuningJobObjective"] == {"Type": "Minimize", "MetricName": "fid"}
    limits = {"MaxNumberOfTrainingJobs": 7, "MaxParallelTrainingJobs": 3}
    assert (config["ResourceLimits"], config["RandomSeed"]) == (limits, 5)
    ranges = config["ParameterRanges"]
    whole = {each["Name"]: each for each in ranges["IntegerParameterRanges"]}
    assert whole["latent"] == {
        "Name": "latent",
        "MinValue": "4",
        "MaxValue": "24",
        "ScalingType": "Linear",
    }
    rate = ranges["ContinuousParameterRanges"][0]
    assert (rate["Name"], rate["ScalingType"]) == ("learning_rate", "Logarithmic")


def test_what_is_set_should_not_be_tuned() -> None:
    wish = replace(WISH, overrides={"latent": 8, "steps": 40})
    asked = tuning_request(wish, TuningEffort(), PLACES)
    ranges = asked["HyperParameterTuningJobConfig"]["ParameterRanges"]["IntegerParameterRanges"]
    assert [each["Name"] for each in ranges] == ["hidden"]
    fixed = asked["TrainingJobDefinition"]["StaticHyperParameters"]
    assert (fixed["latent"], fixed["steps"]) == ("8", "40")
    all_set = {name: 0.01 if "r" in name else 8 for name in VAE.tuning.ranges}  # type: ignore[union-attr]
    with pytest.raises(BadRecipe, match="Nothing is left to tune: --set fixes learning_rate"):
        tuning_request(replace(WISH, overrides=all_set), TuningEffort(), PLACES)


def test_a_grid_should_have_the_ends_and_the_middle_of_each_span() -> None:
    found = of(
        latent={"least": 4, "most": 7},
        noise_variance={"least": 0.01, "most": 1, "scale": "log"},
        hidden={"values": [32, 64]},
    )
    asked = tuning_request(replace(WISH, recipe=found), TuningEffort(strategy="grid"), PLACES)
    config = asked["HyperParameterTuningJobConfig"]
    values = {
        each["Name"]: each["Values"]
        for each in config["ParameterRanges"]["CategoricalParameterRanges"]
    }
    assert values["latent"] == ["4", "6", "7"]
    assert values["noise_variance"] == ["0.01", "0.1", "1.0"]
    assert values["hidden"] == ["32", "64"]
    assert "MaxNumberOfTrainingJobs" not in config["ResourceLimits"]
    assert count_trials(found, TuningEffort(strategy="grid"), {}) == 18
    assert count_trials(found, TuningEffort(strategy="grid"), {"latent": 5}) == 6
    assert count_trials(found, TuningEffort(4), {}) == 4


@given(
    least=st.floats(1e-6, 1), times=st.floats(1.01, 1e4), scale=st.sampled_from(["linear", "log"])
)
def test_the_middle_of_a_span_should_lie_in_it(least: float, times: float, scale: Any) -> None:
    low, middle, high = NumberRange(least=least, most=least * times, scale=scale).few()
    assert low * 0.99 <= middle <= high * 1.01


@pytest.mark.parametrize(
    ("objective", "ranges", "told"),
    [
        ("fidd", {}, "tuning.objective is fidd, which is none of loss, reconstruction"),
        ("fid", {"hiden": {"values": [8, 16]}}, "tuning.ranges.hiden: .*hiden: unknown"),
        ("fid", {"hidden": {"least": 1, "most": 64}}, "tuning.ranges.hidden: .*given 1"),
        ("fid", {"hidden": {"least": 8.5, "most": 64}}, "tuning.ranges.hidden: .*given 8.5"),
        ("fid", {"hidden": {"least": 64, "most": 8}}, "least has to be below most"),
        ("fid", {"hidden": {"values": [8]}}, "at least 2 items"),
        ("fid", {"latent": {"least": 0, "most": 8, "scale": "log"}}, "has to be above 0 on a log"),
        ("fid", {"seed": {"least": 0, "most": 9}}, "seed, which no tuning may choose"),
    ],
)
def test_a_tuning_that_cannot_be_should_be_told_by_its_field(
    objective: str, ranges: dict[str, Any], told: str
) -> None:
    with pytest.raises((BadRecipe, ValidationError), match=told):
        of(objective, **ranges)


def test_a_gate_with_two_bounds_should_not_say_what_is_better() -> None:
    written = VAE.model_dump(mode="json")
    written["gates"]["fid"] = {"least": 1, "most": 8}
    with pytest.raises(ValidationError, match="whose gate does not say what is better"):
        Recipe.model_validate(written)


def test_the_direction_should_be_that_of_the_metric_or_the_gate() -> None:
    assert of("loss").tuned_for == "Minimize"
    assert of("recognised").tuned_for == "Maximize"
    assert of("reconstruction_mse").tuned_for == "Minimize"


def test_a_recipe_without_a_tuning_should_say_what_it_needs() -> None:
    untuned = VAE.model_copy(update={"tuning": None})
    with pytest.raises(BadRecipe, match="vae has no tuning in its recipe"):
        tuning_request(replace(WISH, recipe=untuned), TuningEffort(), PLACES)


def test_a_name_should_be_short_enough_for_a_tuning() -> None:
    with pytest.raises(BadRecipe, match="at most 32 letters"):
        tuning_request(replace(WISH, job_name="a" * 33), TuningEffort(), PLACES)


def outcome(fid: float | None, **numbers: float) -> TrialResult:
    reaching = exported_models.reaching("vae") | {"recognised": 1.0}
    measured = {} if fid is None else {**reaching, "fid": fid, **numbers}
    return TrialResult({"hidden": 8}, "Completed", fid, measured, 1.0)


def test_the_best_that_reaches_the_gates_should_be_worth_training() -> None:
    far, near, blind = outcome(7.5), outcome(6.0), outcome(3.0, recognised=0.5)
    assert best_trial(VAE, [far, outcome(None), blind, near]) is near
    assert blind.missed(VAE) == ["recognised is 0.5 and has to be 0.95 at least"]
    assert best_trial(VAE, [blind, outcome(9.0)]) is blind
    assert best_trial(VAE, [outcome(None)]) is None
    assert best_trial(VAE, [outcome(float("nan")), outcome(float("-inf")), far]) is far
    assert best_trial(VAE, [outcome(float("nan"))]) is None
    assert best_trial(VAE, []) is None


def test_trials_should_cost_their_number_of_trainings_and_no_finishing() -> None:
    one = {each.target: each for each in estimates(VAE)}["cpu"]
    ten = {each.target: each for each in trial_estimates(VAE, 10)}["cpu"]
    assert one.most_usd is not None
    assert ten.most_usd == one.most_usd / 2 * 10
    assert ten.least_spot_usd == ten.most_usd * (1 - SPOT_SAVES_AT_MOST)
    assert ten.hours == 10 * one.hours


def test_a_trial_should_be_a_training_that_is_told_to_judge() -> None:
    asked = job_requests.trial_request(WISH, PLACES)
    assert asked["HyperParameters"]["task"] == '"try"'
    assert isinstance(VAE.tuning, TuningRanges)
    assert isinstance(recipe.load("clip").tuning.ranges["vector"], ValueChoices)  # type: ignore[union-attr]
