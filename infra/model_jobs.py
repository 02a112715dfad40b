"""Starts the state machine `model-job` of a stage that has `Training=on`, and follows it.

It runs one job of SageMaker's with the role that it names: a tuning, a transform, or a processing.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from infra.stages import Client
from infra.training import POLL_SECONDS, Home

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def machine_of(home: Home) -> str:
    """Return the ARN of the machine, which stands beside that of trainings."""
    return home.machine.removesuffix("train") + "model-job"


def short_name(home: Home, now: Callable[[], float] = time.time) -> str:
    """Return the name of a job that no other has had, by the second, in at most 29 characters."""
    moment, digits = int(now()), ""
    while moment:
        moment, digit = divmod(moment, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return f"headrace-{home.stage}-{digits}"


def start(client: Client, home: Home, given: Mapping[str, Any]) -> str:
    """Start the machine on the requests of a job, and return the execution's ARN.

    Raises ClientError where the stage does not train, or refuses.
    """
    begun = client("stepfunctions").start_execution(
        stateMachineArn=machine_of(home), name=str(uuid.uuid4()), input=json.dumps(given)
    )
    return str(begun["executionArn"])


def follow(
    client: Client,
    execution: str,
    look: Callable[[], None] = lambda: None,
    rest: Callable[[float], None] = time.sleep,
) -> Mapping[str, Any]:
    """Return how an execution ended, once it has; `look` is called while it goes on."""
    states = client("stepfunctions")
    while True:
        found: Mapping[str, Any] = states.describe_execution(executionArn=execution)
        if found["status"] != "RUNNING":
            return found
        look()
        rest(POLL_SECONDS)
