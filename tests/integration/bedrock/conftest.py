from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config

from localcloud.bedrock import BedrockRuntimeService, BedrockService
from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.service import CloudContext
from tests import clients
from tests.fixtures_models import models_dir

__all__ = ["client", "models_dir"]


def nobody(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []


@pytest.fixture(scope="module")
def client(
    tmp_path_factory: pytest.TempPathFactory,
    models_dir: Path,
) -> Iterator[Callable[[str], Any]]:
    """Return a maker of boto3 clients of both services behind the real front door."""
    http = HttpServer()
    surroundings = CloudContext(tmp_path_factory.mktemp("bedrock"), http.url)
    services = (
        BedrockRuntimeService(surroundings, models_dir),
        BedrockService(surroundings, models_dir),
    )
    http.start(FrontDoor(Backends({"bedrock": services}, None, nobody, nobody)))  # type: ignore[arg-type]

    def make(service: str) -> Any:
        config = Config(retries={"total_max_attempts": 1})
        return clients.client(service, endpoint_url=http.url, config=config)

    yield make
    for service in services:
        service.stop()
    http.stop()
