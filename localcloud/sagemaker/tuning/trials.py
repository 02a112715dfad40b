"""The training jobs of a tuning: what each is asked for, and what came of it. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobSummary.html
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.sagemaker.training.record import ENDED, Record
from localcloud.sagemaker.tuning.ranges import Space
from localcloud.sagemaker.tuning.strategies import Tried

OBJECTIVE_METRIC = "_tuning_objective_metric"
"""The hyperparameter by which a program is told what it is tuned for, as on AWS."""

ObjectiveStatus = Literal["Succeeded", "Pending", "Failed"]
_TAKEN_OVER = (
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
class Objective:
    """Which metric is to be as high, or as low, as can be."""

    metric: str
    kind: Literal["Maximize", "Minimize"]

    @classmethod
    def of(cls, asked: Mapping[str, Any]) -> Objective:
        """Read the objective of a CreateHyperParameterTuningJob request."""
        given = asked["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        return cls(given["MetricName"], given["Type"])

    def score(self, value: float) -> float:
        """Return a value so that the higher is the better."""
        return value if self.kind == "Maximize" else -value

    def reached(self, value: float, target: float) -> bool:
        """Tell whether a value is as good as the target, or better."""
        return self.score(value) >= self.score(target)


@dataclass(frozen=True, slots=True)
class Trial:
    """One training job of a tuning. `job` is None until it is there."""

    name: str
    tuned: Mapping[str, str]
    job: Record | None
    metric: str

    @property
    def going(self) -> bool:
        """Tell whether it has not ended."""
        return self.job is None or self.job.status not in ENDED

    @property
    def value(self) -> float | None:
        """Return the objective's final value, None of a job that goes on or failed."""
        if self.job is None or self.job.status not in ("Completed", "Stopped"):
            return None
        found = self.job.metrics.get(self.metric)
        return None if found is None else found[0]

    @property
    def objective_status(self) -> ObjectiveStatus:
        """Return what became of its objective."""
        if self.going:
            return "Pending"
        return "Failed" if self.value is None else "Succeeded"


def tried(trials: Sequence[Trial], objective: Objective) -> list[Tried]:
    """Return what a strategy sees of trials.

    One that ended without a value counts as bad as the worst, so that the next is tried elsewhere.
    """
    scores = [objective.score(each.value) for each in trials if each.value is not None]
    found = []
    for each in trials:
        score = None if each.value is None else objective.score(each.value)
        if each.objective_status == "Failed" and scores:
            score = min(scores)
        found.append(Tried(dict(each.tuned), score))
    return found


def best(trials: Sequence[Trial], objective: Objective) -> Trial | None:
    """Return the trial with the best value, the first of those that are as good; None for none."""
    valued = [(objective.score(each.value), each) for each in trials if each.value is not None]
    return max(valued, key=lambda each: each[0])[1] if valued else None


def name_of(tuning: str, number: int) -> str:
    """Return the name of the training job of trial `number`, from 1 on; the same for the same."""
    return f"{tuning}-{number:03d}-{zlib.crc32(f'{tuning}/{number}'.encode()):08x}"


def request(asked: Mapping[str, Any], arn: str, name: str, tuned: Mapping[str, str]) -> Any:
    """Return what the training job of a trial is asked for, with the ARN of its tuning.

    Its checkpoints go below its own name, so that no trial goes on from another's.
    """
    definition = asked["TrainingJobDefinition"]
    made = {name: definition[name] for name in _TAKEN_OVER if name in definition}
    kept = definition.get("CheckpointConfig")
    if kept:
        made["CheckpointConfig"] = {**kept, "S3Uri": f"{kept['S3Uri'].rstrip('/')}/{name}/"}
    return {
        **made,
        "TrainingJobName": name,
        "HyperParameters": {**fixed(asked), **tuned},
        "TuningJobArn": arn,
    }


def fixed(asked: Mapping[str, Any]) -> dict[str, str]:
    """Return the hyperparameters that every trial has."""
    given = asked["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return {**given, OBJECTIVE_METRIC: Objective.of(asked).metric}


def space_of(asked: Mapping[str, Any]) -> Space:
    """Return what a tuning chooses from. Raises BadRange."""
    return Space.of(asked["HyperParameterTuningJobConfig"].get("ParameterRanges", {}))
