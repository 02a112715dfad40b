"""Deliveries of services to functions, state machines and topics, in process."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from localcloud.errors import AwsError
from localcloud.lambdas.service import LambdaService
from localcloud.moto.journal import RawCall
from localcloud.service import Deliverer, Service
from localcloud.wire.responses import WireResponse


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


def topic_deliverer(call: Callable[[RawCall], WireResponse]) -> Deliverer:
    """Return a deliverer that publishes to a topic, by `call` of SNS's API."""

    def deliver(arn: str, payload: object, target: Mapping[str, Any]) -> None:
        text = str(target.get("PayloadText") or json.dumps(payload))
        fields = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": arn, "Message": text}
        if target.get("Subject"):
            fields["Subject"] = str(target["Subject"])
        headers = {"content-type": "application/x-www-form-urlencoded"}
        body = urlencode(fields).encode()
        response = call(RawCall("sns", "Publish", "POST", "/", headers, body))
        if response.status >= 300:
            raise AwsError("NotFound", f"The topic {arn} does not take a message.", response.status)

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
