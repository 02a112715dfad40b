"""Start and follow executions of the state machine `model-job`.

The stage needs `Training=on`. The machine runs one SageMaker job with the role that it names: a
tuning, a transform, or a processing.
"""

from __future__ import annotations

import json
import secrets
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from infra.models.training import POLL_SECONDS, TrainingStage
from infra.stages import Client

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_CHANCE = 3
_THROTTLED = "ThrottlingException"
MOST_THROTTLED = 30
"""Looks in a row that may be throttled, each after boto3 has tried again by itself."""


def model_job_machine(home: TrainingStage) -> str:
    """Return the ARN of the machine, which has the prefix of the training machine."""
    return home.machine.removesuffix("train") + "model-job"


def short_job_name(home: TrainingStage, now: Callable[[], float] = time.time) -> str:
    """Return a job name made of the second and a random part.

    It has 19 characters besides the stage's: a tuning's name may have 32.
    """
    moment, digits = int(now()), ""
    while moment:
        moment, digit = divmod(moment, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    chance = "".join(secrets.choice(_DIGITS) for _ in range(_CHANCE))
    return f"headrace-{home.stage}-{digits}{chance}"


def start_model_job(client: Client, home: TrainingStage, given: Mapping[str, Any]) -> str:
    """Start the machine on the requests of a job, and return the execution's ARN.

    Raises:
        ClientError: the stage does not train, or refuses.
    """
    begun = client("stepfunctions").start_execution(
        stateMachineArn=model_job_machine(home), name=str(uuid.uuid4()), input=json.dumps(given)
    )
    return str(begun["executionArn"])


def follow_model_job(
    client: Client,
    execution: str,
    look: Callable[[], object] = lambda: None,
    rest: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Wait for an execution and return how it ended; call `look` while it runs.

    Raises:
        ClientError: a call failed; for `look`, throttling only counts after `MOST_THROTTLED` times
            in a row.
    """
    states, throttled = client("stepfunctions"), 0
    while True:
        description: Mapping[str, Any] = states.describe_execution(executionArn=execution)
        if description["status"] != "RUNNING":
            return description
        try:
            look()
            throttled = 0
        except ClientError as error:
            throttled += 1
            if error.response["Error"]["Code"] != _THROTTLED or throttled > MOST_THROTTLED:
                raise
        rest(POLL_SECONDS)
