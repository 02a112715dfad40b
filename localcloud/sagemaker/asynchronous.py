"""One asynchronous invocation: its input from S3, the container asked, the answer into S3.

All of S3 is done as the model's role. An invocation is forgotten once its answer or its failure is
written, so that a killed cloud does at most what was in hand a second time.
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

from localcloud.sagemaker.container import Asked, Gone, TimedOut
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.host import Hosts
from localcloud.sagemaker.package import Unusable
from localcloud.sagemaker.store import Queued, Store

TRIES = 3
_BETWEEN_S = 0.5
_JSON = "application/json"
_log = logging.getLogger(__name__)


class Failed(Exception):  # noqa: N818 - named for what it tells
    """An invocation that gave no answer; `body` is what its failure's object says."""

    def __init__(self, body: bytes, content_type: str = _JSON) -> None:
        super().__init__(body.decode("utf-8", "replace"))
        self.body = body
        self.content_type = content_type


class Invocation:
    """Does invocations of asynchronous endpoints."""

    def __init__(
        self, store: Store, hosts: Hosts, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Take them from `store` and ask `hosts`."""
        self._store = store
        self._hosts = hosts
        self._sleep = sleep

    def do(self, deployment: Deployment, queued: Queued) -> None:
        """Do one invocation and forget it; whoever waits finds an answer or a failure."""
        s3 = self._hosts.machine.s3_as(deployment.role_arn)
        try:
            body, kind = self._answered(s3, deployment, queued)
            place = queued.asked["output"]
        except Failed as failed:
            _log.warning("an invocation of %s failed: %s", deployment.endpoint, failed)
            body, kind, place = failed.body, failed.content_type, queued.asked["failure"]
        if place:
            self._put(s3, place, body, kind)
        self._store.settle(queued)

    def _answered(self, s3: Any, deployment: Deployment, queued: Queued) -> tuple[bytes, str]:
        asked = queued.asked
        if self._store.now() > queued.accepted_at + asked["ttl_s"]:
            raise _failed(f"The request was queued for more than its {asked['ttl_s']} s.")
        given = _input(s3, asked["input"])
        failure = ""
        for attempt in range(TRIES):
            if attempt:
                self._sleep(_BETWEEN_S * attempt)
            try:
                return self._asked(deployment, asked, given)
            except (Gone, Unusable) as error:
                failure = str(error)
        raise _failed(f"The container gave no answer in {TRIES} tries: {failure}")

    def _asked(self, deployment: Deployment, asked: Any, given: bytes) -> tuple[bytes, str]:
        headers = {
            **asked["headers"],
            "X-Amzn-SageMaker-Inference-Id": asked["inference_id"],
        }
        request = Asked(given, headers, float(asked["timeout_s"]))
        try:
            answered, _ = self._hosts.of(deployment).ask(request, deployment.startup_s)
            body = answered.body()
        except TimedOut as error:
            raise _failed(str(error)) from error
        if answered.status >= 400:
            raise Failed(body, answered.content_type or _JSON)
        return body, answered.content_type

    def _put(self, s3: Any, place: str, body: bytes, kind: str) -> None:
        bucket, key = _parted(place)
        for attempt in range(TRIES):
            if attempt:
                self._sleep(_BETWEEN_S * attempt)
            try:
                s3.put_object(Bucket=bucket, Key=key, Body=body, ContentType=kind)
                return
            except (ClientError, BotoCoreError) as error:
                failure = error
        _log.error("what is for %s could not be written: %s", place, failure)


def _input(s3: Any, address: str) -> bytes:
    bucket, key = _parted(address)
    try:
        return bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    except (ClientError, BotoCoreError) as error:
        raise _failed(f"The input {address} cannot be read: {error}") from error


def _parted(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    return bucket, key


def _failed(message: str) -> Failed:
    return Failed(json.dumps({"error": message}).encode())
