"""Validation of CreateHyperParameterTuningJob requests. Pure.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateHyperParameterTuningJob.html
https://docs.aws.amazon.com/sagemaker/latest/dg/automatic-model-tuning-limits.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from localcloud.sagemaker.requests import check_name, check_unsupported, validation_error
from localcloud.sagemaker.tuning.ranges import InvalidRange, SearchSpace
from localcloud.sagemaker.tuning.strategies import Strategy
from localcloud.sagemaker.tuning.tuned_jobs import search_space
from localcloud.service import Params

MAX_TRAINING_JOBS = 750
"""https://docs.aws.amazon.com/general/latest/gr/sagemaker.html"""

_UNSUPPORTED_IN_JOB = ("TrainingJobDefinitions", "WarmStartConfig", "Autotune")
_UNSUPPORTED_IN_DEFINITION = (
    "TuningObjective",
    "HyperParameterRanges",
    "HyperParameterTuningResourceConfig",
    "VpcConfig",
    "EnableNetworkIsolation",
    "EnableInterContainerTrafficEncryption",
    "RetryStrategy",
)


def check_request(params: Params) -> None:
    """Raise ValidationException for a request that is not valid or could not run here."""
    name = params["HyperParameterTuningJobName"]
    check_name(name, 32)
    check_unsupported(params, _UNSUPPORTED_IN_JOB)
    definition = params.get("TrainingJobDefinition")
    if definition is None:
        raise validation_error("A tuning needs a TrainingJobDefinition.")
    check_unsupported(definition, _UNSUPPORTED_IN_DEFINITION, "a training job definition")
    if "ResourceConfig" not in definition:
        raise validation_error("A training job definition needs a ResourceConfig.")
    config = params["HyperParameterTuningJobConfig"]
    _check_config(config)
    try:
        space = search_space(params)
    except InvalidRange as error:
        raise validation_error(str(error)) from error
    _check_objective(config, definition)
    _check_names(space, definition)
    _check_limits(config, space)


def _check_config(config: Mapping[str, Any]) -> None:
    if config["Strategy"] not in get_args(Strategy):
        raise validation_error(
            f"The local cloud tunes by {', '.join(get_args(Strategy))}, not by "
            f"{config['Strategy']}; use one of these, or SageMaker on AWS."
        )
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise validation_error(
            "The local cloud lets every training job go to its end; TrainingJobEarlyStoppingType "
            "has to be Off."
        )
    check_unsupported(config, ("StrategyConfig",))
    check_unsupported(config.get("ParameterRanges", {}), ("AutoParameters",))
    check_unsupported(config.get("TuningJobCompletionCriteria", {}), ("ConvergenceDetected",))
    if "HyperParameterTuningJobObjective" not in config:
        raise validation_error("A tuning needs a HyperParameterTuningJobObjective.")


def _check_objective(config: Mapping[str, Any], definition: Mapping[str, Any]) -> None:
    metric = config["HyperParameterTuningJobObjective"]["MetricName"]
    defined = definition["AlgorithmSpecification"].get("MetricDefinitions", ())
    names = [each["Name"] for each in defined]
    if metric not in names:
        raise validation_error(
            f"The objective metric {metric} is none of the MetricDefinitions: "
            f"{', '.join(names) or 'there are none'}."
        )


def _check_names(space: SearchSpace, definition: Mapping[str, Any]) -> None:
    fixed = definition.get("StaticHyperParameters", {})
    duplicates = sorted({each.name for each in space.ranges} & set(fixed))
    if duplicates:
        raise validation_error(f"The parameter {duplicates[0]} has a range and a static value.")


def _check_limits(config: Mapping[str, Any], space: SearchSpace) -> None:
    limits, combinations = config["ResourceLimits"], space.combinations
    max_jobs = limits.get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        if combinations is None:
            raise validation_error("A grid is of CategoricalParameterRanges alone.")
        if max_jobs not in (None, combinations):
            raise validation_error(
                f"MaxNumberOfTrainingJobs is {max_jobs}, and the grid has {combinations} "
                "combinations; leave it out."
            )
        max_jobs = combinations
    elif max_jobs is None and "MaxRuntimeInSeconds" not in limits:
        raise validation_error(
            "ResourceLimits needs MaxNumberOfTrainingJobs or MaxRuntimeInSeconds."
        )
    if max_jobs is not None and max_jobs > MAX_TRAINING_JOBS:
        raise validation_error(
            f"A tuning has at most {MAX_TRAINING_JOBS} training jobs, not {max_jobs}."
        )
