"""How the local cloud calls itself: AWS clients aimed at its own front door."""

from __future__ import annotations

import threading
from typing import Any

import botocore.session
from botocore.config import Config

from localcloud.iam.callers import Issue, to_anyone
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
_SESSION = "local-cloud"
"""The name under which a state machine's role calls; AWS draws one for each."""


class Clients:
    """botocore clients aimed at the front door, one for each service and role, without retries."""

    def __init__(self, surroundings: Surroundings, issue: Issue = to_anyone) -> None:
        """Make clients of the cloud at `surroundings.endpoint_url` when they are asked for.

        They sign with what `issue` gives for a role.
        """
        self._surroundings = surroundings
        self._issue = issue
        self._session = botocore.session.get_session()
        self._made: dict[tuple[str, str], Any] = {}
        self._guard = threading.Lock()  # a session may make one client at a time

    def __call__(self, service: str, role_arn: str = "") -> Any:
        """Return the client of `service` that calls as a role, or as the administrator."""
        with self._guard:
            if (service, role_arn) not in self._made:
                credentials = self._issue(role_arn, _SESSION)
                self._made[(service, role_arn)] = self._session.create_client(
                    service,
                    region_name=self._surroundings.region,
                    endpoint_url=self._surroundings.endpoint_url,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret,
                    aws_session_token=credentials.token or None,
                    config=_CLIENT,
                )
            return self._made[(service, role_arn)]

    def close(self) -> None:
        """Close every connection."""
        with self._guard:
            while self._made:
                self._made.popitem()[1].close()
