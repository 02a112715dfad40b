"""boto3 clients of services whose names are only known when a test runs."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config


def client(service: str, *, endpoint_url: str | None = None, config: Config | None = None) -> Any:
    """Return a client with the local cloud's region and credentials."""
    return boto3.client(  # type: ignore[call-overload]  # its stubs know only literal names
        service,
        region_name="us-east-1",
        endpoint_url=endpoint_url,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )
