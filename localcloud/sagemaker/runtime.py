"""SageMaker's runtime, botocore's `sagemaker-runtime`.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointAsync.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from localcloud.errors import AwsError
from localcloud.sagemaker.container import Answered, Asked, Gone, TimedOut
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.host import Hosts
from localcloud.sagemaker.logs import log_group
from localcloud.sagemaker.package import Unusable
from localcloud.sagemaker.refusals import not_invocable
from localcloud.sagemaker.store import Store
from localcloud.service import EXTRA_HEADERS, CloudContext, Params, Result

ANSWER_S = 60.0
"""How long a model may take to answer a call that waits for it."""
COLD_WAKE = "x-local-cold-wake-ms"
"""The local cloud's own header: how long a container took to start that was not there."""
DEFAULT_TTL_S = 21_600
DEFAULT_ASYNC_S = 900

_JSON = "application/json"
_HIDDEN = (
    "TargetModel",
    "TargetContainerHostname",
    "EnableExplanations",
    "InferenceComponentName",
    "SessionId",
    "PrefixAwareId",
)
_NOT_OF_ASYNC = ("Body", "S3OutputPathExtension", "Filename")


class SageMakerRuntimeService:
    """InvokeEndpoint, also streamed, and InvokeEndpointAsync."""

    name = "sagemaker-runtime"

    def __init__(
        self, surroundings: CloudContext, store: Store, hosts: Hosts, queued: Callable[[], None]
    ) -> None:
        """Ask the endpoints in `store` through `hosts`; `queued` is told of what was queued."""
        self._surroundings = surroundings
        self._store = store
        self._hosts = hosts
        self._queued = queued

    def start(self) -> None:
        """Do nothing: endpoints are woken when they are asked."""

    def stop(self) -> None:
        """Do nothing: whoever keeps the endpoints ends them."""

    def invoke_endpoint(self, params: Params) -> Result:
        """Return what the container answers."""
        deployment = self._in_time(params)
        answered, cold_s = self._asked(deployment, params)
        body = _whole(answered)
        self._check(deployment, answered, body)
        return {
            "Body": body,
            "ContentType": answered.content_type,
            "InvokedProductionVariant": deployment.variant_name,
            **_attributes(answered),
            **_cold(cold_s),
        }

    def invoke_endpoint_with_response_stream(self, params: Params) -> Result:
        """Return the pieces of what the container answers, as they come."""
        deployment = self._in_time(params)
        answered, cold_s = self._asked(deployment, params)
        if answered.status >= 400:
            self._check(deployment, answered, _whole(answered))
        return {
            "Body": _parts(answered),
            "ContentType": answered.content_type,
            "InvokedProductionVariant": deployment.variant_name,
            **_attributes(answered),
            **_cold(cold_s),
        }

    def invoke_endpoint_async(self, params: Params) -> Result:
        """Keep an invocation, which is durable when this returns, and say where it will answer."""
        deployment = self._deployment(params["EndpointName"])
        if deployment.mode != "asynchronous":
            raise not_invocable(
                f"The endpoint {deployment.endpoint} is not asynchronous; use InvokeEndpoint."
            )
        for name in _NOT_OF_ASYNC:
            if params.get(name):
                raise not_invocable(f"The local cloud can't use {name}; leave it out.")
        if not params.get("InputLocation", "").startswith("s3://"):
            raise not_invocable("InputLocation must be an address in S3, s3://BUCKET/KEY.")
        inference_id = params.get("InferenceId") or str(uuid.uuid4())
        places = _places(deployment)
        self._store.enqueue(
            deployment.endpoint,
            {
                "inference_id": inference_id,
                "input": params["InputLocation"],
                "headers": _handed_on(params),
                "ttl_s": params.get("RequestTTLSeconds", DEFAULT_TTL_S),
                "timeout_s": params.get("InvocationTimeoutSeconds", DEFAULT_ASYNC_S),
                **places,
            },
        )
        self._queued()
        failure = {"FailureLocation": places["failure"]} if places["failure"] else {}
        return {"InferenceId": inference_id, "OutputLocation": places["output"], **failure}

    def _in_time(self, params: Params) -> Deployment:
        """Return the deployment to be asked now. Raises ValidationError."""
        for name in _HIDDEN:
            if params.get(name):
                raise not_invocable(f"The local cloud can't use {name}; leave it out.")
        deployment = self._deployment(params["EndpointName"])
        if deployment.mode == "asynchronous":
            raise not_invocable(
                f"The endpoint {deployment.endpoint} is asynchronous; use InvokeEndpointAsync."
            )
        wanted = params.get("TargetVariant") or deployment.variant_name
        if wanted != deployment.variant_name:
            raise not_invocable(f"The endpoint {deployment.endpoint} has no variant {wanted}.")
        return deployment

    def _deployment(self, name: str) -> Deployment:
        found = self._store.endpoint(name)
        if found is None:
            account = self._surroundings.account_id
            raise not_invocable(f"Endpoint {name} of account {account} not found.")
        if found.deployed is None or found.status == "Deleting":
            raise not_invocable(f"The endpoint {name} is {found.status}; it is not in service.")
        return Deployment.of(found.deployed)

    def _asked(self, deployment: Deployment, params: Params) -> tuple[Answered, float]:
        asked = Asked(params.get("Body", b""), _handed_on(params), ANSWER_S)
        host = self._hosts.of(deployment)
        try:
            return host.ask(asked, min(ANSWER_S, deployment.startup_s))
        except TimedOut as error:
            if host.pid is None or "ping" in str(error):
                raise AwsError("ModelNotReadyException", str(error), 429) from error
            raise _no_answer() from error
        except (Gone, Unusable) as error:
            raise AwsError("ServiceUnavailable", str(error), 503) from error

    def _check(self, deployment: Deployment, answered: Answered, body: bytes) -> None:
        """Raise ModelError where the container answered with an error."""
        if answered.status < 400:
            return
        kind = "client" if answered.status < 500 else "server"
        said = body.decode("utf-8", "replace")
        group = log_group(deployment.endpoint)
        raise AwsError(
            "ModelError",
            f'Received {kind} error ({answered.status}) from primary with message "{said}". '
            f"See {group} in CloudWatch Logs for more information.",
            424,
            OriginalStatusCode=answered.status,
            OriginalMessage=said,
            LogStreamArn=self._surroundings.arn("logs", f"log-group:{group}"),
        )


