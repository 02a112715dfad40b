"""boto3 clients of services whose names are only known when a test runs."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

import boto3
from botocore.config import Config

_LOCK = threading.Lock()
"""A session makes one client at a time."""


@functools.cache
def _session(*, with_moto: bool) -> boto3.Session:
    """Return a session for all: each by itself would parse the descriptions of services anew.

    Moto answers the clients of sessions that began after it was imported.
    """
    return boto3.Session(
        region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )


def client(service: str, *, endpoint_url: str | None = None, config: Config | None = None) -> Any:
    """Return a client with the local cloud's region and credentials."""
    with _LOCK:
        return _session(with_moto="moto" in sys.modules).client(  # type: ignore[call-overload]  # its stubs know only literal names
            service, endpoint_url=endpoint_url, config=config
        )
