"""Runs a transform job: starts the model's container and invokes it for every object.

If an object fails it has no result, and those of the objects before it are kept, as on AWS.
Finished objects are recorded, so that a killed cloud continues with the one in progress.
https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-batch-code.html
https://docs.aws.amazon.com/sagemaker/latest/dg/batch-transform-errors.html
"""

from __future__ import annotations

import shutil
import threading
import uuid
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from localcloud.sagemaker.cloudwatch import ContainerLogStream
from localcloud.sagemaker.hosting.container import (
    ContainerEnded,
    ContainerRequest,
    ContainerSettings,
    ContainerTimeout,
    ModelContainer,
)
from localcloud.sagemaker.hosting.deployment import DEFAULT_STARTUP_S
from localcloud.sagemaker.hosting.model_archive import UnusableModel, unpack_model
from localcloud.sagemaker.jobs.program import JobContext
from localcloud.sagemaker.jobs.runner import JobOutcome, StopSignal
from localcloud.sagemaker.jobs.s3_transfer import parse_s3_uri
from localcloud.sagemaker.jobs.store import JobStore, SageMakerJob
from localcloud.sagemaker.transform.payloads import (
    MB,
    Payload,
    UnreadableInput,
    assemble,
    parse_manifest,
    split_payloads,
)

LOG_GROUP = "/aws/sagemaker/TransformJobs"
PAYLOAD_MB, TIMEOUT_S, MAX_RETRIES = 6, 600, 3
"""Defaults of a request: its size in MB, its timeout in seconds, and its retries."""
_MAX_MESSAGE_LENGTH = 500
_POLL_S = 0.05


class _TransformFailed(Exception):  # noqa: N818
    """Raised if the job fails; the text is its FailureReason."""


class _TransformStopped(Exception):  # noqa: N818
    """Raised if the job is stopped."""


@dataclass(frozen=True, slots=True)
class TransformObject:
    """An input object and the object of its output, both as S3 URIs."""

    address: str
    output: str


class TransformRunner:
    """Runs transform jobs in folders below `folder`."""

    def __init__(
        self, jobs: JobStore, context: JobContext, settings: ContainerSettings, folder: Path
    ) -> None:
        """Run containers by `settings`, and record finished objects in `jobs`."""
        self._jobs = jobs
        self._context = context
        self._settings = settings
        self._folder = folder

    def run(self, job: SageMakerJob, signal: StopSignal) -> JobOutcome | None:
        """Run a job and return its outcome, or None if the local cloud stops first."""
        folder = self._folder / job.name
        run = _TransformRun(job, signal, self._context, self._settings, folder)
        try:
            self._jobs.update("transform", job.name, started_at=self._jobs.now())
            done = list(job.state.get("done", ()))
            for source in run.sources():
                if source.address in done:
                    continue
                run.transform(source)
                done.append(source.address)
                self._jobs.update("transform", job.name, state={**job.state, "done": done})
        except _TransformStopped:
            return None if signal.reason == "closing" else JobOutcome("Stopped")
        except _TransformFailed as error:
            return JobOutcome("Failed", str(error))
        finally:
            run.stop()
            shutil.rmtree(folder, ignore_errors=True)
        return JobOutcome("Completed")


