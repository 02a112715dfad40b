"""SQS, EventBridge and Scheduler behind the real front door, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.config import Config

from localcloud.events import EventsService
from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.scheduler import SchedulerService
from localcloud.service import CloudContext
from localcloud.sqs import SqsService
from tests import clients


@dataclass
class Messaging:
    """The address, and clients that use it."""

    url: str

    def client(self, service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1})
        return clients.client(service, endpoint_url=self.url, config=config)


def nobody(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []


@contextmanager
def open_messaging(folder: Path) -> Iterator[Messaging]:
    """Yield an address with the three services started; stop them at the end."""
    http = HttpServer()
    context = CloudContext(folder, http.url)
    sqs = SqsService(context)
    targets = {"sqs": sqs.deliver}
    events = EventsService(context, targets)
    scheduler = SchedulerService(context, {**targets, "events": events.deliver})
    services = (sqs, events, scheduler)
    backends = Backends({one.name: (one,) for one in services}, None, nobody, nobody)  # type: ignore[arg-type]
    http.start(FrontDoor(backends))
    for one in services:
        one.start()
    try:
        yield Messaging(http.url)
    finally:
        for one in reversed(services):
            one.stop()
        http.stop()
