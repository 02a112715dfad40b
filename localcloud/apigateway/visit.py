"""What is learnt of a request while it is answered, for the line that the access log has of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from localcloud.apigateway.request import HttpRequest


@dataclass(slots=True)
class Visit:
    """A request on its way. `failure` is the type of the gateway's own answer, if it gave one."""

    began: float
    resource: str = ""
    authorizer: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""

    def values(self, request: HttpRequest, status: int, length: int, now: float) -> dict[str, str]:
        """Return the variables of `$context.…` that are known at the end, at `now`."""
        return {
            "error.responseType": self.failure,
            "identity.sourceIp": request.source_ip,
            "protocol": "HTTP/1.1",
            "requestTime": datetime.now(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "resourcePath": self.resource,
            "responseLatency": str(round((now - self.began) * 1000)),
            "responseLength": str(length),
            "status": str(status),
        }
