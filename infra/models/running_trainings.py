"""Trainings that were started before, found by their names: `headrace train --follow`."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra.models.training import TrainingError
from models.sagemaker.job_requests import JobSpec
from models.training import recipe
from models.training.gates import Gate
from models.training.job import ASKED_GATES, OWN_DATA, decode_hyperparameters

_UNKNOWN = ("ExecutionDoesNotExist", "InvalidArn")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RunningTraining:
    """An execution of the machine `train`, and the training that it was started for.

    Of the specification, the target and the place of its data are not told.
    """

    arn: str
    spec: JobSpec


def find_training(client: Callable[[str], Any], machine: str, named: str) -> RunningTraining:
    """Return a training by the name of its job, or the ARN of its execution.

    Args:
        client: makes a client of boto3 by a service's name.
        machine: the ARN of the stage's machine `train`.
        named: the name or ARN.

    Raises:
        TrainingError: there is none; the message lists those that run.
        BadRecipe: its recipe is no more.
        ClientError: AWS refuses.
    """
    prefix = f"{machine.replace(':stateMachine:', ':execution:')}:"
    arn = named if named.startswith("arn:") else prefix + named
    if not arn.startswith(prefix):
        raise TrainingError(
            f"{named} is no training of this stage, whose executions begin with {prefix}."
        )
    states = client("stepfunctions")
    try:
        found = states.describe_execution(executionArn=arn)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNKNOWN:
            raise
        told = f"There is no training {named!r}. {_running(states, machine)}"
        raise TrainingError(told) from error
    return RunningTraining(arn, _spec(json.loads(found["input"])["training"]))


def _spec(request: dict[str, Any]) -> JobSpec:
    asked = decode_hyperparameters(request["HyperParameters"])
    return JobSpec(
        str(request["TrainingJobName"]),
        recipe.load(str(asked["recipe"])),
        asked["preset"],
        "cpu",
        asked_gates={
            name: Gate.model_validate(each) for name, each in asked.get(ASKED_GATES, {}).items()
        },
        data=Path(OWN_DATA) if asked.get(OWN_DATA) else None,
    )


def _running(states: Any, machine: str) -> str:
    pages = states.get_paginator("list_executions")
    names = [
        str(each["name"])
        for page in pages.paginate(stateMachineArn=machine, statusFilter="RUNNING")
        for each in page["executions"]
    ]
    if not names:
        return "None is running."
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"Running: {', '.join(names[:_SHOWN])}{more}."
