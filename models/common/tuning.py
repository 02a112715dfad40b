"""The CreateHyperParameterTuningJob request of a recipe, and which of its trials is worth training.

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

from models.common import gates, request
from models.common.failures import BadRecipe
from models.common.ranges import Few, Scale, Span, Tuning
from models.common.recipe import Recipe, parameters_of
from models.common.request import Places, Wish

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
class Effort:
    """How many trials there are, how many at once, and how they are chosen.

    A grid has as many trials as it has combinations, whatever `jobs` says.
    """

    jobs: int = 10
    parallel: int = 2
    strategy: Strategy = "bayesian"
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one trial. `value` is its objective, `numbers` all that was judged."""

    settings: Mapping[str, Any]
    status: str
    value: float | None
    numbers: Mapping[str, float]
    seconds: float | None
    reason: str = ""

    def missed(self, recipe: Recipe) -> list[str]:
        """Return a sentence for each of the recipe's gates that it does not reach."""
        return gates.missed(recipe.gates, self.numbers)


def tuning(wish: Wish, effort: Effort, places: Places) -> dict[str, Any]:
    """Return the request; what `wish` overrides is not tuned. Raises BadRecipe."""
    plan = plan_of(wish.recipe)
    ranges = {name: each for name, each in plan.ranges.items() if name not in wish.overrides}
    if not ranges:
        raise BadRecipe(f"Nothing is left to tune: --set fixes {', '.join(plan.ranges)}.")
    one = request.trial(_named(wish), places)
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
    return request.validated(made, "HyperParameterTuningJob", LONGEST_NAME)


def trials_of(recipe: Recipe, effort: Effort, fixed: Mapping[str, Any]) -> int:
    """Return how many trials a tuning has at most. Raises BadRecipe."""
    if effort.strategy != "grid":
        return effort.jobs
    ranges = {name: each for name, each in plan_of(recipe).ranges.items() if name not in fixed}
    return math.prod(len(_few(recipe, name, each)) for name, each in ranges.items())


def plan_of(recipe: Recipe) -> Tuning:
    """Return what a recipe lets a tuning choose. Raises BadRecipe where it does not."""
    if recipe.tuning is None:
        raise BadRecipe(
            f"{recipe.name} has no tuning in its recipe.yaml: give it an objective and ranges."
        )
    return recipe.tuning


def worth_training(recipe: Recipe, outcomes: Sequence[Outcome]) -> Outcome | None:
    """Return the best of the trials that reach every gate, or of all where none does; None where no
    trial has a value.
    """
    valued = [each for each in outcomes if each.value is not None]
    reaching = [each for each in valued if not each.missed(recipe)] or valued
    sign = 1 if recipe.tuned_for == "Maximize" else -1
    return max(reaching, key=lambda each: sign * (each.value or 0.0), default=None)


def _named(wish: Wish) -> Wish:
    """Return the wish for one trial, whose name the tuning gives."""
    return Wish(
        _NAME_OF_TRAINING,
        wish.recipe,
        wish.preset,
        wish.target,
        wish.overrides,
        wish.spot,
        wish.image,
    )


def _ranges(
    recipe: Recipe, ranges: Mapping[str, Span | Few], *, grid: bool
) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for name, each in ranges.items():
        if grid or isinstance(each, Few):
            values = [json.dumps(value) for value in _few(recipe, name, each)]
            kind, made = "Categorical", {"Name": name, "Values": values}
        else:
            whole = is_whole(recipe, name)
            kind = "Integer" if whole else "Continuous"
            ends = [_text(value, whole=whole) for value in (each.least, each.most)]
            made = {"Name": name, "MinValue": ends[0], "MaxValue": ends[1]}
            made["ScalingType"] = _SCALING[each.scale]
        found.setdefault(f"{kind}ParameterRanges", []).append(made)
    return found


def _few(recipe: Recipe, name: str, each: Span | Few) -> list[Any]:
    """Return the values of a grid: those that there are, or the ends and the middle of a span."""
    if isinstance(each, Few):
        return list(each.values)
    values = each.few()
    if is_whole(recipe, name):
        return list(dict.fromkeys(round(value) for value in values))
    return list(dict.fromkeys(values))


def is_whole(recipe: Recipe, name: str) -> bool:
    """Tell whether a setting is a whole number."""
    return parameters_of(recipe.name).model_fields[name].annotation is int


def _text(value: float, *, whole: bool) -> str:
    return str(int(value)) if whole else repr(value)
