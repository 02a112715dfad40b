"""Hosts: each runs the container of one deployment, and starts it when an invocation needs it.

A container that has ended is started again by the next invocation, which waits for this cold start.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcloud.sagemaker.cloudwatch import ContainerLogs, ContainerLogStream, log_group
from localcloud.sagemaker.hosting.container import (
    ConnectionRefused,
    ContainerEnded,
    ContainerRequest,
    ContainerResponse,
    ContainerSettings,
    ModelContainer,
)
from localcloud.sagemaker.hosting.deployment import Deployment
from localcloud.sagemaker.hosting.model_archive import UnusableModel, unpack_model

S3ClientFactory = Callable[[str], Any]
"""Returns an S3 client with a role, by its ARN."""

CredentialVariables = Callable[[str], Mapping[str, str]]
"""Returns the environment variables with a role's credentials, by the role's ARN."""

OnColdStart = Callable[[Deployment, float], None]
"""Called with the deployment and the seconds of each cold start."""

OnInvocation = Callable[[Deployment, int, float], None]
"""Called with the deployment, the HTTP status (0 without a response) and the seconds of each
invocation."""


@dataclass(frozen=True, slots=True)
class HostEnvironment:
    """The settings and collaborators that all hosts share.

    Attributes:
        folder: contains a folder for each endpoint.
        container: settings of containers.
        logs: takes the output of containers.
        s3_client: for the archives of models.
        credential_variables: for the environment of containers.
        on_cold_start: called after each cold start.
        on_invocation: called after each invocation.
    """

    folder: Path
    container: ContainerSettings
    logs: ContainerLogs
    s3_client: S3ClientFactory
    credential_variables: CredentialVariables
    on_cold_start: OnColdStart
    on_invocation: OnInvocation

    def folder_of(self, endpoint: str) -> Path:
        """Return the folder of an endpoint."""
        return self.folder / endpoint

    def clear(self, endpoint: str, keep: Collection[str] = ()) -> None:
        """Delete the files of an endpoint, except those of the deployments `keep`."""
        folder = self.folder_of(endpoint)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
            return
        for other in folder.iterdir() if folder.is_dir() else ():
            if other.name not in keep:
                shutil.rmtree(other, ignore_errors=True)


class ModelHost:
    """Runs the container of one deployment of an endpoint. Thread-safe."""

    def __init__(self, environment: HostEnvironment, deployment: Deployment) -> None:
        """Create the host; the container starts when it is needed."""
        self.deployment = deployment
        self.used_at = time.monotonic()
        self._environment = environment
        self._container: ModelContainer | None = None
        self._ready: ModelContainer | None = None
        self._stopped = False
        self._in_flight = 0
        self._guard = threading.Lock()
        self._unpack_lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """The id of the process, or None while it does not run."""
        with self._guard:
            container = self._container
        return container.pid if container is not None and container.alive else None

    def prepare(self) -> None:
        """Download the model, start the container and wait until it is healthy.

        Raises UnusableModel, ContainerEnded or ContainerTimeout.
        """
        self._ensure_ready(self.deployment.startup_s)

    def invoke(
        self, request: ContainerRequest, startup_s: float
    ) -> tuple[ContainerResponse, float]:
        """Invoke the container; return the response as it begins, and the cold start's seconds.

        Args:
            request: what the container is sent.
            startup_s: seconds that a cold start may take.

        Returns:
            The response, and the seconds of the cold start, 0 if the container was running.

        Raises:
            UnusableModel, ContainerEnded, ContainerTimeout: it could not be started or invoked.
        """
        with self._guard:
            self._in_flight += 1
        began_at = time.monotonic()
        try:
            container, cold_start_s = self._ensure_ready(startup_s)
            began_at = time.monotonic()
            try:
                response = container.invoke(request)
            except ConnectionRefused:
                container, cold_start_s = self._ensure_ready(startup_s)
                response = container.invoke(request)
        except BaseException:
            self._release()
            self._record(0, began_at)
            raise
        self._record(response.status, began_at)
        chunks = self._track(response.chunks)
        next(chunks)
        return replace(response, chunks=chunks), cold_start_s

    def _record(self, status: int, began_at: float) -> None:
        self._environment.on_invocation(self.deployment, status, time.monotonic() - began_at)

    def idle_s(self) -> float | None:
        """Return the seconds since the last invocation; None during one, or if nothing runs."""
        with self._guard:
            if self._in_flight or self._container is None:
                return None
            return time.monotonic() - self.used_at

    def stop_if_idle(self) -> bool:
        """Stop the container unless it is being invoked; return whether it was stopped."""
        with self._guard:
            if self._in_flight or self._container is None:
                return False
            container, self._container, self._ready = self._container, None, None
        container.log.write("The local cloud stops this container: nothing invokes it.")
        container.stop()
        return True

    def stop(self) -> None:
        """Stop the container for good; running invocations fail."""
        with self._guard:
            self._stopped = True
            container, self._container, self._ready = self._container, None, None
        if container is not None:
            container.stop()

    def _ensure_ready(self, startup_s: float) -> tuple[ModelContainer, float]:
        with self._guard:
            if self._ready is not None and self._ready.alive:
                return self._ready, 0.0
        started_at = time.monotonic()
        model_dir = self._unpack()
        container, started_now = self._ensure_started(model_dir)
        container.wait_ready(startup_s)
        seconds = time.monotonic() - started_at
        with self._guard:
            self._ready = container if container is self._container else self._ready
        if started_now:
            self._environment.on_cold_start(self.deployment, seconds)
        return container, seconds

    def _unpack(self) -> Path:
        folder = self._environment.folder_of(self.deployment.endpoint) / self.deployment.id
        with self._unpack_lock:
            s3 = self._environment.s3_client(self.deployment.role_arn)
            return unpack_model(s3, self.deployment.package, folder)

    def _ensure_started(self, model_dir: Path) -> tuple[ModelContainer, bool]:
        """Return the running container, and whether it was started just now."""
        with self._guard:
            if self._stopped:
                raise ContainerEnded("The endpoint is being deleted or updated.")
            if self._container is not None and self._container.alive:
                return self._container, False
            deployment = self.deployment
            stream = f"{deployment.variant_name}/i-{uuid.uuid4().hex[:17]}"
            log = ContainerLogStream(self._environment.logs, log_group(deployment.endpoint), stream)
            log.write(
                f"The local cloud serves {deployment.package} by the CPU of this machine, in place "
                f"of {deployment.instance_type or 'serverless inference'} and {deployment.image}."
            )
            environment = {
                **self._environment.credential_variables(deployment.role_arn),
                **deployment.environment,
            }
            try:
                self._container = ModelContainer(
                    self._environment.container, model_dir, environment, log
                )
            except OSError as error:
                raise UnusableModel(f"The container could not be started: {error}") from error
            return self._container, True

    def _track(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield an empty chunk, so that the end is noticed even without a reader, then `chunks`."""
        try:
            yield b""
            yield from chunks
        finally:
            self._release()

    def _release(self) -> None:
        with self._guard:
            self._in_flight -= 1
            self.used_at = time.monotonic()


