"""S3 behind a real socket, without the rest of the cloud."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from localcloud.frontdoor.http_server import HttpServer
from localcloud.s3 import S3Service
from localcloud.service import CloudContext

PLAIN = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
SIGNED_V4 = PLAIN.merge(Config(signature_version="s3v4"))


@dataclass(slots=True)
class Clock:
    """The real time, moved by `ahead` seconds."""

    ahead: float = 0

    def __call__(self) -> float:
        return time.time() + self.ahead


@dataclass(slots=True)
class Running:
    """A running S3: `events` is what it has published."""

    endpoint: str
    service: S3Service
    clock: Clock
    events: list[dict[str, Any]] = field(default_factory=list)

    def client(self, config: Config = PLAIN, key: str = "test", secret: str = "test") -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            config=config,
        )


class Door:
    """One HTTP server for many tests, with one S3 at a time behind it."""

    def __init__(self) -> None:
        self.service: S3Service | None = None
        self._server = HttpServer()
        self._server.start(self._answer)
        self.url = self._server.url

    def close(self) -> None:
        self._server.stop()

    def _answer(self, environ: Any, start_response: Any) -> Any:
        assert self.service is not None, "no S3 is running"
        return self.service(environ, start_response)


@contextmanager
def running(folder: Path, door: Door, region: str = "us-east-1") -> Iterator[Running]:
    """Serve the buckets in `folder`, which are in `region`."""
    events: list[dict[str, Any]] = []
    clock = Clock()
    context = CloudContext(folder, "http://127.0.0.1", region=region)
    service = S3Service(context, events.append, clock=clock)
    door.service = service
    service.start()
    try:
        yield Running(door.url, service, clock, events)
    finally:
        door.service = None
        service.stop()


def eventually(check: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `check()` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.01)
