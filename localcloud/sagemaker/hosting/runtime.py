"""The runtime of Amazon SageMaker (botocore's `sagemaker-runtime`).

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.errors import AwsError
from localcloud.sagemaker.cloudwatch import log_group
from localcloud.sagemaker.hosting.container import (
    ContainerEnded,
    ContainerRequest,
    ContainerResponse,
    ContainerTimeout,
)
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.host import HostPool
from localcloud.sagemaker.hosting.model_archive import UnusableModel
from localcloud.sagemaker.hosting.store import Endpoint, HostingStore
from localcloud.sagemaker.requests import invocation_error
from localcloud.service import EXTRA_HEADERS, CloudContext, Params, Result

RESPONSE_TIMEOUT_S = 60.0
"""Seconds that a model may take to respond in real time."""
COLD_START_HEADER = "x-local-cold-wake-ms"
"""The local cloud's own header: the milliseconds of a cold start."""
DEFAULT_TTL_S = 21_600
DEFAULT_ASYNC_TIMEOUT_S = 900

_JSON = "application/json"
_UNSUPPORTED_FIELDS = (
    "TargetModel",
    "TargetContainerHostname",
    "EnableExplanations",
    "InferenceComponentName",
    "SessionId",
    "PrefixAwareId",
)
_UNSUPPORTED_IN_ASYNC = ("Body", "S3OutputPathExtension", "Filename")


class SageMakerRuntimeService:
    """InvokeEndpoint, also as a stream, and InvokeEndpointAsync."""

    name = "sagemaker-runtime"

    def __init__(
        self,
        surroundings: CloudContext,
        store: HostingStore,
        hosts: HostPool,
        on_queued: Callable[[], None],
        draw: Callable[[], float] = random.random,
    ) -> None:
        """Invoke the endpoints in `store` by `hosts`; `on_queued` is called after each enqueue.

        `draw` returns the uniform random numbers by which variants are chosen.
        """
        self._surroundings = surroundings
        self._store = store
        self._hosts = hosts
        self._on_queued = on_queued
        self._draw = draw

    def start(self) -> None:
        """Do nothing: containers start when they are invoked."""

    def stop(self) -> None:
        """Do nothing: the control plane stops the containers."""

    def invoke_endpoint(self, params: Params) -> Result:
        """Return the container's response."""
        deployment = self._real_time_deployment(params)
        response, cold_start_s = self._invoke(deployment, params)
        body = _read_body(response)
        self._check(deployment, response, body)
        return {
            "Body": body,
            "ContentType": response.content_type,
            "InvokedProductionVariant": deployment.variant_name,
            **_custom_attributes(response),
            **_cold_start_fields(cold_start_s),
        }

    def invoke_endpoint_with_response_stream(self, params: Params) -> Result:
        """Return the container's response as a stream of chunks."""
        deployment = self._real_time_deployment(params)
        response, cold_start_s = self._invoke(deployment, params)
        if response.status >= 400:
            self._check(deployment, response, _read_body(response))
        return {
            "Body": _payload_parts(response),
            "ContentType": response.content_type,
            "InvokedProductionVariant": deployment.variant_name,
            **_custom_attributes(response),
            **_cold_start_fields(cold_start_s),
        }

    def invoke_endpoint_async(self, params: Params) -> Result:
        """Queue an invocation, which is durable when this returns; return its output location."""
        deployment = self._endpoint_in_service(params["EndpointName"]).fleet.variants[0]
        if deployment.mode != "asynchronous":
            raise invocation_error(
                f"The endpoint {deployment.endpoint} is not asynchronous; use InvokeEndpoint."
            )
        for name in _UNSUPPORTED_IN_ASYNC:
            if params.get(name):
                raise invocation_error(f"The local cloud can't use {name}; leave it out.")
        if not params.get("InputLocation", "").startswith("s3://"):
            raise invocation_error("InputLocation must be an address in S3, s3://BUCKET/KEY.")
        inference_id = params.get("InferenceId") or str(uuid.uuid4())
        locations = _result_locations(deployment)
        self._store.enqueue(
            deployment.endpoint,
            {
                "inference_id": inference_id,
                "input": params["InputLocation"],
                "headers": _container_headers(params),
                "ttl_s": params.get("RequestTTLSeconds", DEFAULT_TTL_S),
                "timeout_s": params.get("InvocationTimeoutSeconds", DEFAULT_ASYNC_TIMEOUT_S),
                **locations,
            },
        )
        self._on_queued()
        failure = {"FailureLocation": locations["failure"]} if locations["failure"] else {}
        return {"InferenceId": inference_id, "OutputLocation": locations["output"], **failure}

    def _real_time_deployment(self, params: Params) -> Deployment:
        """Return the deployment to invoke in real time. Raises ValidationError."""
        for name in _UNSUPPORTED_FIELDS:
            if params.get(name):
                raise invocation_error(f"The local cloud can't use {name}; leave it out.")
        endpoint = self._endpoint_in_service(params["EndpointName"])
        fleet, capacities = endpoint.fleet, endpoint.capacities
        if fleet.variants[0].mode == "asynchronous":
            raise invocation_error(
                f"The endpoint {endpoint.name} is asynchronous; use InvokeEndpointAsync."
            )
        if endpoint.shift is not None and self._draw() < endpoint.shift.share:
            fleet, capacities = endpoint.desired, endpoint.desired.capacities()
        target = params.get("TargetVariant")
        if not target:
            return fleet.choose(capacities, self._draw())
        deployment = fleet.variant(target)
        if deployment is None:
            raise invocation_error(f"The endpoint {endpoint.name} has no variant {target}.")
        return deployment

    def _endpoint_in_service(self, name: str) -> Endpoint:
        endpoint = self._store.endpoint(name)
        if endpoint is None:
            account = self._surroundings.account_id
            raise invocation_error(f"Endpoint {name} of account {account} not found.")
        if endpoint.deployed is None or endpoint.status == "Deleting":
            raise invocation_error(
                f"The endpoint {name} is {endpoint.status}; it is not in service."
            )
        return endpoint

    def _invoke(self, deployment: Deployment, params: Params) -> tuple[ContainerResponse, float]:
        request = ContainerRequest(
            params.get("Body", b""), _container_headers(params), RESPONSE_TIMEOUT_S
        )
        host = self._hosts.host_for(deployment)
        try:
            return host.invoke(request, min(RESPONSE_TIMEOUT_S, deployment.startup_s))
        except ContainerTimeout as error:
            if host.pid is None or "ping" in str(error):
                raise AwsError("ModelNotReadyException", str(error), 429) from error
            raise _timeout_error() from error
        except (ContainerEnded, UnusableModel) as error:
            raise AwsError("ServiceUnavailable", str(error), 503) from error

    def _check(self, deployment: Deployment, response: ContainerResponse, body: bytes) -> None:
        """Raise ModelError if the container responded with an error."""
        if response.status < 400:
            return
        kind = "client" if response.status < 500 else "server"
        message = body.decode("utf-8", "replace")
        group = log_group(deployment.endpoint)
        raise AwsError(
            "ModelError",
            f'Received {kind} error ({response.status}) from primary with message "{message}". '
            f"See {group} in CloudWatch Logs for more information.",
            424,
            OriginalStatusCode=response.status,
            OriginalMessage=message,
            LogStreamArn=self._surroundings.arn("logs", f"log-group:{group}"),
        )


