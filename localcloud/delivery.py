"""Deliveries of EventBridge, Scheduler and S3 to functions and state machines, in process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.errors import AwsError
from localcloud.lambdas.service import LambdaService
from localcloud.service import Deliverer, Service


def lambda_deliverer(lambdas: LambdaService) -> Deliverer:
    """Return a deliverer that invokes the function asynchronously, as EventBridge does."""

    def deliver(arn: str, payload: object, target: Mapping[str, Any]) -> None:
        lambdas.invoke(
            {
                "FunctionName": arn,
                "InvocationType": target.get("InvocationType", "Event"),
                "Payload": json.dumps(payload).encode(),
            }
        )

    return deliver


def state_machine_deliverer(step_functions: Service) -> Deliverer:
    """Return a deliverer that starts an execution, once for however many tries of a delivery."""

    def deliver(arn: str, payload: object, target: Mapping[str, Any]) -> None:
        start: Callable[[Mapping[str, Any]], object]
        start = step_functions.start_execution  # type: ignore[attr-defined]
        execution_name = target.get("DeduplicationId")
        request = {"stateMachineArn": arn, "input": json.dumps(payload)}
        try:
            start({**request, "name": execution_name} if execution_name else request)
        except AwsError as error:
            if error.code != "ExecutionAlreadyExists":
                raise

    return deliver