class _TransformRun:
    """One run of a transform job."""

    def __init__(
        self,
        job: SageMakerJob,
        signal: StopSignal,
        context: JobContext,
        settings: ContainerSettings,
        folder: Path,
    ) -> None:
        self._job = job
        self._request_params = job.request
        self._model: Mapping[str, Any] = job.state["model"]
        self._signal = signal
        self._context = context
        self._settings = settings
        self._folder = folder
        self._role = self._model["ExecutionRoleArn"]
        self._s3 = context.s3_client(self._role)
        self._container: ModelContainer | None = None
        self._failed = False
        self._starting = threading.Lock()
        client = self._request_params.get("ModelClientConfig", {})
        self._timeout = float(client.get("InvocationsTimeoutInSeconds", TIMEOUT_S))
        self._retries = int(client.get("InvocationsMaxRetries", MAX_RETRIES))

    def sources(self) -> list[TransformObject]:
        """Return the objects of the input. Raises _TransformFailed if there are none."""
        source_config = self._request_params["TransformInput"]["DataSource"]["S3DataSource"]
        address = source_config["S3Uri"]
        if source_config["S3DataType"] == "ManifestFile":
            try:
                uris = parse_manifest(self._read(address))
            except UnreadableInput as error:
                raise _TransformFailed(f"ClientError: {error}") from error
            base = uris[0].rpartition("/")[0] if len(uris) == 1 else _common_folder(uris)
        else:
            uris, base = list(self._list_objects(address)), address.rpartition("/")[0]
        if not uris:
            raise _TransformFailed(f"ClientError: No S3 objects found under {address}.")
        output = self._request_params["TransformOutput"]["S3OutputPath"].rstrip("/")
        return [
            TransformObject(each, f"{output}/{each.removeprefix(base).lstrip('/')}.out")
            for each in uris
        ]

    def transform(self, source: TransformObject) -> None:
        """Transform one object. Raises _TransformFailed or _TransformStopped."""
        content = self._read(source.address)
        params, output = self._request_params, self._request_params["TransformOutput"]
        max_bytes = (params.get("MaxPayloadInMB") or PAYLOAD_MB) * MB
        strategy = params.get("BatchStrategy", "MultiRecord")
        try:
            batch = list(
                split_payloads(
                    content, params["TransformInput"].get("SplitType", "None"), strategy, max_bytes
                )
            )
        except UnreadableInput as error:
            raise _TransformFailed(f"ClientError: {source.address}: {error}.") from error
        with ThreadPoolExecutor(max(1, params.get("MaxConcurrentTransforms", 1))) as pool:
            responses = list(pool.map(lambda payload: self._invoke(source, payload), batch))
        body = assemble(responses, output.get("AssembleWith", "None"))
        self._write(source.output, body, output.get("Accept", ""))

    def stop(self) -> None:
        """Stop the container."""
        if self._container is not None:
            self._container.stop()

    def _invoke(self, source: TransformObject, payload: Payload) -> bytes:
        where = f"{source.address}, record {payload.first}"
        if payload.records > 1:
            where += f" to {payload.first + payload.records - 1}"
        if self._failed:
            raise _TransformStopped
        problem = ""
        for _ in range(self._retries + 1):
            if self._signal.event.is_set():
                raise _TransformStopped
            try:
                response = self._ensure_container().invoke(self._request(payload))
                body = response.body()
            except (ContainerEnded, ContainerTimeout) as error:
                problem = str(error)
                continue
            if response.status < 400:
                return body
            problem = f"the model responded with {response.status}: {_text(body)}"
            if response.status < 500:
                break
        if self._signal.event.is_set():
            raise _TransformStopped
        self._failed = True
        raise _TransformFailed(f"AlgorithmError: {where}: {problem}")

    def _request(self, payload: Payload) -> ContainerRequest:
        headers = {
            "Content-Type": self._request_params["TransformInput"].get("ContentType", ""),
            "Accept": self._request_params["TransformOutput"].get("Accept", ""),
        }
        return ContainerRequest(
            payload.body, {k: v for k, v in headers.items() if v}, self._timeout
        )

    def _ensure_container(self) -> ModelContainer:
        """Return the container, starting it if it does not run."""
        with self._starting:
            if self._container is not None and self._container.alive:
                return self._container
            if self._signal.event.is_set():
                raise _TransformStopped
            log = ContainerLogStream(
                self._context.logs, LOG_GROUP, f"{self._job.name}/i-{uuid.uuid4().hex[:17]}"
            )
            self._container = self._start_container(log)
            watcher = threading.Thread(
                target=self._end_when_stopped, args=(self._container,), daemon=True
            )
            watcher.start()
            return self._container

    def _start_container(self, log: ContainerLogStream) -> ModelContainer:
        primary = self._model["PrimaryContainer"]
        instance = self._request_params["TransformResources"]["InstanceType"]
        log.write(
            f"The local cloud serves {primary['ModelDataUrl']} by the CPU of this machine, not on "
            f"{instance}, {primary['Image']}."
        )
        environment = {
            **self._context.credential_variables(self._role),
            **primary.get("Environment", {}),
            **self._batch_variables(),
            **self._request_params.get("Environment", {}),
        }
        try:
            model_dir = unpack_model(self._s3, primary["ModelDataUrl"], self._folder)
            container = ModelContainer(self._settings, model_dir, environment, log)
            container.wait_ready(DEFAULT_STARTUP_S)
        except UnusableModel as error:
            raise _TransformFailed(f"ClientError: {error}") from error
        except (ContainerEnded, ContainerTimeout, OSError) as error:
            if self._signal.event.is_set():
                raise _TransformStopped from error
            raise _TransformFailed(f"AlgorithmError: {error}") from error
        return container

    def _batch_variables(self) -> dict[str, str]:
        """Return the variables that tell a container that it serves a transform job."""
        return {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": self._request_params.get("BatchStrategy", "MultiRecord"),
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(
                self._request_params.get("MaxPayloadInMB") or PAYLOAD_MB
            ),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(
                max(1, self._request_params.get("MaxConcurrentTransforms", 1))
            ),
        }

    def _end_when_stopped(self, container: ModelContainer) -> None:
        while container.alive:
            if self._signal.event.wait(_POLL_S):
                container.stop()
                return

    def _list_objects(self, address: str) -> Iterator[str]:
        bucket, prefix = parse_s3_uri(address)
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith("/"):
                        yield f"s3://{bucket}/{each['Key']}"
        except (ClientError, BotoCoreError) as error:
            raise _TransformFailed(f"ClientError: {address} cannot be listed: {error}") from error

    def _read(self, address: str) -> bytes:
        bucket, key = parse_s3_uri(address)
        try:
            return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except (ClientError, BotoCoreError) as error:
            raise _TransformFailed(f"ClientError: {address} cannot be read: {error}") from error

    def _write(self, address: str, body: bytes, kind: str) -> None:
        bucket, key = parse_s3_uri(address)
        typed = {"ContentType": kind} if kind else {}
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, **typed)
        except (ClientError, BotoCoreError) as error:
            raise _TransformFailed(f"ClientError: {address} cannot be written: {error}") from error


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")[:_MAX_MESSAGE_LENGTH]


def _common_folder(addresses: list[str]) -> str:
    """Return the longest folder that contains all addresses."""
    parts = [each.split("/")[:-1] for each in addresses]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)