def _container_headers(params: Params) -> dict[str, str]:
    """Return the headers that are forwarded to the container."""
    headers = {"Content-Type": params.get("ContentType") or _JSON}
    if params.get("Accept"):
        headers["Accept"] = params["Accept"]
    if params.get("CustomAttributes"):
        headers["X-Amzn-SageMaker-Custom-Attributes"] = params["CustomAttributes"]
    return headers


def _result_locations(deployment: Deployment) -> dict[str, str]:
    """Return the S3 URIs for an invocation's output and for its failure."""
    output: Mapping[str, str] = deployment.config["AsyncInferenceConfig"]["OutputConfig"]
    name = str(uuid.uuid4())
    failure = output.get("S3FailurePath", "")
    return {
        "output": f"{output['S3OutputPath'].rstrip('/')}/{name}.out",
        "failure": f"{failure.rstrip('/')}/{name}-error.out" if failure else "",
    }


def _read_body(response: ContainerResponse) -> bytes:
    try:
        return response.body()
    except ContainerTimeout as error:
        raise _timeout_error() from error
    except ContainerEnded as error:
        raise AwsError("ServiceUnavailable", str(error), 503) from error


def _timeout_error() -> AwsError:
    message = "Your invocation timed out while waiting for a response from container primary."
    return AwsError(
        "ModelError",
        f'Received server error (0) from primary with message "{message}"',
        424,
        OriginalStatusCode=0,
        OriginalMessage=message,
    )


def _payload_parts(response: ContainerResponse) -> Iterator[Mapping[str, Any]]:
    try:
        for chunk in response.chunks:
            yield {"PayloadPart": {"Bytes": chunk}}
    except (ContainerEnded, ContainerTimeout) as error:
        raise AwsError("ModelStreamError", str(error), 400) from error


def _custom_attributes(response: ContainerResponse) -> dict[str, str]:
    message = response.headers.get("x-amzn-sagemaker-custom-attributes")
    return {"CustomAttributes": message} if message else {}


def _cold_start_fields(seconds: float) -> dict[str, Any]:
    return {EXTRA_HEADERS: {COLD_START_HEADER: str(round(seconds * 1000))}} if seconds else {}
