"""CreateHyperParameterTuningJob requests of recipes, and the choice of the best trial.

A trial is a training that is judged in the same job, so that a tuning may be for a number of the
gates. It has no checkpoints: trials are short, and none may go on from another's.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from models.failures import BadRecipe
from models.sagemaker import job_requests
from models.sagemaker.job_requests import JobLocations, JobSpec
from models.training.gates import missed_gates
from models.training.ranges import NumberRange, Scale, TuningRanges, ValueChoices
from models.training.recipe import Recipe, parameters_of

Strategy = Literal["bayesian", "random", "grid"]

LONGEST_NAME = 32
_SCALING: Mapping[Scale, str] = {
    "linear": "Linear",
    "log": "Logarithmic",
    "reverse_log": "ReverseLogarithmic",
}
_NAME_OF_TRAINING = "t"
_OF_DEFINITIONS = (
    "AlgorithmSpecification",
    "RoleArn",
    "InputDataConfig",
    "OutputDataConfig",
    "ResourceConfig",
    "StoppingCondition",
    "EnableManagedSpotTraining",
    "Environment",
)


@dataclass(frozen=True, slots=True)
class TuningEffort:
    """The number of trials, how many run at once, and the strategy that chooses them.

    A grid has as many trials as it has combinations, whatever `jobs` says.
    """

    jobs: int = 10
    parallel: int = 2
    strategy: Strategy = "bayesian"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class TrialResult:
    """The result of a trial. `value` is its objective, `numbers` are all its metrics."""

    settings: Mapping[str, Any]
    status: str
    value: float | None
    numbers: Mapping[str, float]
    seconds: float | None
    reason: str = ""

    def missed(self, recipe: Recipe) -> list[str]:
        """Return a sentence for each of the recipe's gates that it misses."""
        return missed_gates(recipe.gates, self.numbers)


def tuning_request(wish: JobSpec, effort: TuningEffort, places: JobLocations) -> dict[str, Any]:
    """Return the request; overridden settings are not tuned. Raises BadRecipe."""
    plan = tuning_ranges(wish.recipe)
    ranges = {name: each for name, each in plan.ranges.items() if name not in wish.overrides}
    if not ranges:
        raise BadRecipe(f"Nothing is left to tune: --set fixes {', '.join(plan.ranges)}.")
    one = job_requests.trial_request(_trial_spec(wish), places)
    definition = {name: one[name] for name in _OF_DEFINITIONS if name in one}
    grid = effort.strategy == "grid"
    limits: dict[str, Any] = {"MaxParallelTrainingJobs": effort.parallel}
    if not grid:
        limits["MaxNumberOfTrainingJobs"] = effort.jobs
    made = {
        "HyperParameterTuningJobName": wish.job_name,
        "HyperParameterTuningJobConfig": {
            "Strategy": effort.strategy.capitalize(),
            "HyperParameterTuningJobObjective": {
                "Type": wish.recipe.tuned_for,
                "MetricName": plan.objective,
            },
            "ResourceLimits": limits,
            "ParameterRanges": _ranges(wish.recipe, ranges, grid=grid),
            "TrainingJobEarlyStoppingType": "Off",
            "RandomSeed": effort.seed,
        },
        "TrainingJobDefinition": {**definition, "StaticHyperParameters": one["HyperParameters"]},
    }
    return job_requests.validate_request(made, "HyperParameterTuningJob", LONGEST_NAME)


def count_trials(recipe: Recipe, effort: TuningEffort, fixed: Mapping[str, Any]) -> int:
    """Return the maximum number of trials. Raises BadRecipe."""
    if effort.strategy != "grid":
        return effort.jobs
    ranges = {
        name: each for name, each in tuning_ranges(recipe).ranges.items() if name not in fixed
    }
    return math.prod(len(_grid_values(recipe, name, each)) for name, each in ranges.items())


def tuning_ranges(recipe: Recipe) -> TuningRanges:
    """Return the ranges that a recipe allows a tuning. Raises BadRecipe if it has none."""
    if recipe.tuning is None:
        raise BadRecipe(
            f"{recipe.name} has no tuning in its recipe.yaml: give it an objective and ranges."
        )
    return recipe.tuning


def best_trial(recipe: Recipe, outcomes: Sequence[TrialResult]) -> TrialResult | None:
    """Return the best trial that reaches every gate, or the best of all if none does.

    None if no trial has a finite value.
    """
    valued = [each for each in outcomes if each.value is not None and math.isfinite(each.value)]
    reaching = [each for each in valued if not each.missed(recipe)] or valued
    sign = 1 if recipe.tuned_for == "Maximize" else -1
    return max(reaching, key=lambda each: sign * (each.value or 0.0), default=None)


def _trial_spec(wish: JobSpec) -> JobSpec:
    """Return the specification of one trial, which the tuning names."""
    return JobSpec(
        _NAME_OF_TRAINING,
        wish.recipe,
        wish.preset,
        wish.target,
        wish.overrides,
        wish.spot,
        wish.image,
        wish.unapproved_bases,
    )


def _ranges(
    recipe: Recipe, ranges: Mapping[str, NumberRange | ValueChoices], *, grid: bool
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, each in ranges.items():
        if grid or isinstance(each, ValueChoices):
            values = [json.dumps(value) for value in _grid_values(recipe, name, each)]
            kind, made = "Categorical", {"Name": name, "Values": values}
        else:
            whole = is_integer(recipe, name)
            kind = "Integer" if whole else "Continuous"
            ends = [_number_text(value, whole=whole) for value in (each.least, each.most)]
            made = {"Name": name, "MinValue": ends[0], "MaxValue": ends[1]}
            made["ScalingType"] = _SCALING[each.scale]
        found.setdefault(f"{kind}ParameterRanges", []).append(made)
    return found


def _grid_values(recipe: Recipe, name: str, each: NumberRange | ValueChoices) -> list[Any]:
    """Return the grid values: the choices, or both ends and the middle of a range."""
    if isinstance(each, ValueChoices):
        return list(each.values)
    values = each.few()
    if is_integer(recipe, name):
        return list(dict.fromkeys(round(value) for value in values))
    return list(dict.fromkeys(values))


def is_integer(recipe: Recipe, name: str) -> bool:
    """Return whether a setting is an integer."""
    return parameters_of(recipe.name).model_fields[name].annotation is int


def _number_text(value: float, *, whole: bool) -> str:
    return str(int(value)) if whole else repr(value)
