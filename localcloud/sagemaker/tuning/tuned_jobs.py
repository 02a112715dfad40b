"""The training jobs of a tuning job: their requests and their objective values. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_HyperParameterTrainingJobSummary.html
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.sagemaker.training.store import FINAL_STATUSES, TrainingJobRecord
from localcloud.sagemaker.tuning.ranges import SearchSpace
from localcloud.sagemaker.tuning.strategies import EvaluatedSettings

OBJECTIVE_METRIC = "_tuning_objective_metric"
"""The hyperparameter that tells a program the objective metric, as on AWS."""

ObjectiveStatus = Literal["Succeeded", "Pending", "Failed"]
_COPIED_FIELDS = (
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
class TuningObjective:
    """The metric that is maximized or minimized."""

    metric: str
    kind: Literal["Maximize", "Minimize"]

    @classmethod
    def from_request(cls, request: Mapping[str, Any]) -> TuningObjective:
        """Return the objective of a CreateHyperParameterTuningJob request."""
        objective = request["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        return cls(objective["MetricName"], objective["Type"])

    def score(self, value: float) -> float:
        """Return a value's score, of which higher is better."""
        return value if self.kind == "Maximize" else -value

    def is_reached(self, value: float, target: float) -> bool:
        """Return whether a value is as good as the target or better."""
        return self.score(value) >= self.score(target)


@dataclass(frozen=True, slots=True)
class TunedJob:
    """A training job of a tuning job. `record` is None until it is created."""

    name: str
    settings: Mapping[str, str]
    record: TrainingJobRecord | None
    metric: str

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.record is None or self.record.status not in FINAL_STATUSES

    @property
    def objective_value(self) -> float | None:
        """The final value of the objective, if there is one and it is finite."""
        if self.record is None or self.record.status not in ("Completed", "Stopped"):
            return None
        metric = self.record.metrics.get(self.metric)
        return metric[0] if metric is not None and math.isfinite(metric[0]) else None

    @property
    def objective_status(self) -> ObjectiveStatus:
        """The status of its objective."""
        if self.is_running:
            return "Pending"
        return "Failed" if self.objective_value is None else "Succeeded"


def evaluated_settings(
    jobs: Sequence[TunedJob], objective: TuningObjective
) -> list[EvaluatedSettings]:
    """Return the settings and scores that a strategy goes by.

    A job that ended without a value counts as the worst, so that the next settings differ from its.
    """
    scores = [
        objective.score(each.objective_value) for each in jobs if each.objective_value is not None
    ]
    evaluated = []
    for each in jobs:
        score = None if each.objective_value is None else objective.score(each.objective_value)
        if each.objective_status == "Failed" and scores:
            score = min(scores)
        evaluated.append(EvaluatedSettings(dict(each.settings), score))
    return evaluated


def best_job(jobs: Sequence[TunedJob], objective: TuningObjective) -> TunedJob | None:
    """Return the job with the best value, the first of equals, or None if none has a value."""
    with_value = [
        (objective.score(each.objective_value), each)
        for each in jobs
        if each.objective_value is not None
    ]
    return max(with_value, key=lambda each: each[0])[1] if with_value else None


def training_job_name(tuning: str, number: int) -> str:
    """Return the name of the training job `number`, counted from 1. It is deterministic."""
    return f"{tuning}-{number:03d}-{zlib.crc32(f'{tuning}/{number}'.encode()):08x}"


def training_job_request(
    request: Mapping[str, Any], arn: str, name: str, settings: Mapping[str, str]
) -> Any:
    """Return the CreateTrainingJob request of a training job, with the ARN of its tuning job.

    Its checkpoints are stored below its own name, so that no job continues from another's.
    """
    definition = request["TrainingJobDefinition"]
    copied = {name: definition[name] for name in _COPIED_FIELDS if name in definition}
    checkpoints = definition.get("CheckpointConfig")
    if checkpoints:
        copied["CheckpointConfig"] = {
            **checkpoints,
            "S3Uri": f"{checkpoints['S3Uri'].rstrip('/')}/{name}/",
        }
    return {
        **copied,
        "TrainingJobName": name,
        "HyperParameters": {**static_hyperparameters(request), **settings},
        "TuningJobArn": arn,
    }


def static_hyperparameters(request: Mapping[str, Any]) -> dict[str, str]:
    """Return the hyperparameters that all training jobs have."""
    static = request["TrainingJobDefinition"].get("StaticHyperParameters", {})
    return {**static, OBJECTIVE_METRIC: TuningObjective.from_request(request).metric}


def search_space(request: Mapping[str, Any]) -> SearchSpace:
    """Return the search space of a tuning job. Raises InvalidRange."""
    return SearchSpace.from_ranges(
        request["HyperParameterTuningJobConfig"].get("ParameterRanges", {})
    )
