"""CreateTrainingJob requests of recipes, validated by botocore's model of the API.

The containers are AWS's, whose toolkit unpacks the code from S3, installs its requirements.txt and
runs the named program.
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTrainingJob.html
https://github.com/aws/sagemaker-training-toolkit
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from models.failures import BadRecipe
from models.training import metrics
from models.training.gates import Gate
from models.training.job import ASKED_GATES, OWN_DATA, UNAPPROVED_BASES
from models.training.recipe import PresetName, Recipe, TargetUse, resolve
from models.training.recipe_gates import gates_of
from models.training.targets import TargetName, fallback_order, targets

PROGRAM = "train.py"
"""The script in the code's archive: see models/sagemaker/code_archive.py."""

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}")
_HOUR_S = 3600
_WAIT = 2
"""How many times as long as it may run a job on spot capacity may take, waiting included."""


@dataclass(frozen=True, slots=True)
class JobLocations:
    """The S3 locations of a job, s3://BUCKET/PREFIX each, its role and region.

    `code` is the archive, `channels` are prefixes by name, `checkpoints` is the job's own.
    """

    role_arn: str
    region: str
    code: str
    channels: Mapping[str, str]
    output: str
    checkpoints: str
    cache: str


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A training to be requested: recipe, preset, target. `image` overrides the target's.

    `data` is a prepared channel of rows, where the recipe has a kind of them; else its files take
    the place of files of that name of the recipe's data set. With `rows_of_people`, those of a run
    will, which are not there yet.
    `unapproved_bases` are the reasons for which it should not begin from its bases; if there are
    any, it does all the same, and its card has them. `asked_gates` are held beside the recipe's.
    `accepted_licences` are those of base models that the user agreed to. `fits_unchecked` sends
    it also where its memory or time is estimated to be too much.
    """

    job_name: str
    recipe: Recipe
    preset: PresetName
    target: TargetName
    overrides: Mapping[str, Any] = field(default_factory=dict)
    spot: bool = False
    image: str | None = None
    unapproved_bases: str = ""
    data: Path | None = None
    rows_of_people: bool = False
    asked_gates: Mapping[str, Gate] = field(default_factory=dict)
    accepted_licences: frozenset[str] = frozenset()
    fits_unchecked: bool = False

    @property
    def channel(self) -> Path | None:
        """Return the prepared channel of its user's own rows, or None without such rows."""
        return self.data if self.recipe.data_kind is not None else None

    @property
    def bases(self) -> Mapping[str, str]:
        """Return the recipes of the trained models that it needs, by channel. Raises BadRecipe."""
        settings = resolve(self.recipe, self.preset, self.overrides)
        return self.recipe.bases_of(settings)

    @property
    def own_data(self) -> bool:
        """Return whether it learns from rows of its user's own, and not from the recipe's."""
        brings_rows = self.data is not None or self.rows_of_people
        return brings_rows and bool(self.recipe.own_gates)

    @property
    def gates(self) -> Mapping[str, Gate]:
        """Return the gates that it has to reach."""
        return gates_of(self.recipe, self.asked_gates, own_data=self.own_data)


def training_request(wish: JobSpec, places: JobLocations) -> dict[str, Any]:
    """Return the request of a training. Raises BadRecipe if it is invalid."""
    use = wish.recipe.targets.get(wish.target)
    if use is None:
        raise BadRecipe(
            f"{wish.recipe.name} does not train on {wish.target!r}; it does on "
            f"{', '.join(wish.recipe.targets)}."
        )
    asked = {"task": "train", "recipe": wish.recipe.name, "preset": wish.preset, **wish.overrides}
    if wish.unapproved_bases:
        asked[UNAPPROVED_BASES] = wish.unapproved_bases
    if wish.own_data:
        asked[OWN_DATA] = True
    if wish.asked_gates:
        bounds = {name: gate.model_dump() for name, gate in wish.asked_gates.items()}
        asked[ASKED_GATES] = bounds
    return _request(wish, use, places, asked, wish.recipe.metrics)


