"""How the local cloud calls itself: AWS clients aimed at its own front door."""

from __future__ import annotations

import threading
from typing import Any

import botocore.session
from botocore.config import Config

from localcloud.service import Surroundings

_CLIENT = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=910,
    max_pool_connections=64,
    inject_host_prefix=False,
    s3={"addressing_style": "path"},
)
"""A call may be an invoke, which takes up to 15 minutes."""


class Clients:
    """botocore clients aimed at the front door, one for each service, without retries."""

    def __init__(self, surroundings: Surroundings) -> None:
        """Make clients of the cloud at `surroundings.endpoint_url` when they are asked for."""
        self._surroundings = surroundings
        self._session = botocore.session.get_session()
        self._made: dict[str, Any] = {}
        self._guard = threading.Lock()  # a session may make one client at a time

    def __call__(self, service: str, role_arn: str = "") -> Any:
        """Return the client of `service`; every role may do everything here."""
        with self._guard:
            if service not in self._made:
                self._made[service] = self._session.create_client(
                    service,
                    region_name=self._surroundings.region,
                    endpoint_url=self._surroundings.endpoint_url,
                    aws_access_key_id="test",
                    aws_secret_access_key="test",  # noqa: S106 - the local cloud's only secret
                    config=_CLIENT,
                )
            return self._made[service]

    def close(self) -> None:
        """Close every connection."""
        with self._guard:
            while self._made:
                self._made.popitem()[1].close()
