from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.moto.engine import MotoEngine
from localcloud.moto.journal import RawCall
from localcloud.service import CloudContext

PREFIXES = {
    "kms": ("TrentService", "1.1"),
    "ssm": ("AmazonSSM", "1.1"),
    "secretsmanager": ("secretsmanager", "1.1"),
    "logs": ("Logs_20140328", "1.1"),
}


class Opened:
    """A MotoCloud that takes calls as dictionaries."""

    def __init__(self, cloud: MotoEngine) -> None:
        self._cloud = cloud

    def __call__(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Return the answer; it has `__type` when it is an error."""
        prefix, version = PREFIXES[service]
        scope = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request"
        headers = {
            "x-amz-target": f"{prefix}.{operation}",
            "content-type": f"application/x-amz-json-{version}",
            "authorization": scope,
        }
        call = RawCall(service, operation, "POST", "/", headers, json.dumps(params).encode())
        body = self._cloud.handle(call).body
        assert isinstance(body, bytes)
        answer: dict[str, Any] = json.loads(body or b"{}")
        return answer


Open = Callable[..., Any]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    """Open a MotoCloud on the test's folder, or on one beside it, for a `with` block."""

    @contextmanager
    def open_one(folder: str = "data") -> Iterator[Opened]:
        cloud = MotoEngine(CloudContext(tmp_path / folder, "http://127.0.0.1"))
        try:
            yield Opened(cloud)
        finally:
            cloud.close()

    return open_one
