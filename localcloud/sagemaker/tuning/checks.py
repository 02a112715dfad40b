"""What a tuning is asked for, held to what can be done here. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, get_args

from localcloud.sagemaker.refusals import invalid, refuse
from localcloud.sagemaker.tuning.ranges import BadRange, Space
from localcloud.sagemaker.tuning.strategies import Strategy
from localcloud.sagemaker.tuning.trials import space_of
from localcloud.service import Params

MOST_TRIALS = 750
"""https://docs.aws.amazon.com/general/latest/gr/sagemaker.html"""

_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,31}")
_NOT_OF_TUNINGS = ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")
_NOT_OF_DEFINITIONS = (
    "TuningObjective",
    "HyperParameterRanges",
    "HyperParameterTuningResourceConfig",
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "RetryStrategy",
)


def check(params: Params) -> None:
    """Raise ValidationException for a tuning that is none, or that could not run here."""
    name = params["HyperParameterTuningJobName"]
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is no name: at most 32 letters, digits, hyphens between them.")
    refuse(params, _NOT_OF_TUNINGS)
    definition = params.get("TrainingJobDefinition")
    if definition is None:
        raise invalid("A tuning needs a TrainingJobDefinition.")
    refuse(definition, _NOT_OF_DEFINITIONS, "a training job definition")
    if "ResourceConfig" not in definition:
        raise invalid("A training job definition needs a ResourceConfig.")
    config = params["HyperParameterTuningJobConfig"]
    _check_config(config)
    try:
        space = space_of(params)
    except BadRange as error:
        raise invalid(str(error)) from error
    _check_objective(config, definition)
    _check_names(space, definition)
    _check_limits(config, space)


def _check_config(config: Mapping[str, Any]) -> None:
    if config["Strategy"] not in get_args(Strategy):
        raise invalid(
            f"The local cloud tunes by {', '.join(get_args(Strategy))}, not by "
            f"{config['Strategy']}; use one of these, or SageMaker on AWS."
        )
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise invalid(
            "The local cloud lets every training job go to its end; TrainingJobEarlyStoppingType "
            "has to be Off."
        )
    refuse(config, ("StrategyConfig",))
    refuse(config.get("ParameterRanges", {}), ("AutoParameters",))
    refuse(config.get("TuningJobCompletionCriteria", {}), ("ConvergenceDetected",))
    if "HyperParameterTuningJobObjective" not in config:
        raise invalid("A tuning needs a HyperParameterTuningJobObjective.")


def _check_objective(config: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    metric = config["HyperParameterTuningJobObjective"]["MetricName"]
    defined = definition["AlgorithmSpecification"].get("MetricDefinitions", ())
    names = [each["Name"] for each in defined]
    if metric not in names:
        raise invalid(
            f"The objective metric {metric} is none of the MetricDefinitions: "
            f"{', '.join(names) or 'there are none'}."
        )


def _check_names(space: Space, definition: Mapping[str, Any]) -> None:
    fixed = definition.get("StaticHyperParameters", {})
    twice = sorted({each.name for each in space.ranges} & set(fixed))
    if twice:
        raise invalid(f"The parameter {twice[0]} has a range and a static value.")


def _check_limits(config: Mapping[str, Any], space: Space) -> None:
    limits, combinations = config["ResourceLimits"], space.combinations
    most = limits.get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        if combinations is None:
            raise invalid("A grid is of CategoricalParameterRanges alone.")
        if most not in (None, combinations):
            raise invalid(
                f"MaxNumberOfTrainingJobs is {most}, and the grid has {combinations} combinations; "
                "leave it out."
            )
        most = combinations
    elif most is None and "MaxRuntimeInSeconds" not in limits:
        raise invalid("ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds.")
    if most is not None and most > MOST_TRIALS:
        raise invalid(f"A tuning has at most {MOST_TRIALS} training jobs, not {most}.")
