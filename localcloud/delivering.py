"""How EventBridge, Scheduler and Lambda reach the services they deliver to, in process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.errors import AwsError
from localcloud.lambdas.service import LambdaService
from localcloud.service import Service

Deliver = Callable[[str, object, Mapping[str, Any]], None]


def to_lambda(lambdas: LambdaService) -> Deliver:
    """Invoke the function asynchronously, as EventBridge does."""

    def deliver(arn: str, payload: object, target: Mapping[str, Any]) -> None:
        lambdas.invoke(
            {
                "FunctionName": arn,
                "InvocationType": "Event",
                "Payload": json.dumps(payload).encode(),
            }
        )

    return deliver


def to_states(states: Callable[[], Service]) -> Deliver:
    """Start an execution, once for each delivery however often it is tried."""

    def deliver(arn: str, payload: object, target: Mapping[str, Any]) -> None:
        service = states()
        start: Callable[[Mapping[str, Any]], object] = service.start_execution  # type: ignore[attr-defined]
        name = target.get("DeduplicationId")
        request = {"stateMachineArn": arn, "input": json.dumps(payload)}
        try:
            start({**request, "name": name} if name else request)
        except AwsError as error:
            if error.code != "ExecutionAlreadyExists":
                raise

    return deliver
