"""One transform: the model's container started, asked about every object, and ended.

Results of objects that were done stay where one fails, which itself has none, as on AWS. What is
done is kept, so that a killed cloud goes on with the object that it had in hand.
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

from localcloud.sagemaker.container import Asked, Container, Gone, Setting, TimedOut
from localcloud.sagemaker.deployment import DEFAULT_STARTUP_S
from localcloud.sagemaker.jobs.keeper import Outcome, Stopping
from localcloud.sagemaker.jobs.record import Job, Jobs
from localcloud.sagemaker.logs import Lines
from localcloud.sagemaker.package import Unusable, unpacked
from localcloud.sagemaker.training.transfer import split
from localcloud.sagemaker.transform.payloads import (
    MB,
    Payload,
    Unreadable,
    assembled,
    named,
    payloads,
)
from localcloud.sagemaker.workplace import Workplace

LOG_GROUP = "/aws/sagemaker/TransformJobs"
PAYLOAD_MB, TIMEOUT_S, RETRIES = 6, 600, 3
"""What a request is let to have, in MB, to take, and how often it is asked again."""
_SAID = 500
_LOOK_S = 0.05


class _Broken(Exception):  # noqa: N818
    """What ends a transform; the text is its FailureReason."""


class _Stopped(Exception):  # noqa: N818
    """The transform is to end before it is done."""


@dataclass(frozen=True, slots=True)
class Source:
    """One object: its address, and where what is answered about it goes."""

    address: str
    output: str


class Transformer:
    """Does transforms in folders below `folder`."""

    def __init__(self, jobs: Jobs, workplace: Workplace, setting: Setting, folder: Path) -> None:
        """Run containers of `setting`, and keep in `jobs` what is done."""
        self._jobs = jobs
        self._workplace = workplace
        self._setting = setting
        self._folder = folder

    def do(self, job: Job, stopping: Stopping) -> Outcome | None:
        """Do a transform, and return how it ends; None where the local cloud closes before."""
        folder = self._folder / job.name
        run = _Run(job, stopping, self._workplace, self._setting, folder)
        try:
            self._jobs.change("transform", job.name, started_at=self._jobs.now())
            done = list(job.told.get("done", ()))
            for source in run.sources():
                if source.address in done:
                    continue
                run.answer(source)
                done.append(source.address)
                self._jobs.change("transform", job.name, told={**job.told, "done": done})
        except _Stopped:
            return None if stopping.why == "closing" else Outcome("Stopped")
        except _Broken as error:
            return Outcome("Failed", str(error))
        finally:
            run.end()
            shutil.rmtree(folder, ignore_errors=True)
        return Outcome("Completed")


class _Run:
    """One transform that goes on."""

    def __init__(
        self, job: Job, stopping: Stopping, workplace: Workplace, setting: Setting, folder: Path
    ) -> None:
        self._job = job
        self._asked = job.asked
        self._model: Mapping[str, Any] = job.told["model"]
        self._stopping = stopping
        self._workplace = workplace
        self._setting = setting
        self._folder = folder
        self._role = self._model["ExecutionRoleArn"]
        self._s3 = workplace.s3_as(self._role)
        self._container: Container | None = None
        self._failed = False
        self._starting = threading.Lock()
        client = self._asked.get("ModelClientConfig", {})
        self._timeout = float(client.get("InvocationsTimeoutInSeconds", TIMEOUT_S))
        self._retries = int(client.get("InvocationsMaxRetries", RETRIES))

    def sources(self) -> list[Source]:
        """Return every object of the input. Raises _Broken where there is none."""
        given = self._asked["TransformInput"]["DataSource"]["S3DataSource"]
        address = given["S3Uri"]
        if given["S3DataType"] == "ManifestFile":
            try:
                found = named(self._read(address))
            except Unreadable as error:
                raise _Broken(f"ClientError: {error}") from error
            base = found[0].rpartition("/")[0] if len(found) == 1 else _common(found)
        else:
            found, base = list(self._listed(address)), address.rpartition("/")[0]
        if not found:
            raise _Broken(f"ClientError: No S3 objects found under {address}.")
        output = self._asked["TransformOutput"]["S3OutputPath"].rstrip("/")
        return [
            Source(each, f"{output}/{each.removeprefix(base).lstrip('/')}.out") for each in found
        ]

    def answer(self, source: Source) -> None:
        """Ask about one object and write what was answered. Raises _Broken and _Stopped."""
        content = self._read(source.address)
        asked, output = self._asked, self._asked["TransformOutput"]
        most = (asked.get("MaxPayloadInMB") or PAYLOAD_MB) * MB
        strategy = asked.get("BatchStrategy", "MultiRecord")
        try:
            given = list(
                payloads(content, asked["TransformInput"].get("SplitType", "None"), strategy, most)
            )
        except Unreadable as error:
            raise _Broken(f"ClientError: {source.address}: {error}.") from error
        with ThreadPoolExecutor(max(1, asked.get("MaxConcurrentTransforms", 1))) as pool:
            answers = list(pool.map(lambda each: self._one(source, each), given))
        body = assembled(answers, output.get("AssembleWith", "None"))
        self._write(source.output, body, output.get("Accept", ""))

    def end(self) -> None:
        """End the container."""
        if self._container is not None:
            self._container.stop()

    def _one(self, source: Source, payload: Payload) -> bytes:
        where = f"{source.address}, record {payload.first}"
        if payload.records > 1:
            where += f" to {payload.first + payload.records - 1}"
        if self._failed:
            raise _Stopped
        said = ""
        for _ in range(self._retries + 1):
            if self._stopping.event.is_set():
                raise _Stopped
            try:
                answered = self._ready().ask(self._request(payload))
                body = answered.body()
            except (Gone, TimedOut) as error:
                said = str(error)
                continue
            if answered.status < 400:
                return body
            said = f"the model answered {answered.status}: {_text(body)}"
            if answered.status < 500:
                break
        if self._stopping.event.is_set():
            raise _Stopped
        self._failed = True
        raise _Broken(f"AlgorithmError: {where}: {said}")

    def _request(self, payload: Payload) -> Asked:
        headers = {
            "Content-Type": self._asked["TransformInput"].get("ContentType", ""),
            "Accept": self._asked["TransformOutput"].get("Accept", ""),
        }
        return Asked(payload.body, {k: v for k, v in headers.items() if v}, self._timeout)

    def _ready(self) -> Container:
        """Return the container, which is started where there is none or it has ended."""
        with self._starting:
            if self._container is not None and self._container.alive:
                return self._container
            if self._stopping.event.is_set():
                raise _Stopped
            lines = Lines(
                self._workplace.logs, LOG_GROUP, f"{self._job.name}/i-{uuid.uuid4().hex[:17]}"
            )
            self._container = self._started(lines)
            watching = threading.Thread(
                target=self._end_when_stopped, args=(self._container,), daemon=True
            )
            watching.start()
            return self._container

    def _started(self, lines: Lines) -> Container:
        primary = self._model["PrimaryContainer"]
        instance = self._asked["TransformResources"]["InstanceType"]
        lines.say(
            f"The local cloud serves {primary['ModelDataUrl']} by the CPU of this machine, not on "
            f"{instance}, {primary['Image']}."
        )
        environment = {
            **self._workplace.identity(self._role),
            **primary.get("Environment", {}),
            **self._of_batches(),
            **self._asked.get("Environment", {}),
        }
        try:
            model_dir = unpacked(self._s3, primary["ModelDataUrl"], self._folder)
            container = Container(self._setting, model_dir, environment, lines)
            container.wait_ready(DEFAULT_STARTUP_S)
        except Unusable as error:
            raise _Broken(f"ClientError: {error}") from error
        except (Gone, TimedOut, OSError) as error:
            if self._stopping.event.is_set():
                raise _Stopped from error
            raise _Broken(f"AlgorithmError: {error}") from error
        return container

    def _of_batches(self) -> dict[str, str]:
        """Return the variables by which a container knows that it answers a transform."""
        return {
            "SAGEMAKER_BATCH": "true",
            "SAGEMAKER_BATCH_STRATEGY": self._asked.get("BatchStrategy", "MultiRecord"),
            "SAGEMAKER_MAX_PAYLOAD_IN_MB": str(self._asked.get("MaxPayloadInMB") or PAYLOAD_MB),
            "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": str(
                max(1, self._asked.get("MaxConcurrentTransforms", 1))
            ),
        }

    def _end_when_stopped(self, container: Container) -> None:
        while container.alive:
            if self._stopping.event.wait(_LOOK_S):
                container.stop()
                return

    def _listed(self, address: str) -> Iterator[str]:
        bucket, prefix = split(address)
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            for page in pages:
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith("/"):
                        yield f"s3://{bucket}/{each['Key']}"
        except (ClientError, BotoCoreError) as error:
            raise _Broken(f"ClientError: {address} cannot be listed: {error}") from error

    def _read(self, address: str) -> bytes:
        bucket, key = split(address)
        try:
            return bytes(self._s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except (ClientError, BotoCoreError) as error:
            raise _Broken(f"ClientError: {address} cannot be read: {error}") from error

    def _write(self, address: str, body: bytes, kind: str) -> None:
        bucket, key = split(address)
        typed = {"ContentType": kind} if kind else {}
        try:
            self._s3.put_object(Bucket=bucket, Key=key, Body=body, **typed)
        except (ClientError, BotoCoreError) as error:
            raise _Broken(f"ClientError: {address} cannot be written: {error}") from error


def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")[:_SAID]


def _common(addresses: list[str]) -> str:
    """Return the folder that all addresses lie in."""
    parts = [each.split("/")[:-1] for each in addresses]
    shared = []
    for level in zip(*parts, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(level[0])
    return "/".join(shared)
