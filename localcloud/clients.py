"""AWS clients with which the local cloud calls its own front door."""

from __future__ import annotations

import threading
from typing import Any

import botocore.session
from botocore.config import Config

from localcloud.iam.credentials import IssueCredentials, issue_administrator
from localcloud.service import CloudContext
from localcloud.wire.service_models import model_loader

_CLIENT_CONFIG = Config(
    retries={"total_max_attempts": 1},
    connect_timeout=5,
    read_timeout=910,
    max_pool_connections=64,
    inject_host_prefix=False,
    s3={"addressing_style": "path"},
)
"""A call may be an invoke, which takes up to 15 minutes."""

_SESSION_NAME = "local-cloud"
"""The role session name; AWS generates one for each session."""


class Clients:
    """botocore clients of the front door, one for each service and role, without retries."""

    def __init__(
        self, context: CloudContext, issue: IssueCredentials = issue_administrator
    ) -> None:
        """Create clients on demand; they sign with the credentials that `issue` gives a role."""
        self._context = context
        self._issue = issue
        self._session = botocore.session.get_session()
        self._session.register_component("data_loader", model_loader())
        self._clients: dict[tuple[str, str], Any] = {}
        self._lock = threading.Lock()  # a session may create one client at a time

    def __call__(self, service: str, role_arn: str = "") -> Any:
        """Return the client of `service` that calls as a role, or as the administrator."""
        with self._lock:
            if (service, role_arn) not in self._clients:
                credentials = self._issue(role_arn, _SESSION_NAME)
                self._clients[(service, role_arn)] = self._session.create_client(
                    service,
                    region_name=self._context.region,
                    endpoint_url=self._context.endpoint_url,
                    aws_access_key_id=credentials.access_key,
                    aws_secret_access_key=credentials.secret,
                    aws_session_token=credentials.token or None,
                    config=_CLIENT_CONFIG,
                )
            return self._clients[(service, role_arn)]

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            while self._clients:
                self._clients.popitem()[1].close()
