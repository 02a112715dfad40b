"""S3 behind a real socket, without the rest of the cloud."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from werkzeug.serving import make_server

from localcloud.s3 import RawHeadersRequestHandler, S3Service
from localcloud.service import Surroundings

PLAIN = Config(s3={"addressing_style": "path"}, retries={"max_attempts": 0})
SIGNED_V4 = PLAIN.merge(Config(signature_version="s3v4"))


class QuietHandler(RawHeadersRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002
        """Write nothing."""


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


@contextmanager
def running(folder: Path) -> Iterator[Running]:
    """Serve the buckets in `folder`."""
    events: list[dict[str, Any]] = []
    clock = Clock()
    surroundings = Surroundings(folder, "http://127.0.0.1")
    service = S3Service(surroundings, events.append, clock=clock)
    server = make_server("127.0.0.1", 0, service, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
    )
    thread.start()
    service.start()
    try:
        yield Running(f"http://127.0.0.1:{server.server_port}", service, clock, events)
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
        service.stop()


def eventually(check: Callable[[], bool], seconds: float = 10) -> None:
    """Wait until `check()` holds."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not come to hold in time"
        time.sleep(0.01)
