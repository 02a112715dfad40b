from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from localcloud.frontdoor.application import Backends, FrontDoor
from localcloud.frontdoor.http_server import HttpServer
from localcloud.s3vectors import S3VectorsService
from localcloud.service import CloudContext


def nobody(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [])
    return []


@pytest.fixture
def s3vectors(tmp_path: Path) -> Iterator[Any]:
    """Return a boto3 client of the service behind the real front door."""
    http = HttpServer()
    service = S3VectorsService(CloudContext(tmp_path, http.url))
    http.start(FrontDoor(Backends({"s3vectors": (service,)}, None, nobody, nobody)))  # type: ignore[arg-type]
    yield boto3.client(
        "s3vectors",
        region_name="us-east-1",
        endpoint_url=http.url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    http.stop()
    service.stop()