def _handed_on(params: Params) -> dict[str, str]:
    """Return the headers that a container is given."""
    headers = {"Content-Type": params.get("ContentType") or _JSON}
    if params.get("Accept"):
        headers["Accept"] = params["Accept"]
    if params.get("CustomAttributes"):
        headers["X-Amzn-SageMaker-Custom-Attributes"] = params["CustomAttributes"]
    return headers


def _places(deployment: Deployment) -> dict[str, str]:
    """Return where an invocation's answer, or its failure, is put."""
    output: Mapping[str, str] = deployment.config["AsyncInferenceConfig"]["OutputConfig"]
    name = str(uuid.uuid4())
    failure = output.get("S3FailurePath", "")
    return {
        "output": f"{output['S3OutputPath'].rstrip('/')}/{name}.out",
        "failure": f"{failure.rstrip('/')}/{name}-error.out" if failure else "",
    }


def _whole(answered: Answered) -> bytes:
    try:
        return answered.body()
    except TimedOut as error:
        raise _no_answer() from error
    except Gone as error:
        raise AwsError("ServiceUnavailable", str(error), 503) from error


def _no_answer() -> AwsError:
    said = "Your invocation timed out while waiting for a response from container primary."
    return AwsError(
        "ModelError",
        f'Received server error (0) from primary with message "{said}"',
        424,
        OriginalStatusCode=0,
        OriginalMessage=said,
    )


def _parts(answered: Answered) -> Iterator[Mapping[str, Any]]:
    try:
        for piece in answered.pieces:
            yield {"PayloadPart": {"Bytes": piece}}
    except (Gone, TimedOut) as error:
        raise AwsError("ModelStreamError", str(error), 400) from error


def _attributes(answered: Answered) -> dict[str, str]:
    said = answered.headers.get("x-amzn-sagemaker-custom-attributes")
    return {"CustomAttributes": said} if said else {}


def _cold(seconds: float) -> dict[str, Any]:
    return {EXTRA_HEADERS: {COLD_WAKE: str(round(seconds * 1000))}} if seconds else {}
