"""What an endpoint is asked through: its container, started when it is wanted and not there.

A container that ended is started anew by the next request. How long a start took is kept, as the
cold wake that a caller waited for.
"""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from localcloud.sagemaker.container import Answered, Asked, Container, Gone, Refused, Setting
from localcloud.sagemaker.deployment import Deployment
from localcloud.sagemaker.logs import ContainerLogs, Lines, log_group
from localcloud.sagemaker.package import Unusable, unpacked

S3As = Callable[[str], Any]
"""Returns an S3 client that calls as a role, by its ARN."""

Identity = Callable[[str], Mapping[str, str]]
"""Returns the variables by which a container signs its calls as a role, by its ARN."""

Woken = Callable[[Deployment, float], None]
"""Is told of a cold wake and its seconds."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What all endpoints have in common: how containers start, log, sign, and fetch packages.

    `folder` has a folder for each endpoint.
    """

    folder: Path
    setting: Setting
    logs: ContainerLogs
    s3_as: S3As
    identity: Identity
    woken: Woken

    def folder_of(self, endpoint: str) -> Path:
        """Return the folder of an endpoint."""
        return self.folder / endpoint

    def clear(self, endpoint: str, keep: str = "") -> None:
        """Delete what earlier deployments of an endpoint left, or all that is of it."""
        folder = self.folder_of(endpoint)
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
            return
        for other in folder.iterdir() if folder.is_dir() else ():
            if other.name != keep:
                shutil.rmtree(other, ignore_errors=True)


class Host:
    """One deployment of an endpoint. Safe from any thread."""

    def __init__(self, machine: Machine, deployment: Deployment) -> None:
        """Start nothing yet."""
        self.deployment = deployment
        self.used_at = time.monotonic()
        self._machine = machine
        self._container: Container | None = None
        self._ready: Container | None = None
        self._stopped = False
        self._in_hand = 0
        self._guard = threading.Lock()
        self._unpacking = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Return the id of the process, or None while there is none."""
        with self._guard:
            container = self._container
        return container.pid if container is not None and container.alive else None

    def prepare(self) -> None:
        """Fetch the package, start the container and wait until it is healthy.

        Raises Unusable, Gone or TimedOut.
        """
        self._wake(self.deployment.startup_s)

    def ask(self, asked: Asked, within_s: float) -> tuple[Answered, float]:
        """Return the answer as it begins, and the seconds of a cold wake, 0 where it was warm.

        `within_s` is how long a start may take. Raises Unusable, Gone or TimedOut.
        """
        with self._guard:
            self._in_hand += 1
        try:
            container, cold_s = self._wake(within_s)
            try:
                answered = container.ask(asked)
            except Refused:
                container, cold_s = self._wake(within_s)
                answered = container.ask(asked)
        except BaseException:
            self._leave()
            raise
        pieces = self._watched(answered.pieces)
        next(pieces)
        return replace(answered, pieces=pieces), cold_s

    def idle_s(self) -> float | None:
        """Return for how long nothing was asked; None while something is, or nothing runs."""
        with self._guard:
            if self._in_hand or self._container is None:
                return None
            return time.monotonic() - self.used_at

    def sleep(self) -> bool:
        """End the container unless it has something in hand; tell whether it was ended."""
        with self._guard:
            if self._in_hand or self._container is None:
                return False
            container, self._container, self._ready = self._container, None, None
        container.lines.say("The local cloud ends this container: nothing is asked of it.")
        container.stop()
        return True

    def stop(self) -> None:
        """End the container for good; what it has in hand fails."""
        with self._guard:
            self._stopped = True
            container, self._container, self._ready = self._container, None, None
        if container is not None:
            container.stop()

    def _wake(self, within_s: float) -> tuple[Container, float]:
        with self._guard:
            if self._ready is not None and self._ready.alive:
                return self._ready, 0.0
        began = time.monotonic()
        model_dir = self._unpacked()
        container, fresh = self._started(model_dir)
        container.wait_ready(within_s)
        seconds = time.monotonic() - began
        with self._guard:
            self._ready = container if container is self._container else self._ready
        if fresh:
            self._machine.woken(self.deployment, seconds)
        return container, seconds

    def _unpacked(self) -> Path:
        folder = self._machine.folder_of(self.deployment.endpoint) / self.deployment.id
        with self._unpacking:
            s3 = self._machine.s3_as(self.deployment.role_arn)
            return unpacked(s3, self.deployment.package, folder)

    def _started(self, model_dir: Path) -> tuple[Container, bool]:
        """Return a container that was started, and whether it was now."""
        with self._guard:
            if self._stopped:
                raise Gone("The endpoint is being deleted or updated.")
            if self._container is not None and self._container.alive:
                return self._container, False
            deployment = self.deployment
            stream = f"{deployment.variant_name}/i-{uuid.uuid4().hex[:17]}"
            lines = Lines(self._machine.logs, log_group(deployment.endpoint), stream)
            lines.say(
                f"The local cloud serves {deployment.package} by the CPU of this machine, in place "
                f"of {deployment.instance_type or 'serverless inference'} and {deployment.image}."
            )
            environment = {**self._machine.identity(deployment.role_arn), **deployment.environment}
            try:
                self._container = Container(self._machine.setting, model_dir, environment, lines)
            except OSError as error:
                raise Unusable(f"The container could not be started: {error}") from error
            return self._container, True

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield nothing first, so that the end is seen also where nobody reads, then `pieces`."""
        try:
            yield b""
            yield from pieces
        finally:
            self._leave()

    def _leave(self) -> None:
        with self._guard:
            self._in_hand -= 1
            self.used_at = time.monotonic()


class Hosts:
    """The hosts of all endpoints that have one, by name."""

    def __init__(self, machine: Machine) -> None:
        """Begin with none."""
        self.machine = machine
        self._by_name: dict[str, Host] = {}
        self._guard = threading.Lock()

    def of(self, deployment: Deployment) -> Host:
        """Return the host of a deployment that is in service."""
        with self._guard:
            host = self._by_name.get(deployment.endpoint)
            if host is None or host.deployment.id != deployment.id:
                host = self._by_name[deployment.endpoint] = Host(self.machine, deployment)
            return host

    def there(self) -> list[Host]:
        """Return every host."""
        with self._guard:
            return list(self._by_name.values())

    def take(self, host: Host) -> None:
        """Have `host` asked from now on, and end the one before it."""
        name = host.deployment.endpoint
        with self._guard:
            before = self._by_name.get(name)
            self._by_name[name] = host
        if before is not None and before is not host:
            before.stop()
        self.machine.clear(name, keep=host.deployment.id)

    def drop(self, endpoint: str) -> None:
        """End the host of an endpoint, and delete what is of it."""
        with self._guard:
            host = self._by_name.pop(endpoint, None)
        if host is not None:
            host.stop()
        self.machine.clear(endpoint)

    def stop(self) -> None:
        """End every host."""
        for host in self.there():
            host.stop()
