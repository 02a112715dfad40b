"""Processes asynchronous invocations: reads the input from S3, writes the result to S3.

S3 is called with the model's role. An invocation leaves the queue once its output or its failure is
written, so that a killed cloud repeats running invocations at most.
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-invoke-endpoint.html
https://docs.aws.amazon.com/sagemaker/latest/dg/async-inference-check-predictions.html
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.hosting.container import (
    ContainerEnded,
    ContainerRequest,
    ContainerTimeout,
)
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.host import HostPool
from localcloud.sagemaker.hosting.model_archive import UnusableModel
from localcloud.sagemaker.hosting.store import HostingStore, QueuedInvocation

MAX_ATTEMPTS = 3
_BACKOFF_S = 0.5
_JSON = "application/json"
_log = logging.getLogger(__name__)


class InvocationFailed(Exception):  # noqa: N818 - named for what it tells
    """Raised if an invocation fails; `body` is the content of its failure object."""

    def __init__(self, body: bytes, content_type: str = _JSON) -> None:
        super().__init__(body.decode("utf-8", "replace"))
        self.body = body
        self.content_type = content_type


class AsyncInvoker:
    """Processes the invocations of asynchronous endpoints."""

    def __init__(
        self, store: HostingStore, hosts: HostPool, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Invoke by `hosts`, and remove finished invocations from `store`."""
        self._store = store
        self._hosts = hosts
        self._sleep = sleep

    def process(self, deployment: Deployment, queued: QueuedInvocation) -> None:
        """Process one invocation, write its output or its failure, and remove it."""
        s3 = self._hosts.environment.s3_client(deployment.role_arn)
        try:
            body, kind = self._invoke_with_retries(s3, deployment, queued)
            location = queued.request["output"]
        except InvocationFailed as failed:
            _log.warning("an invocation of %s failed: %s", deployment.endpoint, failed)
            body, kind, location = failed.body, failed.content_type, queued.request["failure"]
        if location:
            self._put(s3, location, body, kind)
        self._store.remove_invocation(queued)

    def _invoke_with_retries(
        self, s3: Any, deployment: Deployment, queued: QueuedInvocation
    ) -> tuple[bytes, str]:
        request = queued.request
        if self._store.now() > queued.accepted_at + request["ttl_s"]:
            raise _failure(f"The request was queued for more than its {request['ttl_s']} s.")
        content = _read_input(s3, request["input"])
        failure = ""
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self._sleep(_BACKOFF_S * attempt)
            try:
                return self._invoke(deployment, request, content)
            except (ContainerEnded, UnusableModel) as error:
                failure = str(error)
        raise _failure(f"The container gave no response in {MAX_ATTEMPTS} attempts: {failure}")

    def _invoke(self, deployment: Deployment, request: Any, content: bytes) -> tuple[bytes, str]:
        headers = {
            **request["headers"],
            "X-Amzn-SageMaker-Inference-Id": request["inference_id"],
        }
        container_request = ContainerRequest(content, headers, float(request["timeout_s"]))
        try:
            response, _ = self._hosts.host_for(deployment).invoke(
                container_request, deployment.startup_s
            )
            body = response.body()
        except ContainerTimeout as error:
            raise _failure(str(error)) from error
        if response.status >= 400:
            raise InvocationFailed(body, response.content_type or _JSON)
        return body, response.content_type

    def _put(self, s3: Any, location: str, body: bytes, kind: str) -> None:
        bucket, key = _parse_uri(location)
        for attempt in range(MAX_ATTEMPTS):
            if attempt:
                self._sleep(_BACKOFF_S * attempt)
            try:
                s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
                return
            except (ClientError, BotoCoreError) as error:
                failure = error
        _log.error("the result %s could not be written: %s", location, failure)


def _read_input(s3: Any, address: str) -> bytes:
    bucket, key = _parse_uri(address)
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except (ClientError, BotoCoreError) as error:
        raise _failure(f"The input {address} cannot be read: {error}") from error


def _parse_uri(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _failure(message: str) -> InvocationFailed:
    return InvocationFailed(json.dumps({"error": message}).encode())