class HostPool:
    """The hosts of all variants that were invoked, by the deployment's id. Thread-safe."""

    def __init__(self, environment: HostEnvironment) -> None:
        """Create an empty pool."""
        self.environment = environment
        self._by_id: dict[str, ModelHost] = {}
        self._guard = threading.Lock()

    def host_for(self, deployment: Deployment) -> ModelHost:
        """Return the host of a deployment in service, creating it at first."""
        with self._guard:
            host = self._by_id.get(deployment.id)
            if host is None:
                host = self._by_id[deployment.id] = ModelHost(self.environment, deployment)
            return host

    def all(self) -> list[ModelHost]:
        """Return all hosts."""
        with self._guard:
            return list(self._by_id.values())

    def add(self, hosts: Iterable[ModelHost]) -> None:
        """Add hosts that were started, so that they can be invoked."""
        with self._guard:
            self._by_id |= {host.deployment.id: host for host in hosts}

    def retain(self, endpoint: str, keep: Collection[str] = ()) -> None:
        """Stop the hosts of an endpoint and delete their files, except the deployments `keep`."""
        with self._guard:
            stopped = [
                host
                for host in self._by_id.values()
                if host.deployment.endpoint == endpoint and host.deployment.id not in keep
            ]
            for host in stopped:
                del self._by_id[host.deployment.id]
        for host in stopped:
            host.stop()
        self.environment.clear(endpoint, keep)

    def stop(self) -> None:
        """Stop all hosts."""
        for host in self.all():
            host.stop()