def trial_request(wish: JobSpec, places: JobLocations) -> dict[str, Any]:
    """Return the request of a trial: a training evaluated in the same job, without gates.

    Raises BadRecipe where a part of it cannot be.
    """
    asked = training_request(wish, places)
    asked["HyperParameters"]["task"] = json.dumps("try")
    measured = {**wish.recipe.metrics, **wish.gates}
    asked["AlgorithmSpecification"]["MetricDefinitions"] = metrics.metric_definitions(measured)
    return validate_request(asked)


def finish_request(wish: JobSpec, places: JobLocations) -> dict[str, Any]:
    """Return the request that evaluates and exports a training, on a CPU for any target.

    `places.channels` has `model`, the training's artefact, beside `training_request`.
    """
    on_cpu = replace(wish, target="cpu", spot=False, image=None)
    use = wish.recipe.targets.get("cpu", TargetUse())
    return _request(on_cpu, use, places, {"task": "finish"}, wish.gates)


def _request(
    wish: JobSpec,
    use: TargetUse,
    places: JobLocations,
    asked: Mapping[str, Any],
    measured: Mapping[str, Any],
) -> dict[str, Any]:
    target = targets()[wish.target]
    longest = round(use.hours * _HOUR_S)
    hyperparameters = {
        **{name: json.dumps(value) for name, value in asked.items()},
        "sagemaker_program": PROGRAM,
        "sagemaker_submit_directory": places.code,
    }
    request: dict[str, Any] = {
        "TrainingJobName": wish.job_name,
        "RoleArn": places.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": _image(wish, places.region),
            "TrainingInputMode": "File",
            "MetricDefinitions": metrics.metric_definitions(measured),
        },
        "HyperParameters": hyperparameters,
        "InputDataConfig": [_channel(name, uri) for name, uri in places.channels.items()],
        "OutputDataConfig": {"S3OutputPath": places.output},
        "ResourceConfig": {
            "InstanceType": use.instance or target.instance,
            "InstanceCount": use.count,
            "VolumeSizeInGB": use.volume_gb,
        },
        "StoppingCondition": {"MaxRuntimeInSeconds": longest},
        "CheckpointConfig": {"S3Uri": places.checkpoints, "LocalPath": "/opt/ml/checkpoints"},
        "Environment": {
            name: value.format(cache=places.cache) for name, value in target.environment.items()
        },
    }
    if wish.spot:
        request["EnableManagedSpotTraining"] = True
        request["StoppingCondition"]["MaxWaitTimeInSeconds"] = _WAIT * longest
    return validate_request(request)


def _image(wish: JobSpec, region: str) -> str:
    if wish.image:
        return wish.image
    image = targets()[wish.target].image
    if image is None:
        others = " or ".join(fallback_order(wish.target, wish.recipe.targets)[1:])
        raise BadRecipe(
            f"image: {wish.target} has no pinned image; name one of your own"
            + (f", or train on {others}." if others else ".")
        )
    return image.uri(region)


def _channel(name: str, uri: str) -> dict[str, Any]:
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "DataSource": {"S3DataSource": source}, "InputMode": "File"}


def validate_request(
    request: dict[str, Any], kind: str = "TrainingJob", longest_name: int = 63
) -> dict[str, Any]:
    """Return `request` if the API's model accepts it for a job of that kind.

    Raises BadRecipe, naming the field.
    """
    name = request[f"{kind}Name"]
    if not _NAME.fullmatch(name) or len(name) > longest_name:
        raise BadRecipe(
            f"{kind}Name: {name!r} is no name: at most {longest_name} letters, digits and hyphens "
            "between."
        )
    report = ParamValidator().validate(request, _shape(f"Create{kind}"))
    if report.has_errors():
        raise BadRecipe(f"The request cannot be sent: {report.generate_report()}")
    return request


@cache
def _shape(operation: str) -> Any:
    model = ServiceModel(Loader().load_service_model("sagemaker", "service-2"))
    return model.operation_model(operation).input_shape
